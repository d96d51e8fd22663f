// What LOG SENSE shows and LOG SELECT starts anew, as it is now.
#pragma once

#include "scsi/handling.h"
#include "scsi/log_pages.h"

namespace ashlar::scsi {

LogFacts log_facts(const Handling& handling, unit::WorkTime work);

}  // namespace ashlar::scsi
