// The local form of a logical unit: this head owns the storage.
#pragma once

#include <atomic>
#include <memory>
#include <vector>

#include "block/store.h"
#include "unit/logical_unit.h"
#include "unit/range_lock_queue.h"

namespace ashlar::unit {

class LocalUnit;

/// What all shards share of one unit. The home shard (0) decides who holds which range; the rest is fixed or atomic.
struct UnitShared {
  UnitShared(Identity its_identity, Geometry its_geometry, std::shared_ptr<block::Store> its_store,
             loop::Shards& its_shards);

  const Identity identity;
  const Geometry geometry;              ///< but for size_bytes and write_cache, which live below
  std::shared_ptr<block::Store> store;  ///< shard 0 only; let go by close_unit(), so that it dies there
  loop::Shards& shards;
  std::atomic<uint64_t> size_bytes;
  std::atomic<bool> write_cache;
  UnitTally tally;
  PoolLevel pool_level;

  // Home shard only.
  RangeLockQueue locks;
  bool closing = false;
  // Entry i is used on shard i only: null once that shard has closed.
  std::vector<LocalUnit*> on_shard;
};

/// One shard's half: a channel of the store, the commands in flight on it, and the ranges that are locked now.
class LocalUnit final : public LogicalUnit {
 public:
  LocalUnit(std::shared_ptr<UnitShared> shared, loop::Loop& loop,
            std::unique_ptr<block::BlockDevice> channel);
  ~LocalUnit() override;

  const Identity& identity() const override { return shared_->identity; }
  Geometry geometry() const override;
  const block::Limits& limits() const override { return channel_ ? channel_->limits() : limits_at_close_; }
  void submit(Command& command) override;
  std::shared_ptr<block::CloneSource> clone_source() override {
    return closing_ ? nullptr : channel_->clone_source();
  }
  block::Passthrough* passthrough() override { return closing_ ? nullptr : channel_->passthrough(); }
  bool pass(loop::ScsiOperation& operation) override;
  void passed(const loop::ScsiOperation& operation) override;
  void set_write_cache(bool enabled) override {
    shared_->write_cache.store(enabled, std::memory_order_relaxed);
  }
  loop::Task<RangeLock> lock_range(uint64_t offset, uint64_t length, bool reads = false) override;
  void unlock_range(const RangeLock& lock) override;
  loop::Task<Result<void>> erase_key() override;
  UnitTally& tally() override { return shared_->tally; }
  PoolLevel& pool_level() override { return shared_->pool_level; }
  loop::Task<WorkTime> work_time() override;

  /// From the home shard's messages, on this shard.
  void hold(const RangeLock& lock);
  void let_go(uint64_t id);
  loop::Task<void> close();

 private:
  struct Hold {
    RangeLock lock;
    size_t before = 0;  // what it keeps out and was in flight before the lock, still to end
  };
  static void ended(block::Request& request, block::Request::Layer& layer);
  bool at_rest() const { return in_flight_.empty() && passing_ == 0; }
  bool must_wait(const Command& command) const;
  void admit(Command& command);
  void left_range(const Command& command);
  void tell_quiet(uint64_t id);

  std::shared_ptr<UnitShared> shared_;
  loop::Loop& loop_;
  std::unique_ptr<block::BlockDevice> channel_;
  block::Limits limits_at_close_;
  CommandList in_flight_;
  uint32_t passing_ = 0;  // commands that the device has as they are
  CommandList held_;
  std::vector<Hold> holds_;
  bool closing_ = false;
  loop::Event idle_;
};

/// A unit on all shards. Every LogicalUnit must see close_unit() before its last owner lets go.
struct OpenUnit {
  std::shared_ptr<UnitShared> shared;
  std::vector<std::shared_ptr<LogicalUnit>> on_shard;
};

/// Opens a channel of `store` (a stack with a gatekeeper on top: block::open_stack) for each shard. Size, rotational and a
/// read-only medium come from the store; its block size must be the geometry's. On shard 0.
loop::Task<Result<OpenUnit>> open_unit(Identity identity, Geometry geometry,
                                       std::shared_ptr<block::Store> store);

/// Refuses new commands (Status::aborted), ends those that wait for a range the same way, waits for those in flight, then
/// closes the channels. Stories that wait for a range get a lock with id 0. On shard 0, once.
loop::Task<void> close_unit(OpenUnit unit);

/// Grows or shrinks the store and the geometry; telling hosts (CAPACITY DATA HAS CHANGED) is the caller's. Before it shrinks
/// it waits for writes past the new end. On shard 0, one at a time.
loop::Task<Result<void>> resize_unit(OpenUnit unit, uint64_t bytes);

/// Of a CD-ROM drive: opens what change_medium() then puts in; nothing changes yet. On shard 0.
loop::Task<Result<std::shared_ptr<block::Medium>>> open_medium(OpenUnit unit, std::string path);
/// Puts it in, or takes out what is there (null). The geometry's size is 0 until the last command on the old medium is over; telling
/// hosts is the caller's. On shard 0, one at a time.
loop::Task<void> change_medium(OpenUnit unit, std::shared_ptr<block::Medium> medium);

}  // namespace ashlar::unit
