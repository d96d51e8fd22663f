// Fused Compare and Write (NVMe base 2.0 3.4.2, NVM command set 1.0 2.1.1.1), what VMFS locks with: the second is written only
// if the first is equal, while the range is held, so that no other write of any host or protocol comes between.
#include "nvme/handlers.h"

namespace ashlar::nvme {
namespace {

using wire::nvme::IoOpcode;

bool is(Handling handling, IoOpcode opcode) {
  return handling.entry().opcode() == static_cast<uint8_t>(opcode);
}

struct PairOutcome {
  Outcome first, second;
};
PairOutcome both_failed(Outcome first) { return {first, refusal(Status::aborted_failed_fused)}; }

// Under the lock.
loop::Task<PairOutcome> compare_then_write(Handling first, Handling second, unit::RangeLock lock) {
  const uint32_t block = second.unit().geometry().block_bytes;
  const uint64_t offset = wire::nvme::block_range(first.entry()).lba * block;
  auto comparing = read_and_compare(first, offset, first.command().buffer.size(), true);
  const Outcome compared = co_await comparing;
  if (!compared.ok()) co_return both_failed(compared);
  if (first.interrupted() || second.interrupted()) co_return both_failed(first.command().outcome);
  block::Request& request = second.request(block::Operation::write, offset, second.command().buffer.size());
  second.unit_command().range_lock = lock.id;
  request.durable = wire::nvme::force_unit_access(second.entry());
  request.parts = second.command().buffer.segments();
  UnitWork writing(second);
  const block::Status status = co_await writing;
  co_return PairOutcome{{}, outcome_of(status, true)};
}

loop::Task<void> pair_story(Handling first, Handling second) {
  const uint64_t offset = wire::nvme::block_range(first.entry()).lba * second.unit().geometry().block_bytes;
  auto locking = second.unit().lock_range(offset, first.command().buffer.size());
  const unit::RangeLock lock = co_await locking;
  auto working = compare_then_write(first, second, lock);
  const PairOutcome outcome = co_await working;
  if (lock.id != 0) second.unit().unlock_range(lock);  // 0: the unit closes, and ended what we asked for
  first.set_partner(nullptr);
  second.set_partner(nullptr);
  first.finish(outcome.first);
  second.finish(outcome.second);
}

// One half has all its data: the pair begins, or it waits for the other.
void half_arrived(Command& command) {
  const Handling handling(command);
  if (handling.interrupted()) return handling.end();
  handling.set_fused_ready();
  Command* partner = handling.partner();
  if (partner == nullptr || !Handling(*partner).fused_ready() || !Handling(*partner).waiting())
    return handling.wait();
  Handling(*partner).go_on();
  const bool is_first = command.entry.fuse() == wire::nvme::Fuse::first;
  pair_story(Handling(is_first ? command : *partner), Handling(is_first ? *partner : command)).detach();
}

// Takes the buffer and asks for the data. False: it has ended.
bool begin_half(Handling handling, IoOpcode opcode) {
  if (!is(handling, opcode)) {
    handling.fail(Status::invalid_field);
    return false;
  }
  if (!handling.queue().controller().ready()) {
    handling.fail(Status::command_sequence_error);
    return false;
  }
  if (!admit_io(handling, *find_io_command(static_cast<uint8_t>(opcode)))) return false;
  const unit::Geometry geometry = handling.unit().geometry();
  const wire::nvme::BlockRange range = wire::nvme::block_range(handling.entry());
  if (!handling.in_range(range, geometry)) return false;
  const uint64_t bytes = uint64_t{range.blocks} * geometry.block_bytes;
  return handling.transferable(bytes) && handling.expect(static_cast<uint32_t>(bytes));
}

bool same_blocks(const Submission& a, const Submission& b) {
  const wire::nvme::BlockRange left = wire::nvme::block_range(a), right = wire::nvme::block_range(b);
  return a.namespace_id() == b.namespace_id() && left.lba == right.lba && left.blocks == right.blocks;
}

}  // namespace

void begin_fused_first(Handling first) {
  if (begin_half(first, IoOpcode::compare)) first.fetch(half_arrived);
}

void begin_fused_second(Handling first, Handling second) {
  // The first ends with it, whatever ends it before they begin.
  first.set_partner(&second.command());
  second.set_partner(&first.command());
  if (!same_blocks(first.entry(), second.entry())) return second.fail(Status::invalid_field);
  if (begin_half(second, IoOpcode::write)) second.fetch(half_arrived);
}

}  // namespace ashlar::nvme
