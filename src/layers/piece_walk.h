// Steps through the bytes of pieces, which may begin and end anywhere.
#pragma once

#include <sys/uio.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <span>

namespace ashlar::layers {

/// The pieces outlive it. It never goes past their end: who steps knows how much is left.
class PieceWalk {
 public:
  explicit PieceWalk(std::span<const iovec> parts) : parts_(parts) {}

  void skip(uint64_t bytes) {
    while (bytes > 0) bytes -= advance(bytes);
  }
  /// The next `bytes`, if one piece holds them all; else null, and nothing moves.
  uint8_t* take(size_t bytes) {
    pass_empty();
    if (parts_.front().iov_len - used_ < bytes) return nullptr;
    uint8_t* here = at();
    advance(bytes);
    return here;
  }
  void copy_out(uint8_t* memory, size_t bytes) {
    while (bytes > 0) {
      const uint8_t* here = (pass_empty(), at());
      const size_t count = advance(bytes);
      std::memcpy(memory, here, count);
      memory += count;
      bytes -= count;
    }
  }
  void copy_in(const uint8_t* memory, size_t bytes) {
    while (bytes > 0) {
      uint8_t* here = (pass_empty(), at());
      const size_t count = advance(bytes);
      std::memcpy(here, memory, count);
      memory += count;
      bytes -= count;
    }
  }

 private:
  uint8_t* at() const { return static_cast<uint8_t*>(parts_.front().iov_base) + used_; }
  void pass_empty() {
    while (used_ == parts_.front().iov_len) {
      parts_ = parts_.subspan(1);
      used_ = 0;
    }
  }
  size_t advance(uint64_t most) {
    pass_empty();
    const size_t count = std::min<uint64_t>(parts_.front().iov_len - used_, most);
    used_ += count;
    return count;
  }

  std::span<const iovec> parts_;
  size_t used_ = 0;  // of the first of them
};

}  // namespace ashlar::layers
