// What MODE SENSE shows and MODE SELECT changes, as it is now.
#pragma once

#include <string_view>

#include "scsi/lun_state.h"
#include "scsi/mode_pages.h"

namespace ashlar::scsi {

ModeParameters current_mode_parameters(unit::LogicalUnit& unit, const UnitState& state);
/// What a reset goes back to, and a unit begins with: the saved ones, else the defaults.
ModeParameters saved_mode_parameters(unit::LogicalUnit& unit, const UnitState& state);
ModeParameters default_mode_parameters(unit::LogicalUnit& unit, const UnitState& state);
/// What MODE SELECT saved of a unit that has just been opened, put in force before any host sees it. On the home shard.
void recall_mode_parameters(UnitState& state, unit::LogicalUnit& unit, std::string_view text,
                            std::string_view volume);
void set_mode_parameters(unit::LogicalUnit& unit, UnitState& state, const ModeParameters& parameters);

}  // namespace ashlar::scsi
