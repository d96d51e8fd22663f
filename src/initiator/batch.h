// What one gathered send carries: headers, digests and small data copied one behind the other, the caller's data by reference.
#pragma once

#include <sys/uio.h>

#include <array>
#include <cstdint>
#include <memory>
#include <span>

#include "base/bytes.h"
#include "loop/stream.h"

namespace ashlar::initiator {

/// Filled when empty, then sent until nothing is left of it. Bounded: max_pieces pieces, arena_bytes of headers and copies.
class Batch {
 public:
  static constexpr size_t max_pieces = 1024;  // what Stream::send() takes
  static constexpr size_t arena_bytes = 64 * 1024;
  static constexpr size_t max_header_bytes = 72;  // CapsuleCmd of NVMe/TCP
  static constexpr size_t max_gap_bytes = 124;    // data aligned to 128 bytes, headers to 4

  Batch();
  /// Digests of what is framed from now on (RFC 7143 13.1).
  void set_digests(bool header, bool data);

  bool empty() const { return first_ == count_; }
  /// Is there room for one more PDU with that much data?
  bool room(size_t data_pieces, size_t copied_bytes) const;
  /// Room for a header (max_header_bytes), to be encoded before the add() that follows. room() must have said yes.
  uint8_t* header() { return arena_.get() + used_; }
  /// Frames the iSCSI PDU of header() with `length` bytes of `parts` from `offset` on, which stay alive until the batch is sent.
  void add(std::span<const iovec> parts, uint32_t offset, uint32_t length);
  /// The same for NVMe/TCP: a header of `header_bytes`, its digest, `gap_bytes` of zeroes, data without padding behind it.
  void add_after_gap(size_t header_bytes, size_t gap_bytes, std::span<const iovec> parts, uint32_t offset,
                     uint32_t length);
  /// Frames the PDU of header() with a copy of `data` (possibly none).
  void add_copy(ConstBytes data);
  /// Pieces that add() takes for this range.
  static size_t pieces_of(std::span<const iovec> parts, uint32_t offset, uint32_t length);

  /// Sends what is left. `sent` is how much the network took in all.
  enum class Progress : uint8_t { done, blocked, failed };
  Progress send(loop::Stream& stream);
  /// -errno of a send that failed.
  int64_t error() const { return error_; }
  void clear();

 private:
  void append_arena(size_t bytes);
  void finish_header(size_t bytes, size_t gap_bytes);
  uint32_t append_parts(std::span<const iovec> parts, uint32_t offset, uint32_t length);
  void finish_data(uint32_t padding_bytes, uint32_t crc);

  std::unique_ptr<uint8_t[]> arena_;
  size_t used_ = 0;
  size_t first_ = 0;
  size_t count_ = 0;
  bool header_digest_ = false;
  bool data_digest_ = false;
  int64_t error_ = 0;
  std::array<iovec, max_pieces> pieces_;
};

}  // namespace ashlar::initiator
