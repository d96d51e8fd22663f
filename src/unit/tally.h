// What the hosts of a unit had it do: counted on each shard, read by all. What LOG SENSE tells is made of it.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <vector>

namespace ashlar::unit {

enum class Count : uint8_t {
  read_commands,
  write_commands,
  read_bytes,
  written_bytes,
  verified_bytes,
  read_errors,  ///< commands that ended with an error of the medium or the device
  write_errors,
  verify_errors,
};
constexpr size_t count_kinds = 8;

/// Who looks, and may start its count anew without the other's.
enum class TallyReader : uint8_t { statistics, errors, performance };
constexpr size_t tally_readers = 3;

/// A shard's numbers: one cache line that no other shard writes.
class alignas(64) ShardTally {
 public:
  /// On its shard. One writer, so a load and a store do.
  void add(Count which, uint64_t value) {
    std::atomic<uint64_t>& counter = counters_[static_cast<size_t>(which)];
    counter.store(counter.load(std::memory_order_relaxed) + value, std::memory_order_relaxed);
  }
  uint64_t read(Count which) const {
    return counters_[static_cast<size_t>(which)].load(std::memory_order_relaxed);
  }

 private:
  std::array<std::atomic<uint64_t>, count_kinds> counters_{};
};

/// Lives as long as the unit is open. Sums and resets from any thread; a reset does not touch what the shards write.
class UnitTally {
 public:
  explicit UnitTally(uint32_t shards);
  ShardTally& on(uint32_t shard) { return *shards_[shard]; }
  /// Over all shards, since the reader's last reset().
  uint64_t sum(TallyReader reader, Count which) const;
  void reset(TallyReader reader, Count which);
  /// Times at the last reset of the statistics.
  std::atomic<uint64_t> reading_before_ns = 0, writing_before_ns = 0, idle_before_ns = 0;

 private:
  uint64_t total(Count which) const;
  std::vector<std::unique_ptr<ShardTally>> shards_;
  std::array<std::array<std::atomic<uint64_t>, count_kinds>, tally_readers> before_{};  // totals at the reset
};

}  // namespace ashlar::unit
