#include "unit/comparison.h"

#include "unit/buffers.h"

namespace ashlar::unit {

std::optional<uint64_t> find_difference(const Buffer& read, uint64_t done, Expected expected,
                                        const Buffer& data, uint32_t block_bytes) {
  const uint32_t size = read.size();
  switch (expected) {
    case Expected::anything: return std::nullopt;
    case Expected::data: {
      const uint32_t equal = equal_bytes(data, static_cast<uint32_t>(done), read, 0, size);
      return equal == size ? std::nullopt : std::optional(done + equal);
    }
    case Expected::one_block: break;
  }
  for (uint32_t at = 0; at < size; at += block_bytes) {
    const uint32_t equal = equal_bytes(data, 0, read, at, block_bytes);
    if (equal != block_bytes) return equal;
  }
  return std::nullopt;
}

}  // namespace ashlar::unit
