// The work of a sanitize or a format, blind to protocols: the whole medium is written anew, in pieces, whatever becomes of who
// asked for it.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/buffer_pool.h"
#include "unit/governor.h"
#include "unit/keeper.h"

namespace ashlar::unit {

struct Rewrite {
  Rewriting::Phase phase = Rewriting::Phase::sanitizing;
  Rewriting::Phase after_failure = Rewriting::Phase::sanitize_failed;
  std::vector<uint8_t>
      pattern;  ///< fills each block from its first byte on; empty: zeroes, of which some may be unmapped
  uint8_t passes = 1;   ///< over the whole medium
  bool invert = false;  ///< between passes; the last one writes the pattern as it is
  bool may_discard = false;
  bool keeps_allocation =
      false;  ///< it was asked that nothing be given back, for the record; may_discard is false then
  /// First the key of what is there goes. Nothing is written then: what can be given back is, so that it reads as zeroes, and
  /// the rest reads as anything.
  bool erase_key = false;
  uint8_t secure_erase = 0;  ///< of a format, for the record: SES as NVMe numbers it (base 2.0 figure 189)
};

/// What is written anew, and who has to hear of it.
struct Rewritten {
  std::shared_ptr<UnitRules> rules;
  std::shared_ptr<LogicalUnit> unit;
  Keeper* keeper = nullptr;           ///< null: nothing outlives the engine
  std::function<void()> sanitized{};  ///< told when a sanitize has ended; may be empty
  /// Told of each step that a person wants to know of, once it is written down; may be empty.
  std::function<void(const RewriteEvent&)> noted{};
};

enum class RewriteEnd : uint8_t {
  good,
  failed,            ///< the unit is as Rewrite::after_failure says
  not_written_down,  ///< nothing has changed
};

/// A rewriting that nobody else can begin meanwhile, until it is carried out.
struct RewriteRun;
enum class RewriteRefusal : uint8_t { none, no_memory, not_now };
struct RewriteClaim {
  RewriteRefusal refusal = RewriteRefusal::none;
  std::shared_ptr<RewriteRun> run;  ///< null when it is refused
};
/// not_now: another one runs.
RewriteClaim claim_rewrite(BufferPool& buffers, Rewritten what, Rewrite rewrite, RewriteAsker asker);
/// `told` is called once: when `immediate` once it is written down that the work has begun (an engine that starts in the midst of it
/// finds the unit failed, not ready), else when the work is over. The work holds the unit, not who asked; it ends early, as a failure,
/// only by an error of the device or when the unit is closed. On the shard of `what.unit`.
void carry_out(std::shared_ptr<RewriteRun> run, bool immediate, std::function<void(RewriteEnd)> told);

/// EXIT FAILURE MODE: the unit is ready again, also after the next start. `failed`: it was not in that state.
loop::Task<RewriteEnd> leave_sanitize_failure(Rewritten what);
/// Puts in force what was kept of rewritings: one that was not heard of again has failed.
void recall_rewrite(UnitRules& rules, std::string_view text, std::string_view volume);
/// Goes on with what was kept of a rewriting, if it began to erase the key: the engine ended in the midst of that, and only the end
/// of it is safe. The unit is failed, as recall_rewrite() left it.
void resume_rewrite(Rewritten what, std::string_view text);

/// What is given back reads as zeroes, and the volume was made thin: erasing may give back instead of writing.
bool erases_by_discard(LogicalUnit& unit);

}  // namespace ashlar::unit
