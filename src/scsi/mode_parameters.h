// What MODE SENSE shows and MODE SELECT changes, as it is now.
#pragma once

#include "scsi/handling.h"
#include "scsi/mode_pages.h"

namespace ashlar::scsi {

ModeParameters current_mode_parameters(const Handling& handling);

}  // namespace ashlar::scsi
