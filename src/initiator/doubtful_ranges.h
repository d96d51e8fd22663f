// Ranges that a write may still reach although nobody waits for it any more: sent by a path that was lost, and neither answered
// nor known to be over. Of one volume, shared by all shards.
#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>
#include <vector>

#include "loop/time.h"

namespace ashlar::initiator {

/// Blocks [begin, end).
struct Extent {
  uint64_t begin = 0, end = 0;
  bool overlaps(const Extent& other) const { return begin < other.end && other.begin < end; }
};

/// Any thread. Bounded: past max_ranges one range stands for all that there are.
class DoubtfulRanges {
 public:
  static constexpr size_t max_ranges = 4096;

  /// What the hot path asks.
  bool none() const { return count_.load(std::memory_order_acquire) == 0; }
  /// `owner`: the session that sent it; `until`: when the other side has given it up at the latest.
  void add(Extent extent, uint32_t owner, loop::Instant until);
  /// Nothing of that session can come any more.
  void lift(uint32_t owner);
  /// Forgets what is past its time.
  bool overlaps(Extent extent, loop::Instant now);
  size_t size() const { return count_.load(std::memory_order_acquire); }

 private:
  struct Doubt {
    Extent extent;
    uint32_t owner;
    loop::Instant until;
  };
  static constexpr uint32_t nobody = UINT32_MAX;
  std::atomic<size_t> count_ = 0;
  std::mutex mutex_;
  std::vector<Doubt> doubts_;  // under mutex_
};

}  // namespace ashlar::initiator
