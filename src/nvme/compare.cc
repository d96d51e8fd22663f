// Compare and Verify (NVM command set 1.0 3.2.1, 3.2.5): stories that read the medium in pieces.
#include "nvme/handlers.h"
#include "unit/comparison.h"

namespace ashlar::nvme {
namespace {

loop::Task<void> compare_story(Handling handling, uint64_t offset) {
  DataOut data(handling);
  const bool arrived = co_await data;
  if (!arrived) {
    handling.end();
    co_return;
  }
  auto comparing = read_and_compare(handling, offset, handling.command().buffer.size(), true);
  const Outcome outcome = co_await comparing;
  handling.finish(outcome);
}

loop::Task<void> verify_story(Handling handling, uint64_t offset, uint64_t length) {
  auto reading = read_and_compare(handling, offset, length, false);
  const Outcome outcome = co_await reading;
  unit::ShardTally& tally = *handling.space().tally;
  if (outcome.ok() && !handling.interrupted()) tally.add(unit::Count::verified_bytes, length);
  if (is_device_error(outcome)) tally.add(unit::Count::verify_errors, 1);
  handling.finish(outcome);
}

}  // namespace

loop::Task<Outcome> read_and_compare(Handling handling, uint64_t offset, uint64_t length, bool with_data) {
  Buffer scratch;
  if (!unit::take_scratch(handling.loop().buffers(), length, scratch))
    co_return Outcome{Status::command_interrupted, false};
  auto comparing = unit::read_and_compare(handling, offset, length,
                                          with_data ? unit::Expected::data : unit::Expected::anything,
                                          handling.command().buffer, scratch);
  const unit::Comparison found = co_await comparing;
  if (found.status != block::Status::ok) co_return outcome_of(found.status, false);
  if (found.difference) co_return refusal(Status::compare_failure);
  co_return Outcome{};
}

void compare(Handling handling) {
  const unit::Geometry geometry = handling.unit().geometry();
  const wire::nvme::BlockRange range = wire::nvme::block_range(handling.entry());
  if (!handling.in_range(range, geometry)) return;
  const uint64_t bytes = uint64_t{range.blocks} * geometry.block_bytes;
  if (!handling.transferable(bytes) || !handling.expect(static_cast<uint32_t>(bytes))) return;
  compare_story(handling, range.lba * geometry.block_bytes).detach();
}

void verify(Handling handling) {
  const unit::Geometry geometry = handling.unit().geometry();
  const wire::nvme::BlockRange range = wire::nvme::block_range(handling.entry());
  if (!handling.in_range(range, geometry)) return;
  verify_story(handling, range.lba * geometry.block_bytes, uint64_t{range.blocks} * geometry.block_bytes)
      .detach();
}

}  // namespace ashlar::nvme
