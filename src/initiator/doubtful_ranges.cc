#include "initiator/doubtful_ranges.h"

#include <algorithm>

namespace ashlar::initiator {

void DoubtfulRanges::add(Extent extent, uint32_t owner, loop::Instant until) {
  const std::scoped_lock lock(mutex_);
  if (doubts_.size() >= max_ranges) {
    // Everything, for as long as the longest of them, whoever comes back in between.
    for (const Doubt& doubt : doubts_) until = std::max(until, doubt.until);
    doubts_.assign(1, Doubt{{0, UINT64_MAX}, nobody, until});
  } else {
    doubts_.push_back({extent, owner, until});
  }
  count_.store(doubts_.size(), std::memory_order_release);
}

void DoubtfulRanges::lift(uint32_t owner) {
  const std::scoped_lock lock(mutex_);
  std::erase_if(doubts_, [&](const Doubt& doubt) { return doubt.owner == owner; });
  count_.store(doubts_.size(), std::memory_order_release);
}

bool DoubtfulRanges::overlaps(Extent extent, loop::Instant now) {
  const std::scoped_lock lock(mutex_);
  std::erase_if(doubts_, [&](const Doubt& doubt) { return doubt.until <= now; });
  count_.store(doubts_.size(), std::memory_order_release);
  return std::ranges::any_of(doubts_, [&](const Doubt& doubt) { return doubt.extent.overlaps(extent); });
}

}  // namespace ashlar::initiator
