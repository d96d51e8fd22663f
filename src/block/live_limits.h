// Limits whose size another shard may move: each channel reads through its own copy.
#pragma once

#include <atomic>
#include <cstdint>

#include "block/device.h"

namespace ashlar::block {

/// A shard's copy of a store's Limits. get() refreshes size_bytes from the place that all channels share, so that a resize
/// on shard 0 reaches every shard without a lock and without a torn read.
class LiveLimits {
 public:
  /// `size` outlives this.
  LiveLimits(const Limits& limits, const std::atomic<uint64_t>& size) : limits_(limits), size_(size) {}
  const Limits& get() const {
    limits_.size_bytes = size_.load(std::memory_order_relaxed);
    return limits_;
  }

 private:
  mutable Limits limits_;
  const std::atomic<uint64_t>& size_;
};

}  // namespace ashlar::block
