#include "unit/buffers.h"

#include <cstring>

#include "base/check.h"

namespace ashlar::unit {
namespace {

// One piece of a buffer from a byte on.
Bytes piece_at(const Buffer& buffer, uint32_t offset, uint32_t length) {
  iovec piece{};
  const size_t count = buffer.slice(offset, length, {&piece, 1});
  CHECK(count == 1);
  return {static_cast<uint8_t*>(piece.iov_base), piece.iov_len};
}

// Calls work(left, right) on stretches of equal length that lie in one piece on both sides, until it says false.
template <typename Work>
void for_stretches(const Buffer& left, uint32_t left_offset, const Buffer& right, uint32_t right_offset,
                   uint32_t length, Work work) {
  while (length > 0) {
    const Bytes a = piece_at(left, left_offset, length);
    const Bytes b = piece_at(right, right_offset, length);
    const uint32_t size = static_cast<uint32_t>(std::min(a.size(), b.size()));
    if (!work(a.first(size), b.first(size))) return;
    left_offset += size;
    right_offset += size;
    length -= size;
  }
}

}  // namespace

uint32_t equal_bytes(const Buffer& left, uint32_t left_offset, const Buffer& right, uint32_t right_offset,
                     uint32_t length) {
  uint32_t equal = 0;
  for_stretches(left, left_offset, right, right_offset, length, [&](Bytes a, Bytes b) {
    if (std::memcmp(a.data(), b.data(), a.size()) == 0) {
      equal += static_cast<uint32_t>(a.size());
      return true;
    }
    equal += static_cast<uint32_t>(std::ranges::mismatch(a, b).in1 - a.begin());
    return false;
  });
  return equal;
}

void or_bytes(Buffer& target, uint32_t target_offset, const Buffer& source, uint32_t source_offset,
              uint32_t length) {
  for_stretches(target, target_offset, source, source_offset, length, [](Bytes a, Bytes b) {
    for (size_t i = 0; i < a.size(); ++i) a[i] |= b[i];
    return true;
  });
}

void repeat_block(Buffer& target, const Buffer& source, uint32_t block) {
  const Bytes pattern = piece_at(source, 0, block);
  CHECK(pattern.size() == block && 4096 % block == 0);
  // Pieces are multiples of 4096, so that every block of the target lies in one of them.
  for (const iovec& piece : target.segments()) {
    auto* bytes = static_cast<uint8_t*>(piece.iov_base);
    for (size_t at = 0; at < piece.iov_len; at += block) std::memcpy(bytes + at, pattern.data(), block);
  }
}

bool is_zero(const Buffer& buffer, uint32_t length) {
  for (uint32_t at = 0; at < length;) {
    const Bytes piece = piece_at(buffer, at, length - at);
    if (piece[0] != 0 || std::memcmp(piece.data(), piece.data() + 1, piece.size() - 1) != 0) return false;
    at += static_cast<uint32_t>(piece.size());
  }
  return true;
}

}  // namespace ashlar::unit
