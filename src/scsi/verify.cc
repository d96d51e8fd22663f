// VERIFY and WRITE AND VERIFY (SBC-3 5.29 to 5.31, 5.40 to 5.42): stories that read the medium in pieces of chunk_bytes.
#include <algorithm>

#include "scsi/handlers.h"
#include "unit/comparison.h"

namespace ashlar::scsi {
namespace {

using wire::scsi::BlockRange;

enum class ByteCheck : uint8_t { medium = 0, all = 1, reserved = 2, one_block = 3 };
ByteCheck byte_check(const uint8_t* cdb) {
  return static_cast<ByteCheck>(cdb[wire::scsi::flags_field(cdb)] >> 1 & 3);
}
Sense invalid_byte_check(const uint8_t* cdb) {
  return Sense::invalid_cdb_field(wire::scsi::flags_field(cdb), 2);
}

Sense sense_of_comparison(const unit::Comparison& found, uint32_t block) {
  if (found.status != block::Status::ok) return sense_of(found.status, false, found.offset / block);
  return found.difference ? miscompare(*found.difference) : Sense{};
}

bool take_scratch(Handling handling, uint64_t length, Buffer& scratch) {
  return unit::take_scratch(handling.loop().buffers(), length, scratch);
}

unit::Expected expected_of(ByteCheck check) {
  if (check == ByteCheck::medium) return unit::Expected::anything;
  return check == ByteCheck::all ? unit::Expected::data : unit::Expected::one_block;
}

// Holds [offset, offset + length) against the task's buffer as `check` says. The sense, or no_sense.
loop::Task<Sense> read_and_compare(Handling handling, uint64_t offset, uint64_t length, ByteCheck check,
                                   Buffer& scratch) {
  auto comparing =
      unit::read_and_compare(handling, offset, length, expected_of(check), handling.task().buffer, scratch);
  const unit::Comparison found = co_await comparing;
  co_return sense_of_comparison(found, handling.unit().geometry().block_bytes);
}

// Data-out, as many whole blocks as arrive. False: the task is over.
bool prepare(Handling handling, uint32_t wanted, uint32_t block) {
  Task& task = handling.task();
  task.data_out_wanted_bytes = wanted;
  const uint32_t moved = std::min(wanted, task.expected_data_out_bytes / block * block);
  if (moved > 0) return handling.allocate(moved);
  handling.good();
  return false;
}

loop::Task<void> verify_medium(Handling handling, uint64_t offset, uint64_t length) {
  Buffer scratch;
  if (!take_scratch(handling, length, scratch)) {
    handling.fail_memory();
    co_return;
  }
  auto reading = read_and_compare(handling, offset, length, ByteCheck::medium, scratch);
  const Sense sense = co_await reading;
  handling.finish(sense);
}

loop::Task<void> verify_data(Handling handling, uint64_t offset, uint64_t length) {
  DataOut data(handling);
  const bool arrived = co_await data;
  if (!arrived) {
    handling.end();
    co_return;
  }
  const ByteCheck check = byte_check(handling.cdb());
  if (check == ByteCheck::all) length = handling.task().buffer.size();
  Buffer scratch;
  if (!take_scratch(handling, length, scratch)) {
    handling.fail_memory();
    co_return;
  }
  auto reading = read_and_compare(handling, offset, length, check, scratch);
  const Sense sense = co_await reading;
  handling.finish(sense);
}

loop::Task<void> write_then_verify(Handling handling, uint64_t offset) {
  DataOut data(handling);
  const bool arrived = co_await data;
  if (!arrived) {
    handling.end();
    co_return;
  }
  Task& task = handling.task();
  // Taken before the write: BUSY says that nothing was done (SAM-5 5.3.1), so it may not be said once data is on the medium.
  Buffer scratch;
  if (!take_scratch(handling, task.buffer.size(), scratch)) {
    handling.fail_memory();
    co_return;
  }
  block::Request& request = handling.request(block::Operation::write, offset, task.buffer.size());
  request.durable = true;  // SBC-3 5.40: what is verified is what the medium holds
  request.parts = task.buffer.segments();
  UnitWork writing(handling);
  const block::Status status = co_await writing;
  if (status != block::Status::ok) {
    handling.fail(sense_of(status, true, offset / handling.unit().geometry().block_bytes));
    co_return;
  }
  auto reading = read_and_compare(handling, offset, task.buffer.size(), byte_check(handling.cdb()), scratch);
  const Sense sense = co_await reading;
  handling.finish(sense);
}

}  // namespace

Sense miscompare(uint64_t offset) {
  Sense sense = Sense::of(SenseKey::miscompare, 0x1d00);
  sense.information_valid = true;
  sense.information = offset;
  return sense;
}

void verify(Handling handling) {
  const ByteCheck check = byte_check(handling.cdb());
  if (check == ByteCheck::reserved) return handling.fail(invalid_byte_check(handling.cdb()));
  const unit::Geometry geometry = handling.unit().geometry();
  const BlockRange range = wire::scsi::block_range(handling.cdb());
  if (!handling.in_range(range, geometry)) return;
  if (range.blocks == 0) return handling.good();
  const uint64_t offset = range.lba * geometry.block_bytes;
  const uint64_t length = uint64_t{range.blocks} * geometry.block_bytes;
  if (check == ByteCheck::medium) return verify_medium(handling, offset, length).detach();
  if (check == ByteCheck::all && !handling.transferable(range, geometry)) return;
  const uint32_t wanted = check == ByteCheck::all ? static_cast<uint32_t>(length) : geometry.block_bytes;
  if (prepare(handling, wanted, geometry.block_bytes)) verify_data(handling, offset, length).detach();
}

void write_and_verify(Handling handling) {
  const ByteCheck check = byte_check(handling.cdb());
  if (check != ByteCheck::medium && check != ByteCheck::all)
    return handling.fail(invalid_byte_check(handling.cdb()));
  const unit::Geometry geometry = handling.unit().geometry();
  const BlockRange range = wire::scsi::block_range(handling.cdb());
  if (!handling.in_range(range, geometry) || !handling.transferable(range, geometry)) return;
  const uint32_t wanted = range.blocks * geometry.block_bytes;
  if (prepare(handling, wanted, geometry.block_bytes))
    write_then_verify(handling, range.lba * geometry.block_bytes).detach();
}

}  // namespace ashlar::scsi
