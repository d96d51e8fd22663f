// COMPARE AND WRITE (SBC-3 5.2), what clusters lock with: read, compare, and write only if equal, while the range is held so
// that no other write of any nexus comes between.
#include "unit/buffers.h"

#include "scsi/handlers.h"
#include "scsi/vpd.h"

namespace ashlar::scsi {
namespace {

struct CompareAndWrite {
  uint64_t offset = 0;
  uint32_t length = 0;  // of the blocks; the data-out is these bytes to compare with, then as many to write
  uint32_t block = 0;
};

loop::Task<Sense> compare_then_write(Handling handling, CompareAndWrite work) {
  const Buffer& data = handling.task().buffer;
  Buffer found;
  if (!handling.loop().buffers().allocate(found, work.length)) co_return Handling::no_memory_sense();
  block::Request& reading = handling.request(block::Operation::read, work.offset, work.length);
  reading.parts = found.segments();
  UnitWork read_work(handling);
  const block::Status read_status = co_await read_work;
  if (read_status != block::Status::ok) co_return sense_of(read_status, false, work.offset / work.block);
  if (handling.interrupted()) co_return Sense{};
  const uint32_t equal = unit::equal_bytes(data, 0, found, 0, work.length);
  if (equal != work.length) co_return miscompare(equal);

  std::array<iovec, Buffer::max_segments> parts;
  const size_t count = data.slice(work.length, work.length, parts);
  block::Request& writing = handling.request(block::Operation::write, work.offset, work.length);
  writing.durable = (handling.cdb()[1] & 0x08) != 0;  // FUA
  writing.parts = std::span(parts).first(count);
  UnitWork write_work(handling);
  const block::Status status = co_await write_work;
  if (status != block::Status::ok) co_return sense_of(status, true, work.offset / work.block);
  co_return Sense{};
}

loop::Task<void> story(Handling handling, CompareAndWrite work) {
  DataOut data(handling);
  const bool arrived = co_await data;
  if (!arrived) {
    handling.end();
    co_return;
  }
  auto locking = handling.unit().lock_range(work.offset, work.length);
  const unit::RangeLock lock = co_await locking;
  handling.unit_command().range_lock = lock.id;
  auto working = compare_then_write(handling, work);
  const Sense sense = co_await working;
  if (lock.id != 0) handling.unit().unlock_range(lock);  // 0: the unit closes, and ended what we asked for
  handling.finish(sense);
}

}  // namespace

void compare_and_write(Handling handling) {
  constexpr uint8_t number_field = 13;
  const unit::Geometry geometry = handling.unit().geometry();
  const wire::scsi::BlockRange range = wire::scsi::block_range(handling.cdb());
  if (!handling.in_range(range, geometry)) return;
  const CompareAndWrite work{range.lba * geometry.block_bytes, range.blocks * geometry.block_bytes,
                             geometry.block_bytes};
  Task& task = handling.task();
  task.data_out_wanted_bytes = 2 * work.length;
  // Half of a comparison is worse than none: all of the data must come, and no more.
  if (task.expected_data_out_bytes != 2 * work.length)
    return handling.fail(Sense::invalid_cdb_field(number_field));
  if (work.length > handling.unit().limits().max_transfer_bytes)
    return handling.fail(Sense::invalid_cdb_field(number_field));
  if (work.length == 0) return handling.good();
  if (handling.allocate(2 * work.length)) story(handling, work).detach();
}

}  // namespace ashlar::scsi
