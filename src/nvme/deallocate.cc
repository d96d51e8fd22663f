// Write Zeroes and Dataset Management (NVM command set 1.0 3.2.8, 3.2.3).
#include <algorithm>

#include "nvme/handlers.h"

namespace ashlar::nvme {
namespace {

constexpr uint32_t range_bytes = 16;
constexpr uint32_t attribute_deallocate = 1u << 2;

// In pieces that the device takes. `durable` and `may_discard` of write_zeroes.
struct Clearing {
  block::Operation operation;
  uint64_t offset, length;
  bool durable, may_discard;
};

loop::Task<Outcome> clear_range(Handling handling, Clearing work) {
  const uint32_t block = handling.unit().geometry().block_bytes;
  const uint64_t piece =
      std::max<uint64_t>(handling.unit().limits().max_discard_bytes / block * block, block);
  for (uint64_t done = 0; done < work.length && !handling.interrupted();) {
    const uint64_t now = std::min(piece, work.length - done);
    block::Request& request = handling.request(work.operation, work.offset + done, now);
    request.durable = work.durable;
    request.may_discard = work.may_discard;
    UnitWork working(handling);
    const block::Status status = co_await working;
    if (status != block::Status::ok) co_return outcome_of(status, true);
    done += now;
  }
  co_return Outcome{};
}

loop::Task<void> zero_story(Handling handling, Clearing work) {
  auto clearing = clear_range(handling, work);
  const Outcome outcome = co_await clearing;
  handling.space().tally->add(unit::Count::write_commands, 1);
  handling.finish(outcome);
}

wire::nvme::BlockRange dataset_range(const Buffer& list, uint32_t index) {
  uint8_t bytes[range_bytes];
  list.copy_out(index * range_bytes, bytes);
  return {load_le64(bytes + 8), load_le32(bytes + 4)};
}

// All ranges are checked before the first is deallocated: a list that is refused has done nothing.
Outcome check_ranges(const Buffer& list, uint32_t count, const unit::Geometry& geometry) {
  const uint64_t capacity = geometry.size_bytes / geometry.block_bytes;
  for (uint32_t i = 0; i < count; ++i) {
    const wire::nvme::BlockRange range = dataset_range(list, i);
    if (range.lba > capacity || range.blocks > capacity - range.lba) return refusal(Status::lba_out_of_range);
  }
  return {};
}

loop::Task<Outcome> deallocate_ranges(Handling handling, uint32_t count) {
  const uint32_t block = handling.unit().geometry().block_bytes;
  for (uint32_t i = 0; i < count && !handling.interrupted(); ++i) {
    const wire::nvme::BlockRange range = dataset_range(handling.command().buffer, i);
    const Clearing work{block::Operation::discard, range.lba * block, uint64_t{range.blocks} * block, false,
                        true};
    auto clearing = clear_range(handling, work);
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
  const Clearing work{block::Operation::write_zeroes, range.lba * geometry.block_bytes,
                      uint64_t{range.blocks} * geometry.block_bytes,
                      wire::nvme::force_unit_access(handling.entry()),
                      wire::nvme::may_deallocate(handling.entry())};
  zero_story(handling, work).detach();
}

void dataset_management(Handling handling) {
  const uint32_t count = (handling.entry().word(10) & 0xff) + 1;
  if (!handling.expect_list(count * range_bytes, most_dataset_ranges * range_bytes)) return;
  dataset_story(handling, count).detach();
}

}  // namespace ashlar::nvme
