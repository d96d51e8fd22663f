#include "scsi/rewrite.h"

#include <memory>

#include "scsi/handlers.h"
#include "scsi/nexus_impl.h"

namespace ashlar::scsi {
namespace {

// The one way from the work to the task that asked for it, which takes itself out when it goes.
struct Waiter {
  Task* task = nullptr;  // on this shard
  Sense outcome;
};

Sense not_written_down() { return Sense::of(SenseKey::hardware_error, 0x4400); }  // INTERNAL TARGET FAILURE

Sense sense_of_end(unit::RewriteEnd end, const UnitState& state) {
  switch (end) {
    case unit::RewriteEnd::good: return {};
    case unit::RewriteEnd::failed: return rewrite_sense(state);
    case unit::RewriteEnd::not_written_down: return not_written_down();
  }
  return {};
}

unit::Rewritten rewritten(Handling handling) {
  return handling.nexus().domain().rewritten(handling.lun().state, handling.lun().volume,
                                             handling.lun().unit);
}

loop::Task<void> answer_in_time(Handling handling, std::shared_ptr<Waiter> waiter) {
  waiter->task = &handling.task();
  Pause pause(handling);
  co_await pause;
  waiter->task = nullptr;
  handling.finish(waiter->outcome);
}

loop::Task<void> leave_story(Handling handling) {
  const std::shared_ptr<UnitState> state = handling.lun().state;
  auto leaving = leave_sanitize_failure(rewritten(handling));
  const unit::RewriteEnd end = co_await leaving;
  handling.finish(sense_of_end(end, *state));
}

Sense in_progress(const UnitState& state, uint16_t code) {
  Sense sense = Sense::of(SenseKey::not_ready, code);
  sense.progress_valid = true;
  sense.progress = state.rewrite.progress();
  return sense;
}

}  // namespace

void start_rewrite(Handling handling, Rewrite rewrite, bool immediate) {
  const std::shared_ptr<UnitState> state = handling.lun().state;
  const NexusState& nexus = handling.nexus();
  const auto& view = handling.nexus().impl().view;
  unit::RewriteAsker asker{nexus.nexus().initiator_name, view == nullptr ? "" : view->host};
  const unit::RewriteClaim claim =
      claim_rewrite(handling.loop().buffers(), rewritten(handling), std::move(rewrite), std::move(asker));
  switch (claim.refusal) {
    case unit::RewriteRefusal::none: break;
    case unit::RewriteRefusal::no_memory: return handling.fail_memory();
    case unit::RewriteRefusal::not_now: return handling.fail(rewrite_sense(*state));
  }
  const auto waiter = std::make_shared<Waiter>();
  answer_in_time(handling, waiter).detach();
  carry_out(claim.run, immediate, [waiter, state](unit::RewriteEnd end) {
    waiter->outcome = sense_of_end(end, *state);
    if (waiter->task != nullptr) Handling(*waiter->task).resume_paused();
  });
}

void leave_failure(Handling handling) { leave_story(handling).detach(); }

Sense rewrite_sense(const UnitState& state) {
  switch (state.rewrite.phase()) {
    case Rewriting::Phase::idle: break;
    case Rewriting::Phase::sanitizing: return in_progress(state, 0x041b);  // SANITIZE IN PROGRESS
    case Rewriting::Phase::formatting: return in_progress(state, 0x0404);  // FORMAT IN PROGRESS
    case Rewriting::Phase::sanitize_failed:
    case Rewriting::Phase::sanitize_failed_restricted:
      return Sense::of(SenseKey::medium_error, 0x3103);  // SANITIZE COMMAND FAILED
    case Rewriting::Phase::format_corrupt:
      return Sense::of(SenseKey::medium_error, 0x3100);  // MEDIUM FORMAT CORRUPTED
  }
  return {};
}

Sense refused_by_rewrite(const UnitState& state, const Opcode& opcode) {
  if (opcode.has(in_rewrite)) return {};
  switch (state.rewrite.phase()) {
    case Rewriting::Phase::sanitize_failed:  // SBC-4 4.11.3: nothing but another SANITIZE
    case Rewriting::Phase::sanitize_failed_restricted:
      if (opcode.handler == &sanitize) return {};
      break;
    case Rewriting::Phase::format_corrupt:
      if (!opcode.has(medium) || opcode.has(mends)) return {};
      break;
    default: break;
  }
  return rewrite_sense(state);
}

}  // namespace ashlar::scsi
