// A shard's channel of a simulated SCSI device. Internal to the simulation.
#pragma once

#include <memory>
#include <string>

#include "loop/scsi_device.h"
#include "loop/sim_unit.h"

namespace ashlar::loop {

class SimLoop;

/// What stands at `path` on the machine of `loop`.
Result<std::unique_ptr<ScsiDevice>> open_sim_device(SimLoop& loop, const std::string& path);

}  // namespace ashlar::loop
