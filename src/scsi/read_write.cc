// READ, WRITE, SYNCHRONIZE CACHE and PRE-FETCH. READ and WRITE are the hot path: no allocation, no coroutine; a command is
// decode, buffer, request, and a callback when the device is done.
#include <algorithm>

#include "scsi/handlers.h"

namespace ashlar::scsi {
namespace {

using wire::scsi::BlockRange;

// FUA of all but the 6-byte commands, which have an address there.
bool force_unit_access(const uint8_t* cdb) {
  return cdb[0] >= 0x20 && (cdb[wire::scsi::flags_field(cdb)] & 0x08) != 0;
}

uint64_t first_lba(const block::Request& request, const Handling& handling) {
  return request.offset / handling.unit().geometry().block_bytes;
}

void read_done(block::Request& request) {
  const Handling handling(*static_cast<Task*>(request.owner));
  if (request.status != block::Status::ok) [[unlikely]] {
    return handling.fail(sense_of(request.status, false, first_lba(request, handling)));
  }
  handling.task().data_in_bytes = handling.task().buffer.size();
  handling.good();
}

void write_done(block::Request& request) {
  const Handling handling(*static_cast<Task*>(request.owner));
  if (request.status != block::Status::ok) [[unlikely]] {
    return handling.fail(sense_of(request.status, true, first_lba(request, handling)));
  }
  handling.good();
}

void write_arrived(Task& task) {
  const Handling handling(task);
  if (handling.interrupted()) [[unlikely]]
    return handling.end();
  const uint8_t* cdb = handling.cdb();
  const uint32_t block = handling.unit().geometry().block_bytes;
  block::Request& request =
      handling.request(block::Operation::write, wire::scsi::block_range(cdb).lba * block, task.buffer.size());
  request.durable = force_unit_access(cdb);
  request.parts = task.buffer.segments();
  request.done = write_done;
  handling.submit();
}

}  // namespace

void read(Handling handling) { read_range(handling, wire::scsi::block_range(handling.cdb())); }

void read_range(Handling handling, const BlockRange& range) {
  const unit::Geometry geometry = handling.unit().geometry();
  if (!handling.in_range(range, geometry) || !handling.transferable(range, geometry)) return;
  Task& task = handling.task();
  const uint32_t block = geometry.block_bytes;
  const uint32_t wanted = range.blocks * block;
  task.data_in_wanted_bytes = wanted;
  // What the host has no room for is not read; the rest of the last block that fits in part is cut by the transport.
  const uint32_t room =
      static_cast<uint32_t>((uint64_t{task.expected_data_in_bytes} + block - 1) / block * block);
  const uint32_t moved = std::min(wanted, room);
  if (moved == 0) return handling.good();
  if (!handling.allocate(moved)) return;
  block::Request& request = handling.request(block::Operation::read, range.lba * block, moved);
  request.parts = task.buffer.segments();
  request.done = read_done;
  handling.submit();
}

void write(Handling handling) {
  const unit::Geometry geometry = handling.unit().geometry();
  const BlockRange range = wire::scsi::block_range(handling.cdb());
  if (!handling.in_range(range, geometry) || !handling.transferable(range, geometry)) return;
  Task& task = handling.task();
  const uint32_t block = geometry.block_bytes;
  const uint32_t wanted = range.blocks * block;
  task.data_out_wanted_bytes = wanted;
  // Whole blocks that arrive are written; what the host sends beyond the CDB's length is not asked for.
  const uint32_t moved = std::min(wanted, task.expected_data_out_bytes / block * block);
  if (moved == 0) return handling.good();
  if (!handling.allocate(moved)) return;
  handling.fetch(write_arrived);
}

// SBC-3 5.22. The whole device is flushed, whatever the range. IMMED is honoured late, by an answer that is true: status
// comes when the data is on stable storage, so that no deferred error is ever needed.
void synchronize_cache(Handling handling) {
  if (!handling.in_range(wire::scsi::block_range(handling.cdb()), handling.unit().geometry())) return;
  block::Request& request = handling.request(block::Operation::flush, 0, 0);
  request.done = write_done;
  handling.submit();
}

// SBC-3 5.8: GOOD says that the cache did not take all of it; there is no cache of ours to fill.
void pre_fetch(Handling handling) {
  if (handling.in_range(wire::scsi::block_range(handling.cdb()), handling.unit().geometry())) handling.good();
}

}  // namespace ashlar::scsi
