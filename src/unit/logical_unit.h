// The logical unit: a device with identity and rules, blind to protocols. Two forms: local (here) and forwarding (later).
#pragma once

#include <memory>

#include "base/result.h"
#include "block/device.h"
#include "block/passthrough.h"
#include "loop/task.h"
#include "unit/command.h"
#include "unit/identity.h"
#include "unit/pool_level.h"
#include "unit/tally.h"

namespace ashlar::unit {

/// A range of bytes that one story owns while it works (compare-and-write, write-same): overlapping writes of every shard
/// wait. Costs nothing to anyone while none is held. The holder's own writes carry `id` in Command::range_lock, or they
/// would wait for themselves. id 0: the unit is closing and nothing is held; commands then end with Status::aborted.
struct RangeLock {
  uint64_t offset = 0;
  uint64_t length = 0;
  uint64_t id = 0;
  bool reads = false;  ///< reads are kept out, too
};

/// Time between a device's request and its answer, summed over all of them; nanoseconds.
struct WorkTime {
  uint64_t reading_ns = 0;
  uint64_t writing_ns = 0;
};

/// A unit as one shard sees it; all calls on that shard. Front-ends cannot tell a local unit from a forwarding one.
class LogicalUnit {
 public:
  virtual ~LogicalUnit() = default;
  virtual const Identity& identity() const = 0;
  /// The current snapshot: size_bytes may differ from call to call.
  virtual Geometry geometry() const = 0;
  virtual const block::Limits& limits() const = 0;
  /// Takes the command; command.request.done runs later, exactly once. Writes are made durable when the write cache is off.
  virtual void submit(Command& command) = 0;
  /// For block::Operation::clone, from this unit and into it; null: it cannot share ranges, or not now.
  virtual std::shared_ptr<block::CloneSource> clone_source() { return nullptr; }
  /// A unit that is a SCSI device of this machine, whose commands go to that; null: it is blocks, or it is closing.
  virtual block::Passthrough* passthrough() { return nullptr; }
  /// Of such a unit: hands the command to the device. False: it is closing, and nothing happens. The unit closes no sooner than
  /// the caller says passed(), which it does from operation.run() on.
  virtual bool pass(loop::ScsiOperation& /*operation*/) { return false; }
  virtual void passed(const loop::ScsiOperation& /*operation*/) {}
  /// Switches write-back answering (MODE SELECT WCE); affects later writes on every shard.
  virtual void set_write_cache(bool enabled) = 0;
  /// Waits until no write, discard or write_zeroes of any shard overlaps, and keeps new ones out until unlock_range().
  /// Reads go on, but with `reads` they are waited for and kept out like writes. Overlapping locks are given in the order of
  /// asking; hold one at a time, or two stories may wait for ever.
  virtual loop::Task<RangeLock> lock_range(uint64_t offset, uint64_t length, bool reads = false) = 0;
  virtual void unlock_range(const RangeLock& lock) = 0;
  /// What was written becomes unreadable for good (Limits::erasable_key; block::Store::erase_key). The caller holds the whole
  /// range, reads included, and lets nothing else begin.
  virtual loop::Task<Result<void>> erase_key() { return no_key(); }
  /// What its hosts had it do; lives as long as this.
  virtual UnitTally& tally() = 0;
  virtual PoolLevel& pool_level() = 0;
  /// How long its device has worked, since it was opened. Control path.
  virtual loop::Task<WorkTime> work_time() = 0;

 private:
  static loop::Task<Result<void>> no_key() {
    co_return fail(ErrorCode::unsupported, "key", "this unit is not encrypted");
  }
};

}  // namespace ashlar::unit
