// Copies bytes from one logical unit to another, or within one, blind to protocols: in pieces, each under a range lock of the
// destination, read and written by a few lanes at a time.
#pragma once

#include <array>
#include <memory>

#include "base/buffer_pool.h"
#include "unit/copy_budget.h"
#include "unit/logical_unit.h"

namespace ashlar::unit {

enum class CopySide : uint8_t { neither, source, destination };

/// Says whether a copy may still go on. Whether its host may read the one unit and write the other (mappings, reservations,
/// write protection) is for the protocol that asked to know, and changes while the copy runs.
class CopyWarden {
 public:
  /// Asked before every read and every write. False ends the copy: nothing more is read or written.
  virtual bool may_go_on() = 0;

 protected:
  ~CopyWarden() = default;
};

/// `length` bytes; offsets and length are multiples of the blocks of both units. Source and destination may be one unit, and
/// the ranges may overlap: then the destination gets what the source held before.
struct CopyWork {
  std::shared_ptr<LogicalUnit> source, destination;
  uint64_t source_offset = 0;
  uint64_t destination_offset = 0;
  uint64_t length = 0;
};

struct CopyOutcome {
  block::Status status = block::Status::ok;
  CopySide side = CopySide::neither;  ///< which unit failed; neither with `aborted`: the warden ended it
  /// Bytes copied without a gap: from the front, or of ranges that overlap upwards in one unit, from the back.
  uint64_t done = 0;
};

/// One copy at a time of one nexus on one shard; all calls on that shard. Not destroyed while copy() or write_zeroes() runs.
/// While a piece (at most 4 MiB) is copied, no other write of any shard touches its destination.
class Copier {
 public:
  static constexpr uint64_t piece_bytes = 4u << 20;
  static constexpr uint32_t lane_bytes = 1u << 20;
  static constexpr uint32_t first_lane_bytes = 256u << 10;
  static constexpr size_t most_lanes = 4;

  Copier(CopyBudget& budget, const Nexus& nexus, CopyWarden& warden)
      : budget_(budget), nexus_(nexus), warden_(warden) {}
  ~Copier();
  Copier(const Copier&) = delete;
  Copier& operator=(const Copier&) = delete;

  /// A place in the budget, and the memory of the first lane, kept until the copier dies. False: nothing was taken; the host
  /// may ask again later.
  [[nodiscard]] bool start(BufferPool& buffers);
  loop::Task<CopyOutcome> copy(CopyWork work);
  /// The range reads as zeroes afterwards; its space may be given back.
  loop::Task<CopyOutcome> write_zeroes(std::shared_ptr<LogicalUnit> unit, uint64_t offset, uint64_t length);
  /// Of all calls together, counted as it is written, also while one runs.
  uint64_t bytes_done() const { return bytes_done_; }

 private:
  struct Lane {
    Buffer buffer;
    std::array<iovec, Buffer::max_segments> parts;
    Command command;
    bool extra = false;
  };
  // What the lanes share: a part of the work under one lock.
  struct Piece {
    const CopyWork* work = nullptr;
    uint64_t offset = 0;  // in the work
    uint64_t length = 0;
    uint64_t given_out = 0;
    uint64_t lock = 0;
    bool backwards = false;
    CopyOutcome outcome;  // done: up to the first gap
  };
  void take_lanes(uint64_t length);
  void give_lanes();
  void fail_at(uint64_t done, block::Status status, CopySide side);
  block::Request& prepare(Lane& lane, block::Operation operation, uint64_t offset, uint64_t length);
  loop::Task<void> run_piece();
  loop::Task<void> run_lane(Lane& lane);
  loop::Task<void> copy_chunk(Lane& lane, uint64_t done, uint64_t at, uint64_t length);
  loop::Task<bool> clone_piece();
  loop::Task<bool> is_hole(const CopyWork& work, uint64_t offset, uint64_t length);
  loop::Task<void> zero_piece();

  CopyBudget& budget_;
  const Nexus& nexus_;
  CopyWarden& warden_;
  BufferPool* buffers_ = nullptr;
  std::array<Lane, most_lanes> lanes_;
  size_t lane_count_ = 0;
  size_t lanes_running_ = 0;
  loop::Event lanes_ended_;
  Piece piece_;
  bool may_clone_ = true;
  uint64_t bytes_done_ = 0;
};

}  // namespace ashlar::unit
