// Where a unit stands between its data and the end of a sanitize or a format: one truth for all nexuses of all shards and protocols.
#pragma once

#include <atomic>
#include <cstdint>

namespace ashlar::unit {

enum class SanitizeOutcome : uint8_t { never, succeeded, running, failed };
/// As NVMe numbers them (base 2.0 figure 306).
enum class SanitizeAction : uint8_t { none = 0, block_erase = 2, overwrite = 3, cryptographic_erase = 4 };

/// The latest sanitize of a unit, whatever protocol asked for it.
struct SanitizeRecord {
  SanitizeOutcome outcome = SanitizeOutcome::never;
  SanitizeAction action = SanitizeAction::none;
  uint8_t passes = 0;  ///< asked for; of an overwrite
  uint8_t passes_done = 0;
  bool invert = false;
  bool unrestricted_exit = false;  ///< AUSE
  bool keeps_allocation = false;   ///< nothing was to be given back
  uint8_t reserved = 0;
  bool operator==(const SanitizeRecord&) const = default;
};

/// SBC-4 4.11 (sanitize) and 5.4 (format), NVMe base 2.0 8.21 and 5.14. Read by every command with one relaxed load. Any thread.
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
  /// PROGRESS INDICATION (SPC-4 4.5.2.4.4), SPROG: the numerator of a fraction of 65536.
  uint16_t progress() const { return done_.load(std::memory_order_relaxed); }
  void set_progress(uint64_t done, uint64_t all) {
    const double fraction = all == 0 ? 0 : static_cast<double>(done) / static_cast<double>(all);
    done_.store(fraction >= 1 ? UINT16_MAX : static_cast<uint16_t>(fraction * UINT16_MAX),
                std::memory_order_relaxed);
  }
  SanitizeRecord sanitized() const { return sanitized_.load(std::memory_order_relaxed); }
  void set_sanitized(const SanitizeRecord& record) { sanitized_.store(record, std::memory_order_relaxed); }

 private:
  std::atomic<Phase> phase_ = Phase::idle;
  std::atomic<uint16_t> done_ = 0;
  std::atomic<SanitizeRecord> sanitized_{SanitizeRecord{}};
};

}  // namespace ashlar::unit
