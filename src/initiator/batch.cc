#include "initiator/batch.h"

#include <algorithm>

#include "base/check.h"
#include "base/crc32c.h"
#include "initiator/pieces.h"
#include "wire/iscsi_pdu.h"

namespace ashlar::initiator {

namespace iscsi = wire::iscsi;

namespace {

// Header, its digest, a gap or padding, data digest: what a PDU takes from the arena beside copied data.
constexpr size_t overhead_bytes =
    Batch::max_header_bytes + iscsi::digest_bytes + Batch::max_gap_bytes + iscsi::digest_bytes;

}  // namespace

Batch::Batch() : arena_(std::make_unique_for_overwrite<uint8_t[]>(arena_bytes)) {}

void Batch::set_digests(bool header, bool data) {
  header_digest_ = header;
  data_digest_ = data;
}

bool Batch::room(size_t data_pieces, size_t copied_bytes) const {
  return count_ + data_pieces + 2 <= max_pieces && used_ + overhead_bytes + copied_bytes <= arena_bytes;
}

size_t Batch::pieces_of(std::span<const iovec> parts, uint32_t offset, uint32_t length) {
  size_t count = 0;
  for_range(parts, offset, length, [&count](uint8_t*, size_t) { ++count; });
  return count;
}

/// The next `bytes` of the arena join what is to be sent: in the last piece, if that ends there.
void Batch::append_arena(size_t bytes) {
  uint8_t* start = arena_.get() + used_;
  used_ += bytes;
  if (count_ > first_) {
    iovec& last = pieces_[count_ - 1];
    if (static_cast<uint8_t*>(last.iov_base) + last.iov_len == start) {
      last.iov_len += bytes;
      return;
    }
  }
  pieces_[count_++] = {start, bytes};
}

void Batch::finish_header(size_t bytes, size_t gap_bytes) {
  if (header_digest_) {
    store_le32(header() + bytes, crc32c({header(), bytes}));
    bytes += iscsi::digest_bytes;
  }
  std::fill_n(header() + bytes, gap_bytes, uint8_t{0});
  append_arena(bytes + gap_bytes);
}

/// The CRC of them, not finished; only worked out where data has a digest.
uint32_t Batch::append_parts(std::span<const iovec> parts, uint32_t offset, uint32_t length) {
  uint32_t crc = crc32c_start;
  for_range(parts, offset, length, [this, &crc](uint8_t* bytes, size_t count) {
    pieces_[count_++] = {bytes, count};
    if (data_digest_) crc = crc32c_update(crc, {bytes, count});
  });
  return crc;
}

/// Padding and data digest; the digest covers the padding (RFC 7143 11.2.3).
void Batch::finish_data(uint32_t padding_bytes, uint32_t crc) {
  uint8_t* tail = arena_.get() + used_;
  size_t bytes = padding_bytes;
  std::fill_n(tail, bytes, uint8_t{0});
  if (data_digest_) {
    store_le32(tail + bytes, crc32c_finish(crc32c_update(crc, {tail, bytes})));
    bytes += iscsi::digest_bytes;
  }
  if (bytes > 0) append_arena(bytes);
}

void Batch::add(std::span<const iovec> parts, uint32_t offset, uint32_t length) {
  finish_header(iscsi::basic_header_bytes, 0);
  if (length == 0) return;
  const uint32_t crc = append_parts(parts, offset, length);
  finish_data(static_cast<uint32_t>(iscsi::padded(length) - length), crc);
}

void Batch::add_after_gap(size_t header_bytes, size_t gap_bytes, std::span<const iovec> parts,
                          uint32_t offset, uint32_t length) {
  finish_header(header_bytes, gap_bytes);
  if (length == 0) return;
  const uint32_t crc = append_parts(parts, offset, length);
  finish_data(0, crc);
}

void Batch::add_copy(ConstBytes data) {
  finish_header(iscsi::basic_header_bytes, 0);
  if (data.empty()) return;
  std::copy(data.begin(), data.end(), arena_.get() + used_);
  append_arena(data.size());
  const uint32_t crc = data_digest_ ? crc32c_update(crc32c_start, data) : crc32c_start;
  const auto length = static_cast<uint32_t>(data.size());
  finish_data(static_cast<uint32_t>(iscsi::padded(length) - length), crc);
}

Batch::Progress Batch::send(loop::Stream& stream) {
  while (!empty()) {
    const int64_t taken = stream.send(std::span<const iovec>(pieces_).subspan(first_, count_ - first_));
    if (taken == loop::Stream::would_block) return Progress::blocked;
    if (taken < 0) {
      error_ = taken;
      return Progress::failed;
    }
    auto left = static_cast<size_t>(taken);
    while (left > 0) {
      iovec& piece = pieces_[first_];
      const size_t bytes = std::min(left, piece.iov_len);
      piece.iov_base = static_cast<uint8_t*>(piece.iov_base) + bytes;
      piece.iov_len -= bytes;
      left -= bytes;
      if (piece.iov_len == 0) ++first_;
    }
    // A send that took part of it is followed by writable().
    if (!empty()) return Progress::blocked;
  }
  clear();
  return Progress::done;
}

void Batch::clear() { used_ = first_ = count_ = 0; }

}  // namespace ashlar::initiator
