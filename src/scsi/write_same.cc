// WRITE SAME (SBC-3 5.43 and 5.44) and ORWRITE (5.7): stories that hold a range of the unit while they work, so that other
// writes come before or after them, never between their steps.
#include <algorithm>

#include "scsi/handlers.h"
#include "scsi/vpd.h"
#include "unit/buffers.h"
#include "unit/clearing.h"
#include "unit/comparison.h"

namespace ashlar::scsi {
namespace {

using wire::scsi::BlockRange;

struct WriteSame {
  uint64_t offset = 0;
  uint64_t length = 0;
  uint32_t block = 0;
  bool unmap = false;
  bool no_data = false;
};

Sense failure(block::Status status, uint64_t offset, uint32_t block) {
  return sense_of(status, true, offset / block);
}

// The range becomes zeroes; with UNMAP its space may go back to the pool.
loop::Task<Sense> write_zeroes(Handling handling, WriteSame same) {
  auto clearing =
      unit::clear_range(handling, {.offset = same.offset, .length = same.length, .may_discard = same.unmap});
  const unit::ClearingOutcome cleared = co_await clearing;
  if (cleared.status != block::Status::ok) co_return failure(cleared.status, cleared.offset, same.block);
  co_return Sense{};
}

loop::Task<Sense> write_pattern(Handling handling, WriteSame same) {
  Buffer scratch;
  if (!unit::take_scratch(handling.loop().buffers(), same.length, scratch))
    co_return Handling::no_memory_sense();
  const uint32_t piece = scratch.size();
  unit::repeat_block(scratch, handling.task().buffer, same.block);
  for (uint64_t done = 0; done < same.length && !handling.interrupted(); done += piece) {
    if (same.length - done < scratch.size()) scratch.shrink(static_cast<uint32_t>(same.length - done));
    block::Request& request = handling.request(block::Operation::write, same.offset + done, scratch.size());
    request.parts = scratch.segments();
    UnitWork work(handling);
    const block::Status status = co_await work;
    if (status != block::Status::ok) co_return failure(status, same.offset + done, same.block);
  }
  co_return Sense{};
}

loop::Task<void> write_same_story(Handling handling, WriteSame same) {
  if (!same.no_data) {
    DataOut data(handling);
    const bool arrived = co_await data;
    if (!arrived) {
      handling.end();
      co_return;
    }
  }
  auto locking = handling.unit().lock_range(same.offset, same.length);
  const unit::RangeLock lock = co_await locking;
  handling.unit_command().range_lock = lock.id;
  // With UNMAP the block that was sent is not looked at: unmapped blocks read as zeroes, whatever it holds. libiscsi's
  // UnmapUntilEnd test demands that; a stricter reading (QEMU's) writes a block that is not zero instead.
  const bool zeroes = same.unmap || same.no_data || unit::is_zero(handling.task().buffer, same.block);
  auto writing = zeroes ? write_zeroes(handling, same) : write_pattern(handling, same);
  const Sense sense = co_await writing;
  if (lock.id != 0) handling.unit().unlock_range(lock);  // 0: the unit closes, and ended what we asked for
  handling.finish(sense);
}

loop::Task<Sense> read_or_write(Handling handling, uint64_t offset, uint32_t block) {
  Buffer& data = handling.task().buffer;
  Buffer scratch;
  if (!handling.loop().buffers().allocate(scratch, data.size())) co_return Handling::no_memory_sense();
  block::Request& reading = handling.request(block::Operation::read, offset, scratch.size());
  reading.parts = scratch.segments();
  UnitWork read_work(handling);
  const block::Status read_status = co_await read_work;
  if (read_status != block::Status::ok) co_return sense_of(read_status, false, offset / block);
  if (handling.interrupted()) co_return Sense{};
  unit::or_bytes(scratch, 0, data, 0, data.size());
  block::Request& writing = handling.request(block::Operation::write, offset, scratch.size());
  writing.durable = (handling.cdb()[1] & 0x08) != 0;  // FUA
  writing.parts = scratch.segments();
  UnitWork write_work(handling);
  const block::Status status = co_await write_work;
  if (status != block::Status::ok) co_return failure(status, offset, block);
  co_return Sense{};
}

loop::Task<void> or_write_story(Handling handling, uint64_t offset, uint32_t block) {
  DataOut data(handling);
  const bool arrived = co_await data;
  if (!arrived) {
    handling.end();
    co_return;
  }
  auto locking = handling.unit().lock_range(offset, handling.task().buffer.size());
  const unit::RangeLock lock = co_await locking;
  handling.unit_command().range_lock = lock.id;
  auto working = read_or_write(handling, offset, block);
  const Sense sense = co_await working;
  if (lock.id != 0) handling.unit().unlock_range(lock);  // 0: the unit closes, and ended what we asked for
  handling.finish(sense);
}

}  // namespace

void write_same(Handling handling) {
  const uint8_t* cdb = handling.cdb();
  const uint8_t flags_field = wire::scsi::flags_field(cdb);
  const unit::Geometry geometry = handling.unit().geometry();
  BlockRange range = wire::scsi::block_range(cdb);
  if (!handling.in_range(range, geometry)) return;
  WriteSame same{.block = geometry.block_bytes,
                 .unmap = (cdb[flags_field] & 0x08) != 0,
                 .no_data = (cdb[flags_field] & 0x01) != 0};
  if (same.unmap && !is_thin(handling.unit())) return handling.fail(Sense::invalid_cdb_field(flags_field, 3));
  // WSNZ is zero (VPD page B0h): no blocks means all up to the end of the medium.
  const uint64_t blocks = range.blocks != 0 ? range.blocks : geometry.blocks() - range.lba;
  if (blocks > max_write_same_blocks) return handling.fail(Sense::invalid_cdb_field(range.length_field));
  same.offset = range.lba * geometry.block_bytes;
  same.length = blocks * geometry.block_bytes;
  Task& task = handling.task();
  if (!same.no_data) {
    task.data_out_wanted_bytes = same.block;
    // One block is what the command takes; with another length there is no telling what the host meant.
    if (task.expected_data_out_bytes != same.block) {
      return handling.fail(
          Sense::of(SenseKey::illegal_request, 0x0e03));  // INVALID FIELD IN COMMAND INFORMATION UNIT
    }
  }
  if (same.length == 0) return handling.good();
  if (!same.no_data && !handling.allocate(same.block)) return;
  write_same_story(handling, same).detach();
}

void or_write(Handling handling) {
  const unit::Geometry geometry = handling.unit().geometry();
  const BlockRange range = wire::scsi::block_range(handling.cdb());
  if (!handling.in_range(range, geometry) || !handling.transferable(range, geometry)) return;
  Task& task = handling.task();
  task.data_out_wanted_bytes = range.blocks * geometry.block_bytes;
  const uint32_t moved = std::min(task.data_out_wanted_bytes,
                                  task.expected_data_out_bytes / geometry.block_bytes * geometry.block_bytes);
  if (moved == 0) return handling.good();
  if (handling.allocate(moved))
    or_write_story(handling, range.lba * geometry.block_bytes, geometry.block_bytes).detach();
}

}  // namespace ashlar::scsi
