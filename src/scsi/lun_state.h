// One LUN of one nexus: the unit behind it, what the host has still to be told, and its tasks.
#pragma once

#include <memory>
#include <string>

#include "scsi/task_set.h"
#include "scsi/unit_state.h"
#include "unit/host_view.h"

namespace ashlar::scsi {

/// Lives until its last task has ended, also when the mapping is gone. `unit` is null for the two that are no units: the
/// well known logical unit and "nowhere" (LUNs that are not mapped).
struct LunState {
  uint16_t lun = 0;
  bool read_only = false;  ///< this mapping
  bool well_known = false;
  bool prevents = false;  ///< this nexus prevents medium removal (SPC-4 6.15)
  std::string volume;
  std::shared_ptr<unit::LogicalUnit> unit;
  std::shared_ptr<UnitState> state;
  unit::AttentionQueue attentions;
  TaskSet tasks;

  void allow_removal() {
    if (!prevents) return;
    prevents = false;
    --state->prevents;
  }
};

}  // namespace ashlar::scsi
