// The document's access groups as the units' states, and back for status. Pure.
#pragma once

#include <string>

#include "engine/plan.h"
#include "engine/volumes.h"
#include "rpc/status.h"
#include "scsi/nexus_state.h"
#include "unit/access.h"

namespace ashlar::engine {

/// What a step of kind set_group asks for. The volumes that the group has afterwards are open; those that it loses to another
/// group or that go are left to their own steps.
scsi::Domain::AccessGroup access_group(const Step& step, const Volumes& volumes);

/// "1 optimized, 2 standby", for people.
std::string text_of(const unit::AccessStates& states);

/// `in_force` may be null: then the document's word is all there is.
rpc::GroupStatus group_status(const rpc::GroupDocument& group, const rpc::Document& document,
                              const unit::AccessStates* in_force);

}  // namespace ashlar::engine
