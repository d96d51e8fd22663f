#include "unit/rewriter.h"

#include <algorithm>
#include <array>

#include "base/bytes.h"
#include "base/log.h"
#include "loop/loop.h"
#include "unit/clearing.h"
#include "unit/keeping.h"
#include "unit/rewrite_record.h"

namespace ashlar::unit {

using block::Status;
using Phase = Rewriting::Phase;

// Everything that the work needs while it runs. It knows nothing of who asked but `told`.
struct RewriteRun {
  Rewritten what;
  Rewrite rewrite;
  Command command;
  Buffer scratch;  // the pattern, many times over
  uint32_t block = 0;
  Phase before = Phase::idle;
  SanitizeRecord sanitized_before;
  RewriteAsker asker;
  std::function<void(RewriteEnd)> told;

  Rewriting& state() const { return what.rules->rewrite; }
  RewriteHistory& history() const { return what.rules->rewrite_history; }
  LogicalUnit& unit() const { return *what.unit; }
  const std::string& volume() const { return what.unit->identity().name; }
};

namespace {

using SharedRun = std::shared_ptr<RewriteRun>;

// Zeroes cost no memory, so pieces may be larger; but an end that is asked for has to be near.
constexpr uint64_t zeroes_piece_bytes = 64u << 20;
constexpr uint32_t pattern_piece_bytes = 1u << 20;

void fill_scratch(RewriteRun& run, bool inverted) {
  std::vector<uint8_t> block(run.block);
  const std::vector<uint8_t>& pattern = run.rewrite.pattern;
  for (size_t i = 0; i < block.size(); ++i)
    block[i] = static_cast<uint8_t>(pattern[i % pattern.size()] ^ (inverted ? 0xff : 0x00));
  for (uint32_t at = 0; at < run.scratch.size(); at += run.block) run.scratch.copy_in(at, block);
}

uint64_t piece_bytes(const RewriteRun& run) {
  if (!run.rewrite.pattern.empty()) return run.scratch.size();
  return std::min(clearing_piece_bytes(run.unit().limits(), run.block), zeroes_piece_bytes);
}

// One piece of a pass at `offset`.
void prepare_piece(RewriteRun& run, uint64_t offset, uint64_t length, std::span<iovec> parts) {
  block::Request& request = run.command.prepare(block::Operation::write_zeroes, offset, length);
  request.may_discard = run.rewrite.may_discard;
  if (run.rewrite.pattern.empty()) return;
  request.operation = block::Operation::write;
  request.may_discard = false;
  request.parts = parts.first(run.scratch.slice(0, static_cast<uint32_t>(length), parts));
}

// Up to where the medium ends now: it may grow or shrink meanwhile.
loop::Task<Status> overwrite(SharedRun run, uint32_t pass) {
  std::array<iovec, Buffer::max_segments> parts;
  uint64_t size = run->unit().geometry().size_bytes;
  for (uint64_t done = 0; done < size; size = run->unit().geometry().size_bytes) {
    const uint64_t length = std::min(piece_bytes(*run), size - done);
    prepare_piece(*run, done, length, parts);
    DirectWork step({run->unit(), run->command});
    const Status status = co_await step;
    const bool shrunk = run->unit().geometry().size_bytes < done + length;
    if (status == Status::out_of_range && shrunk) continue;
    if (status != Status::ok) co_return status;
    done += length;
    run->state().set_progress(pass * size + done, run->rewrite.passes * size);
  }
  run->command.prepare(block::Operation::flush, 0, 0);
  DirectWork flush({run->unit(), run->command});
  const Status flushed = co_await flush;
  co_return flushed;
}

// A read that was in the device while its key went would bring noise: they are waited for, too.
loop::Task<Status> erase_key(SharedRun run) {
  auto locking = run->unit().lock_range(0, run->unit().geometry().size_bytes, true);
  const RangeLock lock = co_await locking;
  if (lock.id == 0) co_return Status::aborted;  // the unit closes
  auto erasing = run->unit().erase_key();
  const Result<void> erased = co_await erasing;
  run->unit().unlock_range(lock);
  if (erased) co_return Status::ok;
  log_error("unit", "the key was not erased: {} volume={}", erased.error().text(), run->volume());
  co_return Status::device_failed;
}

// Commands are refused already; those that came before may still have a write in the device, on any shard.
loop::Task<Status> wait_for_writes(SharedRun run) {
  auto locking = run->unit().lock_range(0, run->unit().geometry().size_bytes);
  const RangeLock lock = co_await locking;
  if (lock.id == 0) co_return Status::aborted;  // the unit closes
  run->unit().unlock_range(lock);
  co_return Status::ok;
}

std::string_view name_of(Phase phase) { return phase == Phase::formatting ? "format" : "sanitize"; }

loop::Task<bool> write_down(Keeper* keeper, Uuid unit, std::string text) {
  if (keeper == nullptr) co_return true;
  const KeepWork work = [](Keeper& records, Uuid of, std::string text) {
    return records.keep_rewrite(of, std::move(text));
  };
  auto keeping = keep_at_home(*keeper, work, unit, std::move(text));
  const Result<void> kept = co_await keeping;
  if (!kept) log_error("unit", "the state of a sanitize was not written down: {}", kept.error().text());
  co_return kept.has_value();
}

void answer(RewriteRun& run, RewriteEnd end) {
  if (run.told) std::exchange(run.told, nullptr)(end);
}

void count_pass(RewriteRun& run) {
  SanitizeRecord record = run.state().sanitized();
  if (record.action == SanitizeAction::overwrite && record.outcome == SanitizeOutcome::running)
    ++record.passes_done;
  run.state().set_sanitized(record);
}

loop::Task<Status> all_passes(SharedRun run) {
  auto waiting = run->rewrite.erase_key ? erase_key(run) : wait_for_writes(run);
  Status status = co_await waiting;
  if (run->rewrite.erase_key && !run->rewrite.may_discard) co_return status;
  for (uint32_t pass = 0; pass < run->rewrite.passes && status == Status::ok; ++pass) {
    const bool inverted = run->rewrite.invert && (run->rewrite.passes - 1 - pass) % 2 != 0;
    if (!run->rewrite.pattern.empty()) fill_scratch(*run, inverted);
    auto overwriting = overwrite(run, pass);
    status = co_await overwriting;
    if (status == Status::ok) count_pass(*run);
  }
  run->scratch.release();
  co_return status;
}

// The sanitize that now runs, as hosts are told of it. A format leaves what stands there.
void note_beginning(RewriteRun& run) {
  run.sanitized_before = run.state().sanitized();
  const Rewrite& rewrite = run.rewrite;
  if (rewrite.phase != Phase::sanitizing) return;
  SanitizeRecord record{.outcome = SanitizeOutcome::running, .action = SanitizeAction::block_erase};
  if (rewrite.erase_key) record.action = SanitizeAction::cryptographic_erase;
  if (!rewrite.pattern.empty()) {
    record.action = SanitizeAction::overwrite;
    record.passes = rewrite.passes;
    record.invert = rewrite.invert;
  }
  record.unrestricted_exit = rewrite.after_failure == Phase::sanitize_failed;
  record.keeps_allocation = rewrite.keeps_allocation;
  run.state().set_sanitized(record);
}

// False: a format ended.
bool note_end(RewriteRun& run, bool good) {
  if (run.rewrite.phase != Phase::sanitizing) return false;
  SanitizeRecord record = run.state().sanitized();
  record.outcome = good ? SanitizeOutcome::succeeded : SanitizeOutcome::failed;
  run.state().set_sanitized(record);
  return true;
}

std::string beginning_of(const RewriteRun& run) {
  return record_of_beginning(run.rewrite.after_failure, run.rewrite.erase_key);
}

RewriteEvent event_of(const RewriteRun& run, RewriteEvent::Step step) {
  RewriteEvent event;
  event.step = step;
  event.milliseconds = static_cast<uint64_t>(loop::Loop::current().wall_clock().count() / 1'000'000);
  event.secure_erase = run.rewrite.secure_erase;
  event.progress = run.state().progress();
  event.asker = run.asker;
  if (run.rewrite.phase != Phase::sanitizing) return event;
  event.kind = RewriteEvent::Kind::sanitize;
  event.sanitized = run.state().sanitized();
  std::array<uint8_t, 4> word{};
  for (size_t i = 0; i < word.size() && !run.rewrite.pattern.empty(); ++i)
    word[i] = run.rewrite.pattern[i % run.rewrite.pattern.size()];
  event.pattern = load_le32(word.data());
  return event;
}

// What becomes of the unit, and that this has happened to it, in one record: neither is there without the other.
loop::Task<bool> note(SharedRun run, std::string state, RewriteEvent event) {
  std::vector<RewriteEvent> events = with_event(run->history().events(), event);
  auto writing = write_down(run->what.keeper, run->unit().identity().uuid, with_history(state, events));
  const bool written = co_await writing;
  if (!written && event.step == RewriteEvent::Step::began) co_return false;
  run->history().replace(std::move(events));
  if (run->what.noted) run->what.noted(event);
  co_return written;
}

// A record of the end that cannot be written leaves that of the beginning: after the next start the unit has failed, which is
// wrong, but no data is taken for erased that is not.
loop::Task<void> conclude(SharedRun run, Status status) {
  const bool good = status == Status::ok;
  const bool sanitized = note_end(*run, good);
  RewriteEvent event = event_of(*run, good ? RewriteEvent::Step::ended : RewriteEvent::Step::failed);
  if (good) {
    auto noting = note(run, record_of_end(run->state().sanitized()), std::move(event));
    co_await noting;
    log_info("unit", "{} is over volume={} initiator={}", name_of(run->rewrite.phase), run->volume(),
             run->asker.initiator);
  } else {
    event.reason = block::name_of(status);
    // Of a unit that closes nobody knows yet how it ends: whoever opens it again says that it was cut short.
    if (status != Status::aborted) {
      auto noting = note(run, beginning_of(*run), std::move(event));
      co_await noting;
    }
    log_warning("unit", "{} failed, the volume is not ready: {} volume={} initiator={}",
                name_of(run->rewrite.phase), block::name_of(status), run->volume(), run->asker.initiator);
  }
  run->state().move(run->rewrite.phase, good ? Phase::idle : run->rewrite.after_failure);
  answer(*run, good ? RewriteEnd::good : RewriteEnd::failed);
  if (sanitized && run->what.sanitized) run->what.sanitized();
}

loop::Task<void> carry_out_story(SharedRun run, bool immediate) {
  auto noting = note(run, beginning_of(*run), event_of(*run, RewriteEvent::Step::began));
  const bool written = co_await noting;
  if (!written) {
    run->scratch.release();
    run->state().set_sanitized(run->sanitized_before);
    run->state().move(run->rewrite.phase, run->before);
    answer(*run, RewriteEnd::not_written_down);
    co_return;
  }
  if (immediate) answer(*run, RewriteEnd::good);
  auto passing = all_passes(run);
  const Status status = co_await passing;
  auto ending = conclude(run, status);
  co_await ending;
}

}  // namespace

bool erases_by_discard(LogicalUnit& unit) {
  return unit.geometry().thin && unit.limits().discard_granularity_bytes != 0 && unit.limits().discard_zeroes;
}

RewriteClaim claim_rewrite(BufferPool& buffers, Rewritten what, Rewrite rewrite, RewriteAsker asker) {
  const auto run = std::make_shared<RewriteRun>();
  run->what = std::move(what);
  run->asker = std::move(asker);
  const Geometry geometry = run->unit().geometry();
  run->block = geometry.block_bytes;
  const auto piece = static_cast<uint32_t>(std::min<uint64_t>(pattern_piece_bytes, geometry.size_bytes));
  if (!rewrite.pattern.empty() && !buffers.allocate(run->scratch, piece))
    return {RewriteRefusal::no_memory, nullptr};
  run->before = run->state().phase();
  if (Rewriting::is_running(run->before) || !run->state().move(run->before, rewrite.phase))
    return {RewriteRefusal::not_now, nullptr};
  run->rewrite = std::move(rewrite);
  note_beginning(*run);
  log_info("unit", "{} begins volume={} initiator={} passes={}", name_of(run->rewrite.phase), run->volume(),
           run->asker.initiator, run->rewrite.passes);
  return {RewriteRefusal::none, run};
}

void carry_out(std::shared_ptr<RewriteRun> run, bool immediate, std::function<void(RewriteEnd)> told) {
  run->told = std::move(told);
  carry_out_story(std::move(run), immediate).detach();
}

// Nothing begins meanwhile: this would take back the record of what has.
loop::Task<RewriteEnd> leave_sanitize_failure(Rewritten what) {
  Rewriting& state = what.rules->rewrite;
  if (!state.move(Phase::sanitize_failed, Phase::sanitizing)) co_return RewriteEnd::failed;
  auto writing = write_down(what.keeper, what.unit->identity().uuid,
                            with_history("", what.rules->rewrite_history.events()));
  const bool written = co_await writing;
  state.move(Phase::sanitizing, written ? Phase::idle : Phase::sanitize_failed);
  co_return written ? RewriteEnd::good : RewriteEnd::not_written_down;
}

void recall_rewrite(UnitRules& rules, std::string_view text, std::string_view volume) {
  if (text.empty()) return;
  rules.rewrite_history.replace(history_in(text));
  Rewriting& state = rules.rewrite;
  if (state.phase() != Phase::idle) return;
  const RecalledRewrite recalled = parse_rewrite_record(text);
  state.set_sanitized(recalled.sanitized);
  if (recalled.phase == Phase::idle) return;
  state.move(Phase::idle, recalled.phase);
  log_warning(
      "unit",
      "a sanitize or format did not end before the engine did: the volume is not ready ({}) volume={}",
      word_of(recalled.phase), volume);
}

void resume_rewrite(Rewritten what, std::string_view text) {
  Rewriting& state = what.rules->rewrite;
  const Phase before = state.phase();
  if (!parse_rewrite_record(text).erases_key || !what.unit->limits().erasable_key) return;
  if (Rewriting::is_running(before) || !state.move(before, Phase::sanitizing)) return;
  const auto run = std::make_shared<RewriteRun>();
  run->what = std::move(what);
  run->block = run->unit().geometry().block_bytes;
  run->rewrite.after_failure = before;
  run->rewrite.erase_key = true;
  run->rewrite.may_discard = erases_by_discard(run->unit());
  run->before = before;
  if (const auto events = history_in(text); !events.empty()) run->asker = events.back().asker;
  note_beginning(*run);
  log_warning("unit", "a sanitize goes on to erase the key volume={}", run->volume());
  carry_out(run, true, {});
}

}  // namespace ashlar::unit
