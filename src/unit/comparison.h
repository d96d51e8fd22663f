// The medium read back, and held against what a host has sent.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>

#include "base/buffer_pool.h"
#include "unit/work.h"

namespace ashlar::unit {

/// Long stories work in pieces of this size, so that one of them never holds more.
constexpr uint32_t chunk_bytes = 1u << 20;

/// What the bytes of the medium are held against.
enum class Expected : uint8_t {
  anything,   ///< they need only be readable
  data,       ///< the data, byte for byte
  one_block,  ///< the data is one block, which each of them repeats
};

struct Comparison {
  block::Status status = block::Status::ok;
  uint64_t offset = 0;                 ///< bytes, of the piece that could not be read
  std::optional<uint64_t> difference;  ///< the first byte that differs: of the range, or within the one block
};

/// Memory to read `length` bytes of the medium into, a piece at a time. False: there is none.
[[nodiscard]] inline bool take_scratch(BufferPool& buffers, uint64_t length, Buffer& scratch) {
  return buffers.allocate(scratch, static_cast<uint32_t>(std::min<uint64_t>(length, chunk_bytes)));
}

/// Of `read`, which begins at byte `done` of the range: where it differs from what is expected, as Comparison::difference.
std::optional<uint64_t> find_difference(const Buffer& read, uint64_t done, Expected expected,
                                        const Buffer& data, uint32_t block_bytes);

/// Reads [offset, offset + length) for a command, by pieces as large as `scratch` (take_scratch()). A command that is interrupted ends
/// it before the next piece. `data` and `scratch` outlive it.
template <typename Handling>
loop::Task<Comparison> read_and_compare(Handling handling, uint64_t offset, uint64_t length,
                                        Expected expected, const Buffer& data, Buffer& scratch) {
  const uint32_t piece = scratch.size();
  for (uint64_t done = 0; done < length && !handling.interrupted(); done += piece) {
    if (length - done < scratch.size()) scratch.shrink(static_cast<uint32_t>(length - done));
    block::Request& request = handling.request(block::Operation::read, offset + done, scratch.size());
    request.parts = scratch.segments();
    Work<Handling> reading(handling);
    const block::Status status = co_await reading;
    if (status != block::Status::ok) co_return Comparison{status, offset + done, {}};
    const auto difference =
        find_difference(scratch, done, expected, data, handling.unit().geometry().block_bytes);
    if (difference) co_return Comparison{block::Status::ok, 0, difference};
  }
  co_return Comparison{};
}

}  // namespace ashlar::unit
