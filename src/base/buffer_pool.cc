#include "base/buffer_pool.h"

#include <sys/mman.h>

#include <algorithm>

#include "base/check.h"

namespace ashlar {

BufferPool::BufferPool(const Sizes& sizes) {
  const std::array<uint32_t, 3> counts = {sizes.small, sizes.medium, sizes.large};
  for (size_t i = 0; i < counts.size(); ++i) memory_bytes_ += size_t{counts[i]} * piece_bytes[i];
  memory_ = mmap(nullptr, memory_bytes_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  CHECK(memory_ != MAP_FAILED, "cannot reserve {} bytes of data-path memory", memory_bytes_);
  auto* next = static_cast<uint8_t*>(memory_);
  for (size_t i = 0; i < counts.size(); ++i) {
    free_[i].reserve(counts[i]);
    // Pushed from the top, so that the first pieces handed out are the lowest: a lightly loaded pool touches few pages.
    for (uint32_t n = counts[i]; n > 0; --n) free_[i].push_back(next + size_t{n - 1} * piece_bytes[i]);
    next += size_t{counts[i]} * piece_bytes[i];
  }
}

BufferPool::~BufferPool() {
  CHECK(in_use_ == 0, "{} data-path pieces still in use", in_use_);
  munmap(memory_, memory_bytes_);
}

void* BufferPool::take(uint8_t piece_class) {
  void* piece = free_[piece_class].back();
  free_[piece_class].pop_back();
  ++in_use_;
  return piece;
}

void BufferPool::give_back(void* piece, uint8_t piece_class) {
  free_[piece_class].push_back(piece);
  --in_use_;
}

bool BufferPool::allocate(Buffer& buffer, uint32_t bytes) {
  CHECK(buffer.owned_ == 0 && bytes > 0 && bytes <= max_buffer_bytes, "bytes {}", bytes);
  const uint8_t first = bytes <= piece_bytes[0] ? 0 : bytes <= piece_bytes[1] ? 1 : 2;
  // A class that ran dry is helped out by the next larger one; large requests never fall to smaller pieces.
  for (uint8_t piece_class = first; piece_class < piece_bytes.size(); ++piece_class) {
    const uint32_t piece = piece_bytes[piece_class];
    const uint32_t needed = (bytes + piece - 1) / piece;
    if (free_[piece_class].size() < needed) continue;
    buffer.pool_ = this;
    buffer.size_ = bytes;
    buffer.count_ = buffer.owned_ = static_cast<uint16_t>(needed);
    for (uint32_t i = 0; i < needed; ++i) {
      buffer.classes_[i] = piece_class;
      buffer.segments_[i] = {take(piece_class), std::min(piece, bytes - i * piece)};
    }
    return true;
  }
  return false;
}

void Buffer::release() {
  for (uint16_t i = 0; i < owned_; ++i) pool_->give_back(segments_[i].iov_base, classes_[i]);
  owned_ = count_ = 0;
  size_ = 0;
}

void Buffer::shrink(uint32_t size) {
  CHECK(size <= size_);
  uint32_t left = size;
  uint16_t kept = 0;
  while (left > 0) {
    iovec& segment = segments_[kept++];
    segment.iov_len = std::min<size_t>(segment.iov_len, left);
    left -= static_cast<uint32_t>(segment.iov_len);
  }
  count_ = kept;
  size_ = size;
}

size_t Buffer::slice(uint32_t offset, uint32_t length, std::span<iovec> out) const {
  CHECK(uint64_t{offset} + length <= size_, "slice {}+{} of {}", offset, length, size_);
  size_t used = 0;
  for (uint16_t i = 0; i < count_ && length > 0 && used < out.size(); ++i) {
    const iovec& segment = segments_[i];
    if (offset >= segment.iov_len) {
      offset -= static_cast<uint32_t>(segment.iov_len);
      continue;
    }
    const size_t part = std::min<size_t>(segment.iov_len - offset, length);
    out[used++] = {static_cast<uint8_t*>(segment.iov_base) + offset, part};
    length -= static_cast<uint32_t>(part);
    offset = 0;
  }
  return used;
}

void Buffer::copy_in(uint32_t offset, ConstBytes source) {
  std::array<iovec, max_segments> parts;
  const size_t count = slice(offset, static_cast<uint32_t>(source.size()), parts);
  for (size_t i = 0; i < count; ++i) {
    std::memcpy(parts[i].iov_base, source.data(), parts[i].iov_len);
    source = source.subspan(parts[i].iov_len);
  }
}

void Buffer::copy_out(uint32_t offset, Bytes target) const {
  std::array<iovec, max_segments> parts;
  const size_t count = slice(offset, static_cast<uint32_t>(target.size()), parts);
  for (size_t i = 0; i < count; ++i) {
    std::memcpy(target.data(), parts[i].iov_base, parts[i].iov_len);
    target = target.subspan(parts[i].iov_len);
  }
}

void Buffer::fill_zero(uint32_t offset, uint32_t length) {
  std::array<iovec, max_segments> parts;
  const size_t count = slice(offset, length, parts);
  for (size_t i = 0; i < count; ++i) std::memset(parts[i].iov_base, 0, parts[i].iov_len);
}

}  // namespace ashlar
