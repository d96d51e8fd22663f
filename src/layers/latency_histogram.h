// Latencies in buckets that grow with them: four to each power of two, so that a bucket is never wider than a quarter of
// what it holds.
#pragma once

#include <array>
#include <atomic>
#include <bit>
#include <cstdint>

namespace ashlar::layers {

/// Written by one shard, read by any: the counters are atomic, so that nobody reads half a number, and never locked.
class LatencyHistogram {
 public:
  static constexpr uint32_t first_power = 10;  ///< all under 1024 ns share bucket 0
  static constexpr uint32_t last_power = 40;   ///< and all from 2^40 ns (18 minutes) on the last one
  static constexpr uint32_t bucket_count = (last_power - first_power) * 4 + 2;

  static uint32_t bucket_of(uint64_t nanoseconds) {
    if (nanoseconds < (uint64_t{1} << first_power)) return 0;
    if (nanoseconds >= (uint64_t{1} << last_power)) return bucket_count - 1;
    const auto power = static_cast<uint32_t>(std::bit_width(nanoseconds)) - 1;
    return 1 + (power - first_power) * 4 + static_cast<uint32_t>(nanoseconds >> (power - 2) & 3);
  }
  /// All values of the bucket are below this. The last bucket has no bound: UINT64_MAX.
  static uint64_t bound_of(uint32_t bucket) {
    if (bucket == 0) return uint64_t{1} << first_power;
    if (bucket >= bucket_count - 1) return UINT64_MAX;
    const uint32_t power = first_power + (bucket - 1) / 4;
    return (uint64_t{5} + (bucket - 1) % 4) << (power - 2);
  }
  void add(uint64_t nanoseconds) {
    std::atomic<uint64_t>& bucket = buckets_[bucket_of(nanoseconds)];
    bucket.store(bucket.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  }
  uint64_t count(uint32_t bucket) const { return buckets_[bucket].load(std::memory_order_relaxed); }

 private:
  std::array<std::atomic<uint64_t>, bucket_count> buckets_{};
};

/// Several shards' histograms as one. Plain numbers: a copy to compute with.
class LatencySummary {
 public:
  void add(const LatencyHistogram& histogram) {
    for (uint32_t i = 0; i < LatencyHistogram::bucket_count; ++i) {
      buckets_[i] += histogram.count(i);
      total_ += histogram.count(i);
    }
  }
  uint64_t count(uint32_t bucket) const { return buckets_[bucket]; }
  /// A bound that `per_mille` of 1000 values are below; 0 when there are none. At most a quarter above the true value.
  uint64_t quantile(uint32_t per_mille) const {
    if (total_ == 0) return 0;
    const uint64_t rank = (total_ * per_mille + 999) / 1000;
    uint64_t seen = 0;
    for (uint32_t i = 0; i < LatencyHistogram::bucket_count; ++i) {
      seen += buckets_[i];
      if (seen >= rank) return LatencyHistogram::bound_of(i);
    }
    return UINT64_MAX;
  }

 private:
  std::array<uint64_t, LatencyHistogram::bucket_count> buckets_{};
  uint64_t total_ = 0;
};

}  // namespace ashlar::layers
