// A unit that never comes back: what SCSI remembers of it beyond its device ends.
#pragma once

#include "base/identity.h"

namespace ashlar::scsi {

class Domain;

/// The volume of that unit is closed, and no host sees it. Control path, on shard 0.
void forget_unit(Domain& domain, const Uuid& unit);

}  // namespace ashlar::scsi
