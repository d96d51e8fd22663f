// Where a unit stands between its data and the end of a SANITIZE or FORMAT UNIT: one truth for all nexuses of all shards.
#pragma once

#include <atomic>
#include <cstdint>

namespace ashlar::scsi {

/// SBC-4 4.11 (sanitize) and 5.4 (format). Read by every command with one relaxed load. Any thread.
class Rewriting {
 public:
  enum class Phase : uint8_t {
    idle,
    sanitizing,
    formatting,
    sanitize_failed,             ///< EXIT FAILURE MODE leaves it (AUSE was one)
    sanitize_failed_restricted,  ///< only a sanitize that ends well leaves it
    format_corrupt,              ///< a format that ends well leaves it, or a sanitize
  };
  static bool is_running(Phase phase) { return phase == Phase::sanitizing || phase == Phase::formatting; }

  Phase phase() const { return phase_.load(std::memory_order_relaxed); }
  bool running() const { return is_running(phase()); }
  /// From `before` to `after`; false if it is somewhere else: of two that begin at once one loses.
  bool move(Phase before, Phase after) {
    if (is_running(after)) done_ = 0;
    return phase_.compare_exchange_strong(before, after);
  }
  /// PROGRESS INDICATION (SPC-4 4.5.2.4.4): the numerator of a fraction of 65536.
  uint16_t progress() const { return done_.load(std::memory_order_relaxed); }
  void set_progress(uint64_t done, uint64_t all) {
    const double fraction = all == 0 ? 0 : static_cast<double>(done) / static_cast<double>(all);
    done_.store(fraction >= 1 ? UINT16_MAX : static_cast<uint16_t>(fraction * UINT16_MAX),
                std::memory_order_relaxed);
  }

 private:
  std::atomic<Phase> phase_ = Phase::idle;
  std::atomic<uint16_t> done_ = 0;
};

}  // namespace ashlar::scsi
