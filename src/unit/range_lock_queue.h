// Who holds which range of a unit, and who waits: the decisions, pure. The unit's home shard owns one.
#pragma once

#include <cstdint>
#include <list>
#include <vector>

#include "unit/logical_unit.h"

namespace ashlar::unit {

inline bool overlap(uint64_t offset_a, uint64_t length_a, uint64_t offset_b, uint64_t length_b) {
  // Differences, not sums: ranges come from hosts and may end at 2^64.
  return offset_a <= offset_b ? offset_b - offset_a < length_a : offset_a - offset_b < length_b;
}

/// Locks in the order of asking. A lock starts (its range is announced to all shards) when no earlier one overlaps it,
/// held or waiting: so nobody is overtaken for ever, and two stories on two shards cannot wait for each other. It is
/// granted when every shard has answered that its writes in the range have ended.
class RangeLockQueue {
 public:
  /// `waiter` is given back by granted() and abandon(); the queue does not look into it.
  struct Entry {
    RangeLock lock;
    void* waiter = nullptr;
    uint32_t shard = 0;  ///< where the waiter lives
    uint32_t shards_missing = 0;
    bool started = false;
    bool granted = false;
  };

  explicit RangeLockQueue(uint32_t shards) : shards_(shards) {}
  /// Queues a lock and returns its id, never 0.
  uint64_t ask(RangeLock wanted, uint32_t shard, void* waiter);
  /// Locks that may start now; each is told once.
  std::vector<RangeLock> start();
  /// One shard's writes in the range have ended. The entry, when that was the last shard; else nullptr. Ids that are gone
  /// (abandoned) are ignored.
  const Entry* quiet(uint64_t id);
  /// Ends a granted lock. False if there is none of that id.
  bool release(uint64_t id);
  /// Removes and returns everyone who still waits.
  std::vector<Entry> abandon();
  bool empty() const { return entries_.empty(); }

 private:
  uint32_t shards_;
  uint64_t last_id_ = 0;
  std::list<Entry> entries_;
};

}  // namespace ashlar::unit
