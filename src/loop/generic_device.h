// SCSI devices by Linux's generic nodes: /dev/sg* (SG_IO version 3) and /dev/bsg/* (version 4).
#pragma once

#include <memory>
#include <string>

#include "loop/scsi_device.h"
#include "loop/task.h"

namespace ashlar::loop {

/// See Loop::open_scsi().
Task<Result<std::unique_ptr<ScsiDevice>>> open_generic_device(Loop& loop, std::string path);

}  // namespace ashlar::loop
