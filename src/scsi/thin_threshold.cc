// The soft threshold of thin provisioning: what a host has set (mode page 1Ch/02h), else what the array says.
#include "scsi/handlers.h"
#include "scsi/log_pages.h"
#include "scsi/nexus_impl.h"

namespace ashlar::scsi {
namespace {

uint64_t threshold_bytes(const UnitState* state, const unit::PoolFigures& figures) {
  if (state == nullptr) return figures.threshold_bytes;
  if (!state->threshold_enabled) return 0;
  const std::optional<uint32_t> sets = state->threshold_sets();
  return sets ? *sets * threshold_set_bytes : figures.threshold_bytes;
}

}  // namespace

bool Domain::take_pool_level(const std::string& volume, unit::LogicalUnit& unit,
                             const unit::PoolFigures& figures) {
  if (!is_thin(unit)) return false;
  const std::shared_ptr<UnitState> state = impl_->unit_states().find(volume);
  if (!unit.pool_level().take(figures, threshold_bytes(state.get(), figures))) return false;
  raise_everywhere(volume, unit::Attention::thin_threshold_reached, nullptr);
  return true;
}

}  // namespace ashlar::scsi
