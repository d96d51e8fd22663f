#include "scsi/rewrite.h"

#include <algorithm>
#include <memory>

#include "base/log.h"
#include "scsi/handlers.h"
#include "scsi/keeping.h"
#include "scsi/nexus_impl.h"

namespace ashlar::scsi {
namespace {

// Zeroes cost no memory, so pieces may be larger; but an end that is asked for has to be near.
constexpr uint64_t zeroes_piece_bytes = 64u << 20;

// Everything that the work needs while it runs. It must not look at the nexus that asked: only `waiter` leads there, and
// the waiter takes itself out when it goes.
struct Run {
  Rewrite rewrite;
  std::shared_ptr<UnitState> state;
  std::shared_ptr<unit::LogicalUnit> unit;
  unit::Command command;
  Buffer scratch;  // the pattern, many times over
  uint32_t block = 0;
  unit::Keeper* keeper = nullptr;  // null: nothing outlives the engine
  Rewriting::Phase before = Rewriting::Phase::idle;
  bool immediate = false;
  Sense outcome;
  Task* waiter = nullptr;  // on this shard
};
using SharedRun = std::shared_ptr<Run>;

// Awaits the request in run.command.
class Step {
 public:
  explicit Step(Run& run) : run_(run) {}
  bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> story) {
    story_ = story;
    run_.command.request.owner = this;
    run_.command.request.done = [](block::Request& done) { static_cast<Step*>(done.owner)->story_.resume(); };
    run_.unit->submit(run_.command);
  }
  block::Status await_resume() const noexcept { return run_.command.request.status; }

 private:
  Run& run_;
  std::coroutine_handle<> story_;
};

void fill_scratch(Run& run, bool inverted) {
  std::vector<uint8_t> block(run.block);
  const std::vector<uint8_t>& pattern = run.rewrite.pattern;
  for (size_t i = 0; i < block.size(); ++i)
    block[i] = static_cast<uint8_t>(pattern[i % pattern.size()] ^ (inverted ? 0xff : 0x00));
  for (uint32_t at = 0; at < run.scratch.size(); at += run.block) run.scratch.copy_in(at, block);
}

uint64_t piece_bytes(const Run& run) {
  if (!run.rewrite.pattern.empty()) return run.scratch.size();
  const uint64_t limit = std::min(run.unit->limits().max_discard_bytes, zeroes_piece_bytes);
  return std::max<uint64_t>(limit / run.block * run.block, run.block);
}

// One piece of a pass at `offset`.
void prepare_piece(Run& run, uint64_t offset, uint64_t length, std::span<iovec> parts) {
  block::Request& request = run.command.request;
  request.offset = offset;
  request.length = length;
  request.durable = request.atomic = false;
  request.parts = {};
  request.operation = block::Operation::write_zeroes;
  request.may_discard = run.rewrite.may_discard;
  if (run.rewrite.pattern.empty()) return;
  request.operation = block::Operation::write;
  request.may_discard = false;
  request.parts = parts.first(run.scratch.slice(0, static_cast<uint32_t>(length), parts));
}

// Up to where the medium ends now: it may grow or shrink meanwhile.
loop::Task<block::Status> overwrite(SharedRun run, uint32_t pass) {
  std::array<iovec, Buffer::max_segments> parts;
  uint64_t size = run->unit->geometry().size_bytes;
  for (uint64_t done = 0; done < size; size = run->unit->geometry().size_bytes) {
    const uint64_t length = std::min(piece_bytes(*run), size - done);
    prepare_piece(*run, done, length, parts);
    Step step(*run);
    const block::Status status = co_await step;
    const bool shrunk = run->unit->geometry().size_bytes < done + length;
    if (status == block::Status::out_of_range && shrunk) continue;
    if (status != block::Status::ok) co_return status;
    done += length;
    run->state->rewrite.set_progress(pass * size + done, run->rewrite.passes * size);
  }
  run->command.request.operation = block::Operation::flush;
  run->command.request.offset = run->command.request.length = 0;
  run->command.request.parts = {};
  Step flush(*run);
  const block::Status flushed = co_await flush;
  co_return flushed;
}

// A read that was in the device while its key went would bring noise: they are waited for, too.
loop::Task<block::Status> erase_key(SharedRun run) {
  auto locking = run->unit->lock_range(0, run->unit->geometry().size_bytes, true);
  const unit::RangeLock lock = co_await locking;
  if (lock.id == 0) co_return block::Status::aborted;  // the unit closes
  auto erasing = run->unit->erase_key();
  const Result<void> erased = co_await erasing;
  run->unit->unlock_range(lock);
  if (erased) co_return block::Status::ok;
  log_error("scsi", "the key was not erased: {} volume={}", erased.error().text(),
            run->unit->identity().name);
  co_return block::Status::device_failed;
}

// Commands are refused already; those that came before may still have a write in the device, on any shard.
loop::Task<block::Status> wait_for_writes(SharedRun run) {
  auto locking = run->unit->lock_range(0, run->unit->geometry().size_bytes);
  const unit::RangeLock lock = co_await locking;
  if (lock.id == 0) co_return block::Status::aborted;  // the unit closes
  run->unit->unlock_range(lock);
  co_return block::Status::ok;
}

std::string_view name_of(Rewriting::Phase phase) {
  return phase == Rewriting::Phase::formatting ? "FORMAT UNIT" : "SANITIZE";
}

// What a unit is after a failure, as words that stay what they are.
constexpr std::pair<Rewriting::Phase, std::string_view> failures[] = {
    {Rewriting::Phase::sanitize_failed, "sanitize_failed"},
    {Rewriting::Phase::sanitize_failed_restricted, "sanitize_failed_restricted"},
    {Rewriting::Phase::format_corrupt, "format_corrupt"}};

std::string_view word_of(Rewriting::Phase phase) {
  const auto found = std::ranges::find(failures, phase, [](const auto& each) { return each.first; });
  return found == std::end(failures) ? "" : found->second;
}

// Stands before the word of a sanitize that erases the key: the next engine ends it.
constexpr std::string_view erasing_key = "erasing_key, ";

std::string record_of(const Run& run) {
  const std::string_view word = word_of(run.rewrite.after_failure);
  return fmt::format("{}{}", run.rewrite.erase_key ? erasing_key : "", word);
}

std::string_view without_erasing(std::string_view text) {
  return text.starts_with(erasing_key) ? text.substr(erasing_key.size()) : text;
}

Sense not_written_down() { return Sense::of(SenseKey::hardware_error, 0x4400); }  // INTERNAL TARGET FAILURE

loop::Task<bool> write_down(unit::Keeper* keeper, Uuid unit, std::string text) {
  if (keeper == nullptr) co_return true;
  const KeepWork work = [](unit::Keeper& records, Uuid of, std::string text) {
    return records.keep_rewrite(of, std::move(text));
  };
  auto keeping = keep_at_home(*keeper, work, unit, std::move(text));
  const Result<void> kept = co_await keeping;
  if (!kept) log_error("scsi", "the state of SANITIZE was not written down: {}", kept.error().text());
  co_return kept.has_value();
}

void answer_now(Run& run, const Sense& outcome) {
  run.outcome = outcome;
  if (run.waiter != nullptr) Handling(*run.waiter).resume_paused();
}

loop::Task<block::Status> all_passes(SharedRun run) {
  auto waiting = run->rewrite.erase_key ? erase_key(run) : wait_for_writes(run);
  block::Status status = co_await waiting;
  if (run->rewrite.erase_key && !run->rewrite.may_discard) co_return status;
  for (uint32_t pass = 0; pass < run->rewrite.passes && status == block::Status::ok; ++pass) {
    const bool inverted = run->rewrite.invert && (run->rewrite.passes - 1 - pass) % 2 != 0;
    if (!run->rewrite.pattern.empty()) fill_scratch(*run, inverted);
    auto overwriting = overwrite(run, pass);
    status = co_await overwriting;
  }
  run->scratch.release();
  co_return status;
}

// A record of the end that cannot be written leaves that of the beginning: after the next start the unit has failed, which is
// wrong, but no data is taken for erased that is not.
loop::Task<void> conclude(SharedRun run, block::Status status) {
  const std::string& volume = run->unit->identity().name;
  if (status == block::Status::ok) {
    auto writing = write_down(run->keeper, run->state->uuid, "");
    co_await writing;
    log_info("scsi", "{} is over volume={}", name_of(run->rewrite.phase), volume);
    run->state->rewrite.move(run->rewrite.phase, Rewriting::Phase::idle);
    answer_now(*run, Sense{});
  } else {
    log_warning("scsi", "{} failed, the volume is not ready: {} volume={}", name_of(run->rewrite.phase),
                block::name_of(status), volume);
    run->state->rewrite.move(run->rewrite.phase, run->rewrite.after_failure);
    answer_now(*run, rewrite_sense(*run->state));
  }
}

loop::Task<void> carry_out(SharedRun run) {
  auto writing = write_down(run->keeper, run->state->uuid, record_of(*run));
  const bool written = co_await writing;
  if (!written) {
    run->scratch.release();
    run->state->rewrite.move(run->rewrite.phase, run->before);
    answer_now(*run, not_written_down());
    co_return;
  }
  if (run->immediate) answer_now(*run, Sense{});
  auto passing = all_passes(run);
  const block::Status status = co_await passing;
  auto ending = conclude(run, status);
  co_await ending;
}

loop::Task<void> answer_in_time(Handling handling, SharedRun run) {
  run->waiter = &handling.task();
  Pause pause(handling);
  co_await pause;
  run->waiter = nullptr;
  handling.finish(run->outcome);
}

// Nothing begins meanwhile: this would take back the record of what has.
loop::Task<void> leave_story(Handling handling) {
  using Phase = Rewriting::Phase;
  const std::shared_ptr<UnitState> state = handling.lun().state;
  if (!state->rewrite.move(Phase::sanitize_failed, Phase::sanitizing)) {
    handling.finish(rewrite_sense(*state));
    co_return;
  }
  auto writing = write_down(handling.nexus().domain().impl().records(), state->uuid, "");
  const bool written = co_await writing;
  state->rewrite.move(Phase::sanitizing, written ? Phase::idle : Phase::sanitize_failed);
  handling.finish(written ? Sense{} : not_written_down());
}

Sense in_progress(const UnitState& state, uint16_t code) {
  Sense sense = Sense::of(SenseKey::not_ready, code);
  sense.progress_valid = true;
  sense.progress = state.rewrite.progress();
  return sense;
}

}  // namespace

void start_rewrite(Handling handling, Rewrite rewrite, bool immediate) {
  const auto run = std::make_shared<Run>();
  run->block = handling.unit().geometry().block_bytes;
  run->state = handling.lun().state;
  run->unit = handling.lun().unit;
  const uint64_t size = handling.unit().geometry().size_bytes;
  if (!rewrite.pattern.empty() &&
      !handling.loop().buffers().allocate(run->scratch,
                                          static_cast<uint32_t>(std::min<uint64_t>(chunk_bytes, size))))
    return handling.fail_memory();
  const Rewriting::Phase before = run->state->rewrite.phase();
  if (Rewriting::is_running(before) || !run->state->rewrite.move(before, rewrite.phase))
    return handling.fail(rewrite_sense(*run->state));
  run->before = before;
  run->immediate = immediate;
  run->keeper = handling.nexus().domain().impl().records();
  run->rewrite = std::move(rewrite);
  log_info("scsi", "{} begins volume={} initiator={} passes={}", name_of(run->rewrite.phase),
           run->unit->identity().name, handling.nexus().nexus().initiator_name, run->rewrite.passes);
  answer_in_time(handling, run).detach();
  carry_out(run).detach();
}

void recall_rewrite(UnitState& state, std::string_view text, std::string_view volume) {
  if (text.empty() || state.rewrite.phase() != Rewriting::Phase::idle) return;
  const auto found =
      std::ranges::find(failures, without_erasing(text), [](const auto& each) { return each.second; });
  // What nobody understands is left by EXIT FAILURE MODE without harm.
  const Rewriting::Phase phase =
      found == std::end(failures) ? Rewriting::Phase::sanitize_failed : found->first;
  state.rewrite.move(Rewriting::Phase::idle, phase);
  log_warning(
      "scsi",
      "a SANITIZE or FORMAT UNIT did not end before the engine did: the volume is not ready ({}) volume={}",
      word_of(phase), volume);
}

void resume_rewrite(std::shared_ptr<UnitState> state, std::shared_ptr<unit::LogicalUnit> unit,
                    unit::Keeper* keeper, std::string_view text) {
  const Rewriting::Phase before = state->rewrite.phase();
  if (!text.starts_with(erasing_key) || !unit->limits().erasable_key) return;
  if (Rewriting::is_running(before) || !state->rewrite.move(before, Rewriting::Phase::sanitizing)) return;
  const auto run = std::make_shared<Run>();
  run->block = unit->geometry().block_bytes;
  run->rewrite.after_failure = before;
  run->rewrite.erase_key = true;
  run->rewrite.may_discard = is_thin(*unit) && unit->limits().discard_zeroes;
  run->before = before;
  run->immediate = true;
  run->keeper = keeper;
  run->state = std::move(state);
  run->unit = std::move(unit);
  log_warning("scsi", "SANITIZE goes on to erase the key volume={}", run->unit->identity().name);
  carry_out(run).detach();
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
