// Ranges that are given back or become zeroes, in pieces that the device takes.
#pragma once

#include <algorithm>
#include <cstdint>

#include "unit/work.h"

namespace ashlar::unit {

/// Bytes of the longest discard or write_zeroes: whole blocks, at least one.
inline uint64_t clearing_piece_bytes(const block::Limits& limits, uint32_t block_bytes) {
  return std::max<uint64_t>(limits.max_discard_bytes / block_bytes * block_bytes, block_bytes);
}

struct Clearing {
  block::Operation operation = block::Operation::write_zeroes;  ///< or discard
  uint64_t offset = 0, length = 0;                              ///< bytes
  bool durable = false, may_discard = false;                    ///< of write_zeroes
};
struct ClearingOutcome {
  block::Status status = block::Status::ok;
  uint64_t offset = 0;  ///< of the piece that failed
};

/// Does it for a command. One that is interrupted ends it before the next piece, which is no error.
template <typename Handling>
loop::Task<ClearingOutcome> clear_range(Handling handling, Clearing work) {
  const uint64_t piece =
      clearing_piece_bytes(handling.unit().limits(), handling.unit().geometry().block_bytes);
  for (uint64_t done = 0; done < work.length && !handling.interrupted();) {
    const uint64_t now = std::min(piece, work.length - done);
    block::Request& request = handling.request(work.operation, work.offset + done, now);
    request.durable = work.durable;
    request.may_discard = work.may_discard;
    Work<Handling> working(handling);
    const block::Status status = co_await working;
    if (status != block::Status::ok) co_return ClearingOutcome{status, work.offset + done};
    done += now;
  }
  co_return ClearingOutcome{};
}

}  // namespace ashlar::unit
