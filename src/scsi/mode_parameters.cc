#include "scsi/mode_parameters.h"

#include <algorithm>

#include "base/log.h"
#include "scsi/log_pages.h"
#include "scsi/nexus_impl.h"
#include "scsi/saved_mode_pages.h"

namespace ashlar::scsi {
namespace {

uint32_t array_threshold_sets(unit::LogicalUnit& unit) {
  const uint64_t sets = unit.pool_level().figures().threshold_bytes / threshold_set_bytes;
  return static_cast<uint32_t>(std::min<uint64_t>(sets, UINT32_MAX));
}

// What no host sets.
void add_what_is_told(unit::LogicalUnit& unit, const UnitState& state, ModeParameters& out) {
  out.array_threshold_sets = array_threshold_sets(unit);
  out.kind = unit.geometry().kind;
  out.removal_prevented = state.prevents > 0;
}

}  // namespace

void recall_mode_parameters(UnitState& state, unit::LogicalUnit& unit, std::string_view text,
                            std::string_view volume) {
  const Result<ModeParameters> saved = decode_mode_parameters(text, volume);
  if (!saved) return log_warning("scsi", "saved mode pages are left aside: {}", saved.error().text());
  state.save(*saved);
  set_mode_parameters(unit, state, *saved);
}

loop::Task<Result<void>> Domain::configure_write_cache(std::string volume, unit::LogicalUnit& unit,
                                                       bool enabled) {
  const std::shared_ptr<UnitState> state = impl_->unit_states().find(volume);
  std::optional<ModeParameters> saved;
  if (state != nullptr) saved = state->saved_mode_parameters();
  if (saved && saved->write_cache != enabled) {  // else a reset, or the next start, would undo it
    saved->write_cache = enabled;
    auto keeping = keep_mode_pages(*this, state->uuid, encode_mode_parameters(*saved));
    const Result<void> kept = co_await keeping;
    if (!kept) co_return kept;
    state->save(*saved);
  }
  unit.set_write_cache(enabled);
  if (state != nullptr) {
    state->default_write_cache = enabled;
    state->host_write_cache = false;
  }
  raise_everywhere(volume, unit::Attention::mode_parameters_changed, nullptr);
  co_return Result<void>{};
}

ModeParameters current_mode_parameters(unit::LogicalUnit& unit, const UnitState& state) {
  ModeParameters out;
  out.write_cache = unit.geometry().write_cache;
  out.descriptor_sense = state.descriptor_sense;
  out.software_write_protect = state.software_write_protect;
  out.separate_task_sets = state.separate_task_sets;
  out.task_aborted_status = state.task_aborted_status;
  out.queue_errors = state.queue_errors;
  out.attention_interlock = state.attention_interlock;
  out.timestamp_by_hosts = state.timestamp_by_hosts;
  out.threshold_enabled = state.threshold_enabled;
  out.threshold_sets = state.threshold_sets();
  add_what_is_told(unit, state, out);
  return out;
}

ModeParameters default_mode_parameters(unit::LogicalUnit& unit, const UnitState& state) {
  ModeParameters out{.write_cache = state.default_write_cache};
  add_what_is_told(unit, state, out);
  return out;
}

ModeParameters saved_mode_parameters(unit::LogicalUnit& unit, const UnitState& state) {
  const std::optional<ModeParameters> saved = state.saved_mode_parameters();
  if (!saved) return default_mode_parameters(unit, state);
  ModeParameters out = *saved;
  add_what_is_told(unit, state, out);
  return out;
}

void set_mode_parameters(unit::LogicalUnit& unit, UnitState& state, const ModeParameters& parameters) {
  state.descriptor_sense = parameters.descriptor_sense;
  state.software_write_protect = parameters.software_write_protect;
  state.separate_task_sets = parameters.separate_task_sets;
  state.task_aborted_status = parameters.task_aborted_status;
  state.queue_errors = parameters.queue_errors;
  state.attention_interlock = parameters.attention_interlock;
  state.timestamp_by_hosts = parameters.timestamp_by_hosts;
  state.threshold_enabled = parameters.threshold_enabled;
  state.set_threshold_sets(parameters.threshold_sets);
  if (unit.geometry().write_cache != parameters.write_cache) unit.set_write_cache(parameters.write_cache);
  state.host_write_cache = parameters.write_cache != state.default_write_cache;
}

}  // namespace ashlar::scsi
