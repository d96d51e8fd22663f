// Read, Write and Flush (NVM command set 1.0 3.2.4, 3.2.6; base 2.0 7.1). Read and Write are the hot path: no allocation, no
// coroutine; a command is decode, buffer, request, and a callback when the device is done.
#include "nvme/handlers.h"

namespace ashlar::nvme {
namespace {

void read_done(block::Request& request) {
  const Handling handling(*static_cast<Command*>(request.owner));
  unit::ShardTally& tally = *handling.space().tally;
  if (request.status != block::Status::ok) [[unlikely]] {
    const Outcome outcome = outcome_of(request.status, false);
    if (is_device_error(outcome)) tally.add(unit::Count::read_errors, 1);
    return handling.fail(outcome);
  }
  handling.command().data_in_bytes = handling.command().buffer.size();
  tally.add(unit::Count::read_commands, 1);
  tally.add(unit::Count::read_bytes, request.length);
  handling.good();
}

void write_done(block::Request& request) {
  const Handling handling(*static_cast<Command*>(request.owner));
  unit::ShardTally& tally = *handling.space().tally;
  if (request.status != block::Status::ok) [[unlikely]] {
    const Outcome outcome = outcome_of(request.status, true);
    if (is_device_error(outcome)) tally.add(unit::Count::write_errors, 1);
    return handling.fail(outcome);
  }
  tally.add(unit::Count::write_commands, 1);
  tally.add(unit::Count::written_bytes, request.length);
  handling.good();
}

void flush_done(block::Request& request) {
  Handling(*static_cast<Command*>(request.owner)).finish(outcome_of(request.status, true));
}

void write_arrived(Command& command) {
  const Handling handling(command);
  if (handling.interrupted()) [[unlikely]]
    return handling.end();
  const uint64_t offset = wire::nvme::block_range(command.entry).lba * handling.unit().geometry().block_bytes;
  block::Request& request = handling.request(block::Operation::write, offset, command.buffer.size());
  request.durable = wire::nvme::force_unit_access(command.entry);
  request.parts = command.buffer.segments();
  request.done = write_done;
  handling.submit();
}

// What both check; the bytes, or 0 when the command has ended.
uint32_t checked_bytes(Handling handling, const unit::Geometry& geometry) {
  const wire::nvme::BlockRange range = wire::nvme::block_range(handling.entry());
  if (!handling.in_range(range, geometry)) return 0;
  if (wire::nvme::asks_for_protection(handling.entry())) [[unlikely]] {
    handling.fail(Status::invalid_field);
    return 0;
  }
  const uint64_t bytes = uint64_t{range.blocks} * geometry.block_bytes;
  if (!handling.transferable(bytes) || !handling.has_data_of(bytes)) return 0;
  return static_cast<uint32_t>(bytes);
}

}  // namespace

void read(Handling handling) {
  const unit::Geometry geometry = handling.unit().geometry();
  const uint32_t bytes = checked_bytes(handling, geometry);
  if (bytes == 0 || !handling.allocate(bytes)) return;
  const uint64_t offset = wire::nvme::block_range(handling.entry()).lba * geometry.block_bytes;
  block::Request& request = handling.request(block::Operation::read, offset, bytes);
  request.parts = handling.command().buffer.segments();
  request.done = read_done;
  handling.submit();
}

void write(Handling handling) {
  const unit::Geometry geometry = handling.unit().geometry();
  const uint32_t bytes = checked_bytes(handling, geometry);
  if (bytes == 0 || !handling.allocate(bytes)) return;
  handling.fetch(write_arrived);
}

// The whole device is flushed: what other hosts have written, too.
void flush(Handling handling) {
  block::Request& request = handling.request(block::Operation::flush, 0, 0);
  request.done = flush_done;
  handling.submit();
}

}  // namespace ashlar::nvme
