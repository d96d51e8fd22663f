#include "scsi/rewrite.h"

#include <algorithm>
#include <memory>

#include "scsi/buffers.h"
#include "scsi/handlers.h"

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
  block::Status outcome = block::Status::ok;
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

// Commands are refused already; those that came before may still have a write in the device, on any shard.
loop::Task<block::Status> wait_for_writes(SharedRun run) {
  auto locking = run->unit->lock_range(0, run->unit->geometry().size_bytes);
  const unit::RangeLock lock = co_await locking;
  if (lock.id == 0) co_return block::Status::aborted;  // the unit closes
  run->unit->unlock_range(lock);
  co_return block::Status::ok;
}

loop::Task<void> carry_out(SharedRun run) {
  auto waiting = wait_for_writes(run);
  block::Status status = co_await waiting;
  for (uint32_t pass = 0; pass < run->rewrite.passes && status == block::Status::ok; ++pass) {
    const bool inverted = run->rewrite.invert && (run->rewrite.passes - 1 - pass) % 2 != 0;
    if (!run->rewrite.pattern.empty()) fill_scratch(*run, inverted);
    auto overwriting = overwrite(run, pass);
    status = co_await overwriting;
  }
  run->scratch.release();
  run->outcome = status;
  const bool good = status == block::Status::ok;
  run->state->rewrite.move(run->rewrite.phase, good ? Rewriting::Phase::idle : run->rewrite.after_failure);
  if (run->waiter != nullptr) Handling(*run->waiter).resume_paused();
}

loop::Task<void> answer_at_the_end(Handling handling, SharedRun run) {
  run->waiter = &handling.task();
  Pause pause(handling);
  co_await pause;
  run->waiter = nullptr;
  handling.finish(run->outcome == block::Status::ok ? Sense{} : rewrite_sense(handling.state()));
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
  run->rewrite = std::move(rewrite);
  if (immediate) {
    handling.good();
  } else {
    answer_at_the_end(handling, run).detach();
  }
  carry_out(run).detach();
}

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
