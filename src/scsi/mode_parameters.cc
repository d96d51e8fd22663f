#include "scsi/mode_parameters.h"

#include <algorithm>

#include "scsi/log_pages.h"
#include "scsi/nexus_impl.h"

namespace ashlar::scsi {
namespace {

uint32_t array_threshold_sets(unit::LogicalUnit& unit) {
  const uint64_t sets = unit.pool_level().figures().threshold_bytes / threshold_set_bytes;
  return static_cast<uint32_t>(std::min<uint64_t>(sets, UINT32_MAX));
}

}  // namespace

void Domain::take_default_write_cache(const std::string& volume, bool enabled) {
  if (const auto state = impl_->unit_states().find(volume)) state->default_write_cache = enabled;
  raise_everywhere(volume, unit::Attention::mode_parameters_changed, nullptr);
}

ModeParameters current_mode_parameters(unit::LogicalUnit& unit, const UnitState& state) {
  ModeParameters out;
  out.write_cache = unit.geometry().write_cache;
  out.descriptor_sense = state.descriptor_sense;
  out.software_write_protect = state.software_write_protect;
  out.separate_task_sets = state.separate_task_sets;
  out.task_aborted_status = state.task_aborted_status;
  out.attention_interlock = state.attention_interlock;
  out.threshold_enabled = state.threshold_enabled;
  out.threshold_sets = state.threshold_sets();
  out.array_threshold_sets = array_threshold_sets(unit);
  return out;
}

ModeParameters default_mode_parameters(unit::LogicalUnit& unit, const UnitState& state) {
  return {.write_cache = state.default_write_cache, .array_threshold_sets = array_threshold_sets(unit)};
}

ModeParameters saved_mode_parameters(unit::LogicalUnit& unit, const UnitState& state) {
  const std::optional<ModeParameters> saved = state.saved_mode_parameters();
  if (!saved) return default_mode_parameters(unit, state);
  ModeParameters out = *saved;
  out.array_threshold_sets = array_threshold_sets(unit);
  return out;
}

void set_mode_parameters(unit::LogicalUnit& unit, UnitState& state, const ModeParameters& parameters) {
  state.descriptor_sense = parameters.descriptor_sense;
  state.software_write_protect = parameters.software_write_protect;
  state.separate_task_sets = parameters.separate_task_sets;
  state.task_aborted_status = parameters.task_aborted_status;
  state.attention_interlock = parameters.attention_interlock;
  state.threshold_enabled = parameters.threshold_enabled;
  state.set_threshold_sets(parameters.threshold_sets);
  if (unit.geometry().write_cache != parameters.write_cache) unit.set_write_cache(parameters.write_cache);
}

}  // namespace ashlar::scsi
