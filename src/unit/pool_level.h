// How full the pool behind a thin unit is, as the array tells it, and when its hosts must hear of it (SBC-3 4.7.3.8).
#pragma once

#include <cstdint>
#include <mutex>

namespace ashlar::unit {

struct PoolFigures {
  uint64_t size_bytes = 0;  ///< of the pool; 0: nobody has told
  uint64_t available_bytes = 0;
  uint64_t used_bytes = 0;       ///< by this unit
  bool used_known = false;       ///< else used_bytes says nothing
  uint64_t threshold_bytes = 0;  ///< hosts are told when no more than this is available; 0: never
  bool operator==(const PoolFigures&) const = default;
  bool known() const { return size_bytes != 0; }
};

/// Control path, any thread.
class PoolLevel {
 public:
  PoolFigures figures() const {
    const std::lock_guard lock(mutex_);
    return figures_;
  }
  /// True when the threshold is reached by this: once, until the pool has had two percent of its size more than the
  /// threshold in between. `threshold_bytes`: what counts, a host may have chosen another than the figures'.
  bool take(const PoolFigures& now, uint64_t threshold_bytes);

 private:
  mutable std::mutex mutex_;
  PoolFigures figures_;
  bool reached_ = false;
};

}  // namespace ashlar::unit
