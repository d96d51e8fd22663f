// SANITIZE and FORMAT UNIT as hosts of SCSI ask for them and hear of them.
#pragma once

#include "scsi/handling.h"
#include "unit/rewriter.h"

namespace ashlar::scsi {

using unit::Rewrite;

/// Ends the task: when `immediate` once it is written down that the work has begun, else when the work is over (the abort of the
/// task does not stop the work; unit/rewriter.h).
void start_rewrite(Handling handling, Rewrite rewrite, bool immediate);

/// EXIT FAILURE MODE: the unit is ready again, also after the next start.
void leave_failure(Handling handling);

/// What a rewrite under way, or one that failed, says to this command; no_sense if it may run.
Sense refused_by_rewrite(const UnitState& state, const Opcode& opcode);
/// The same to whoever asks how the unit is; no_sense if all is well.
Sense rewrite_sense(const UnitState& state);

}  // namespace ashlar::scsi
