// A range of data that lies in pieces.
#pragma once

#include <sys/uio.h>

#include <algorithm>
#include <cstdint>
#include <span>

#include "base/check.h"

namespace ashlar::initiator {

/// Calls `visit(uint8_t* bytes, size_t count)` with each piece of [offset, offset + length), which must be there.
template <typename Visit>
void for_range(std::span<const iovec> parts, uint32_t offset, uint32_t length, Visit visit) {
  uint64_t skip = offset;
  uint64_t left = length;
  for (const iovec& part : parts) {
    if (left == 0) return;
    if (skip >= part.iov_len) {
      skip -= part.iov_len;
      continue;
    }
    const uint64_t bytes = std::min<uint64_t>(part.iov_len - skip, left);
    visit(static_cast<uint8_t*>(part.iov_base) + skip, static_cast<size_t>(bytes));
    skip = 0;
    left -= bytes;
  }
  CHECK(left == 0, "{} bytes at {} are not there", length, offset);
}

}  // namespace ashlar::initiator
