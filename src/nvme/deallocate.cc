// Write Zeroes and Dataset Management (NVM command set 1.0 3.2.8, 3.2.3).
#include "nvme/handlers.h"
#include "unit/clearing.h"

namespace ashlar::nvme {
namespace {

constexpr uint32_t range_bytes = 16;
constexpr uint32_t attribute_deallocate = 1u << 2;

loop::Task<Outcome> clear(Handling handling, unit::Clearing work) {
  auto clearing = unit::clear_range(handling, work);
  const unit::ClearingOutcome cleared = co_await clearing;
  co_return outcome_of(cleared.status, true);
}

loop::Task<void> zero_story(Handling handling, unit::Clearing work) {
  auto clearing = clear(handling, work);
  const Outcome outcome = co_await clearing;
  unit::ShardTally& tally = *handling.space().tally;
  tally.add(unit::Count::write_commands, 1);
  if (is_device_error(outcome)) tally.add(unit::Count::write_errors, 1);
  handling.finish(outcome);
}

wire::nvme::BlockRange dataset_range(const Buffer& list, uint32_t index) {
  uint8_t bytes[range_bytes];
  list.copy_out(index * range_bytes, bytes);
  return {load_le64(bytes + 8), load_le32(bytes + 4)};
}

// All ranges are checked before the first is deallocated: a list that is refused has done nothing.
Outcome check_ranges(const Buffer& list, uint32_t count, const unit::Geometry& geometry) {
  for (uint32_t i = 0; i < count; ++i) {
    const wire::nvme::BlockRange range = dataset_range(list, i);
    if (!geometry.holds(range.lba, range.blocks)) return refusal(Status::lba_out_of_range);
  }
  return {};
}

loop::Task<Outcome> deallocate_ranges(Handling handling, uint32_t count) {
  const uint32_t block = handling.unit().geometry().block_bytes;
  for (uint32_t i = 0; i < count && !handling.interrupted(); ++i) {
    const wire::nvme::BlockRange range = dataset_range(handling.command().buffer, i);
    auto clearing = clear(handling, {.operation = block::Operation::discard,
                                     .offset = range.lba * block,
                                     .length = uint64_t{range.blocks} * block});
    const Outcome outcome = co_await clearing;
    if (!outcome.ok()) co_return outcome;
  }
  co_return Outcome{};
}

loop::Task<void> dataset_story(Handling handling, uint32_t count) {
  DataOut data(handling);
  const bool arrived = co_await data;
  if (!arrived) {
    handling.end();
    co_return;
  }
  Outcome outcome = check_ranges(handling.command().buffer, count, handling.unit().geometry());
  // Deallocation and all other attributes are hints: a store that gives nothing back has done its part.
  const bool deallocates = (handling.entry().word(11) & attribute_deallocate) != 0 &&
                           handling.unit().limits().discard_granularity_bytes != 0;
  if (outcome.ok() && deallocates) {
    auto work = deallocate_ranges(handling, count);
    outcome = co_await work;
  }
  handling.finish(outcome);
}

}  // namespace

void write_zeroes(Handling handling) {
  const unit::Geometry geometry = handling.unit().geometry();
  const wire::nvme::BlockRange range = wire::nvme::block_range(handling.entry());
  if (!handling.in_range(range, geometry)) return;
  if (wire::nvme::asks_for_protection(handling.entry())) return handling.fail(Status::invalid_field);
  const unit::Clearing work{.offset = range.lba * geometry.block_bytes,
                            .length = uint64_t{range.blocks} * geometry.block_bytes,
                            .durable = wire::nvme::force_unit_access(handling.entry()),
                            .may_discard = wire::nvme::may_deallocate(handling.entry())};
  zero_story(handling, work).detach();
}

void dataset_management(Handling handling) {
  const uint32_t count = (handling.entry().word(10) & 0xff) + 1;
  if (!handling.expect_list(count * range_bytes, most_dataset_ranges * range_bytes)) return;
  dataset_story(handling, count).detach();
}

}  // namespace ashlar::nvme
