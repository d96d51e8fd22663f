// WRITE ATOMIC(16) (SBC-4 5.48): no command sees a part of it, and no loss of power leaves one. The first comes from a lock
// that keeps reads out as well, the second from what the store promises (docs/decisions/0009-atomic-writes.md).
#include <algorithm>

#include "scsi/handlers.h"
#include "scsi/vpd.h"

namespace ashlar::scsi {
namespace {

loop::Task<void> write_atomic_story(Handling handling, uint64_t offset) {
  DataOut data(handling);
  const bool arrived = co_await data;
  if (!arrived) {
    handling.end();
    co_return;
  }
  const uint32_t length = handling.task().buffer.size();
  auto locking = handling.unit().lock_range(offset, length, true);
  const unit::RangeLock lock = co_await locking;
  handling.unit_command().range_lock = lock.id;
  Sense sense;
  if (!handling.interrupted()) {
    block::Request& request = handling.request(block::Operation::write, offset, length);
    request.durable = (handling.cdb()[wire::scsi::flags_field(handling.cdb())] & 0x08) != 0;  // FUA
    request.atomic = true;
    request.parts = handling.task().buffer.segments();
    UnitWork work(handling);
    const block::Status status = co_await work;
    if (status != block::Status::ok)
      sense = sense_of(status, true, offset / handling.unit().geometry().block_bytes);
  }
  if (lock.id != 0) handling.unit().unlock_range(lock);  // 0: the unit closes, and ended what we asked for
  handling.finish(sense);
}

}  // namespace

AtomicLimits atomic_limits(unit::LogicalUnit& unit) {
  const block::Limits& limits = unit.limits();
  const uint32_t block = unit.geometry().block_bytes;
  const uint32_t most = std::min({limits.atomic_write_bytes, limits.max_transfer_bytes, max_transfer_bytes});
  return {most / block, most < block ? 0 : limits.atomic_alignment_bytes / block};
}

void write_atomic(Handling handling) {
  const unit::Geometry geometry = handling.unit().geometry();
  const wire::scsi::BlockRange range = wire::scsi::block_range(handling.cdb());
  if (!handling.in_range(range, geometry)) return;
  const AtomicLimits limits = atomic_limits(handling.unit());
  if (range.blocks > limits.most_blocks) return handling.fail(Sense::invalid_cdb_field(range.length_field));
  if (limits.alignment_blocks > 1) {
    if (range.lba % limits.alignment_blocks != 0)
      return handling.fail(Sense::invalid_cdb_field(range.lba_field));
    if (range.blocks % limits.alignment_blocks != 0)
      return handling.fail(Sense::invalid_cdb_field(range.length_field));
  }
  Task& task = handling.task();
  task.data_out_wanted_bytes = range.blocks * geometry.block_bytes;
  // A part of it would be what the host must never see.
  if (task.expected_data_out_bytes < task.data_out_wanted_bytes)
    return handling.fail(Sense::invalid_cdb_field(range.length_field));
  if (range.blocks == 0) return handling.good();
  if (handling.allocate(task.data_out_wanted_bytes))
    write_atomic_story(handling, range.lba * geometry.block_bytes).detach();
}

}  // namespace ashlar::scsi
