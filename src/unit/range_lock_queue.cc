#include "unit/range_lock_queue.h"

#include <algorithm>

namespace ashlar::unit {

uint64_t RangeLockQueue::ask(RangeLock wanted, uint32_t shard, void* waiter) {
  wanted.id = ++last_id_;
  entries_.push_back(Entry{wanted, waiter, shard, shards_});
  return last_id_;
}

std::vector<RangeLock> RangeLockQueue::start() {
  std::vector<RangeLock> starting;
  for (auto entry = entries_.begin(); entry != entries_.end(); ++entry) {
    if (entry->started) continue;
    const RangeLock& lock = entry->lock;
    const bool waits = std::any_of(entries_.begin(), entry, [&](const Entry& earlier) {
      return overlap(earlier.lock.offset, earlier.lock.length, lock.offset, lock.length);
    });
    if (waits) continue;
    entry->started = true;
    starting.push_back(lock);
  }
  return starting;
}

const RangeLockQueue::Entry* RangeLockQueue::quiet(uint64_t id) {
  const auto entry = std::ranges::find(entries_, id, [](const Entry& e) { return e.lock.id; });
  if (entry == entries_.end()) return nullptr;
  CHECK(entry->started && entry->shards_missing > 0, "lock {} answered too often", id);
  if (--entry->shards_missing > 0) return nullptr;
  entry->granted = true;
  return &*entry;
}

bool RangeLockQueue::release(uint64_t id) {
  const auto entry = std::ranges::find(entries_, id, [](const Entry& e) { return e.lock.id; });
  if (entry == entries_.end() || !entry->granted) return false;
  entries_.erase(entry);
  return true;
}

std::vector<RangeLockQueue::Entry> RangeLockQueue::abandon() {
  std::vector<Entry> waiting;
  for (const Entry& entry : entries_) {
    if (!entry.granted) waiting.push_back(entry);
  }
  entries_.remove_if([](const Entry& entry) { return !entry.granted; });
  return waiting;
}

}  // namespace ashlar::unit
