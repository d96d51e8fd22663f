// The work of SANITIZE and FORMAT UNIT: the whole medium is written anew, in pieces, whatever becomes of who asked for it.
#pragma once

#include <cstdint>
#include <vector>

#include "scsi/handling.h"

namespace ashlar::scsi {

struct Rewrite {
  Rewriting::Phase phase = Rewriting::Phase::sanitizing;
  Rewriting::Phase after_failure = Rewriting::Phase::sanitize_failed;
  std::vector<uint8_t>
      pattern;  ///< fills each block from its first byte on; empty: zeroes, of which some may be unmapped
  uint8_t passes = 1;   ///< over the whole medium
  bool invert = false;  ///< between passes; the last one writes the pattern as it is
  bool may_discard = false;
};

/// Ends the task: at once when `immediate`, else when the work is over (the abort of the task does not stop the work). The work
/// holds the unit, not the nexus; it ends early, as a failure, only by an error of the device or when the unit is closed.
void start_rewrite(Handling handling, Rewrite rewrite, bool immediate);

/// What a rewrite under way, or one that failed, says to this command; no_sense if it may run.
Sense refused_by_rewrite(const UnitState& state, const Opcode& opcode);
/// The same to whoever asks how the unit is; no_sense if all is well.
Sense rewrite_sense(const UnitState& state);

}  // namespace ashlar::scsi
