#include "loop/transmit_queue.h"

#include <array>
#include <utility>

#include "base/check.h"

namespace ashlar::loop {

ChunkPool::ChunkPool(size_t prepared, size_t maximum) : maximum_(maximum) {
  free_.reserve(maximum);
  for (; made_ < prepared; ++made_) free_.push_back(std::make_unique_for_overwrite<uint8_t[]>(chunk_bytes));
}

ChunkPool::Chunk ChunkPool::take() {
  if (!free_.empty()) {
    Chunk chunk = std::move(free_.back());
    free_.pop_back();
    return chunk;
  }
  if (made_ == maximum_) return nullptr;
  ++made_;
  return std::make_unique_for_overwrite<uint8_t[]>(chunk_bytes);
}

void ChunkPool::give_back(Chunk chunk) { free_.push_back(std::move(chunk)); }

bool TransmitQueue::open_chunk() {
  ChunkPool::Chunk chunk = pool_.take();
  if (!chunk) return false;
  if (!chunks_.empty()) items_.push_back({{nullptr, 0}, nullptr, true});
  chunks_.push_back(std::move(chunk));
  chunk_used_ = 0;
  return true;
}

uint8_t* TransmitQueue::append(size_t bytes) {
  CHECK(bytes <= ChunkPool::chunk_bytes);
  if ((chunks_.empty() || chunk_used_ + bytes > ChunkPool::chunk_bytes) && !open_chunk()) return nullptr;
  uint8_t* start = chunks_.back().get() + chunk_used_;
  chunk_used_ += bytes;
  backlog_bytes_ += bytes;
  if (!empty()) {
    Item& last = items_.back();
    const bool adjoins = last.owner == nullptr && !last.ends_chunk &&
                         static_cast<uint8_t*>(last.piece.iov_base) + last.piece.iov_len == start;
    if (adjoins) {
      last.piece.iov_len += bytes;
      return start;
    }
  }
  items_.push_back({{start, bytes}, nullptr, false});
  return start;
}

bool TransmitQueue::append_copy(ConstBytes bytes) {
  while (!bytes.empty()) {
    const size_t part = std::min(bytes.size(), ChunkPool::chunk_bytes);
    uint8_t* target = append(part);
    if (target == nullptr) return false;
    std::memcpy(target, bytes.data(), part);
    bytes = bytes.subspan(part);
  }
  return true;
}

void TransmitQueue::append_reference(const iovec& piece) {
  items_.push_back({piece, nullptr, false});
  backlog_bytes_ += piece.iov_len;
}

void TransmitQueue::call_when_sent(Transmitted& owner) { items_.push_back({{nullptr, 0}, &owner, false}); }

void TransmitQueue::finish_items() {
  while (head_ < items_.size() && items_[head_].piece.iov_len == 0) {
    const Item item = items_[head_++];
    if (item.ends_chunk) {
      pool_.give_back(std::move(chunks_.front()));
      chunks_.erase(chunks_.begin());
    }
    if (item.owner != nullptr) item.owner->transmitted();
  }
  if (head_ < items_.size()) return;
  items_.clear();
  head_ = 0;
  // Only the chunk that was being filled is left: an idle connection holds no memory.
  for (ChunkPool::Chunk& chunk : chunks_) pool_.give_back(std::move(chunk));
  chunks_.clear();
  chunk_used_ = ChunkPool::chunk_bytes;
}

void TransmitQueue::consume(size_t bytes) {
  backlog_bytes_ -= bytes;
  while (bytes > 0) {
    iovec& piece = items_[head_].piece;
    const size_t part = std::min(bytes, piece.iov_len);
    piece.iov_base = static_cast<uint8_t*>(piece.iov_base) + part;
    piece.iov_len -= part;
    bytes -= part;
    if (piece.iov_len == 0) finish_items();
  }
}

TransmitQueue::Flushed TransmitQueue::flush(Stream& stream) {
  finish_items();
  while (!empty()) {
    std::array<iovec, send_pieces> pieces;
    size_t count = 0;
    size_t bytes = 0;
    for (size_t i = head_; i < items_.size() && count < pieces.size(); ++i) {
      if (items_[i].piece.iov_len == 0) continue;
      pieces[count++] = items_[i].piece;
      bytes += items_[i].piece.iov_len;
    }
    const int64_t sent = stream.send(std::span(pieces).first(count));
    if (sent == Stream::would_block) return Flushed::some;
    if (sent <= 0) return Flushed::failed;
    consume(static_cast<size_t>(sent));
    if (static_cast<size_t>(sent) < bytes) return Flushed::some;
  }
  return Flushed::everything;
}

void TransmitQueue::abandon() {
  for (size_t i = head_; i < items_.size(); ++i) items_[i].piece.iov_len = 0;
  backlog_bytes_ = 0;
  finish_items();
}

}  // namespace ashlar::loop
