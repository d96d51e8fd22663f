// The work of SANITIZE and FORMAT UNIT: the whole medium is written anew, in pieces, whatever becomes of who asked for it.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>
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
  /// First the key of what is there goes. Nothing is written then: what can be given back is, so that it reads as zeroes, and
  /// the rest reads as anything.
  bool erase_key = false;
};

/// Ends the task: when `immediate` once it is written down that the work has begun (an engine that starts in the midst of it finds
/// the unit failed, not ready), else when the work is over (the abort of the task does not stop the work). The work
/// holds the unit, not the nexus; it ends early, as a failure, only by an error of the device or when the unit is closed.
void start_rewrite(Handling handling, Rewrite rewrite, bool immediate);

/// EXIT FAILURE MODE: the unit is ready again, also after the next start.
void leave_failure(Handling handling);
/// Puts in force what was kept of a rewriting: one that was not heard of again has failed.
void recall_rewrite(UnitState& state, std::string_view text, std::string_view volume);

/// Goes on with what was kept of a rewriting, if it began to erase the key: the engine ended in the midst of that, and only the end
/// of it is safe. The unit is failed, as recall_rewrite() left it.
void resume_rewrite(std::shared_ptr<UnitState> state, std::shared_ptr<unit::LogicalUnit> unit,
                    unit::Keeper* keeper, std::string_view text);

/// What a rewrite under way, or one that failed, says to this command; no_sense if it may run.
Sense refused_by_rewrite(const UnitState& state, const Opcode& opcode);
/// The same to whoever asks how the unit is; no_sense if all is well.
Sense rewrite_sense(const UnitState& state);

}  // namespace ashlar::scsi
