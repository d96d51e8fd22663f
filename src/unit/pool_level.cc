#include "unit/pool_level.h"

#include <utility>

namespace ashlar::unit {

bool PoolLevel::take(const PoolFigures& now, uint64_t threshold_bytes) {
  const std::lock_guard lock(mutex_);
  figures_ = now;
  if (!now.known() || threshold_bytes == 0) {
    reached_ = false;
    return false;
  }
  if (now.available_bytes <= threshold_bytes) return !std::exchange(reached_, true);
  const uint64_t grace_bytes = now.size_bytes / 50;
  if (now.available_bytes - threshold_bytes > grace_bytes) reached_ = false;
  return false;
}

}  // namespace ashlar::unit
