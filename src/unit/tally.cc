#include "unit/tally.h"

namespace ashlar::unit {

UnitTally::UnitTally(uint32_t shards) {
  for (uint32_t i = 0; i < shards; ++i) shards_.push_back(std::make_unique<ShardTally>());
}

uint64_t UnitTally::total(Count which) const {
  uint64_t sum = 0;
  for (const auto& shard : shards_) sum += shard->read(which);
  return sum;
}

uint64_t UnitTally::sum(TallyReader reader, Count which) const {
  // Before first: what is counted between the two reads must not make the difference negative.
  const auto& before = before_[static_cast<size_t>(reader)][static_cast<size_t>(which)];
  const uint64_t then = before.load(std::memory_order_acquire);
  return total(which) - then;
}

void UnitTally::reset(TallyReader reader, Count which) {
  before_[static_cast<size_t>(reader)][static_cast<size_t>(which)].store(total(which),
                                                                         std::memory_order_release);
}

}  // namespace ashlar::unit
