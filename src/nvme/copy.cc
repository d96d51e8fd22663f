// Copy (NVM command set 1.0 3.2.2) within one namespace, source range format 0h.
#include <memory>

#include "nvme/domain.h"
#include "nvme/handlers.h"
#include "unit/copier.h"

namespace ashlar::nvme {
namespace {

constexpr uint32_t source_bytes = 32;

// A copy and what it needs of its command, as long as it runs.
class CopyStory final : public unit::CopyWarden {
 public:
  explicit CopyStory(Handling handling)
      : handling_(handling),
        copier(handling.queue().domain().copy_budget(), handling.queue().controller().nexus, *this) {}
  // A reservation, a state or a protection that came meanwhile ends it.
  bool may_go_on() override {
    const Namespace& space = handling_.space();
    const bool kept_out = space.kept_from_writing || space.kept_from_reading || space.kept_out_wholly;
    return !handling_.interrupted() && !kept_out && unit::is_active(space.access) &&
           !space.rules->being_rewritten() && !space.rules->write_protected();
  }

 private:
  Handling handling_;

 public:
  unit::Copier copier;
};

wire::nvme::BlockRange source(const Buffer& list, uint32_t index) {
  uint8_t bytes[source_bytes];
  list.copy_out(index * source_bytes, bytes);
  return {load_le64(bytes + 8), uint32_t{load_le16(bytes + 16)} + 1};
}

// All sources and the destination, before anything is copied.
Outcome check_sources(Handling handling, uint32_t count, const unit::Geometry& geometry) {
  const uint64_t capacity = geometry.size_bytes / geometry.block_bytes;
  const uint64_t destination = handling.entry().pair(10);
  uint64_t blocks = 0;
  for (uint32_t i = 0; i < count; ++i) {
    const wire::nvme::BlockRange range = source(handling.command().buffer, i);
    if (range.lba >= capacity || range.blocks > capacity - range.lba)
      return refusal(Status::lba_out_of_range);
    if (range.blocks > most_copy_range_blocks) return refusal(Status::command_size_limit_exceeded);
    blocks += range.blocks;
  }
  if (blocks * geometry.block_bytes > most_copy_bytes) return refusal(Status::command_size_limit_exceeded);
  if (destination >= capacity || blocks > capacity - destination) return refusal(Status::lba_out_of_range);
  return {};
}

// DW0: the first source that was not copied, and all behind it (figure 36).
loop::Task<void> copy_story(Handling handling, uint32_t count) {
  DataOut data(handling);
  const bool arrived = co_await data;
  if (!arrived) {
    handling.end();
    co_return;
  }
  const unit::Geometry geometry = handling.unit().geometry();
  Outcome outcome = check_sources(handling, count, geometry);
  if (!outcome.ok()) {
    handling.fail(outcome);
    co_return;
  }
  const auto story = std::make_unique<CopyStory>(handling);
  if (!story->copier.start(handling.loop().buffers())) {
    handling.fail_memory();
    co_return;
  }
  uint64_t to = handling.entry().pair(10) * geometry.block_bytes;
  uint32_t done = 0;
  for (; done < count && outcome.ok(); ++done) {
    const wire::nvme::BlockRange range = source(handling.command().buffer, done);
    const uint64_t length = uint64_t{range.blocks} * geometry.block_bytes;
    const unit::CopyWork work{handling.space().unit, handling.space().unit, range.lba * geometry.block_bytes,
                              to, length};
    auto copying = story->copier.copy(work);
    const unit::CopyOutcome copied = co_await copying;
    to += length;
    if (copied.status != block::Status::ok)
      outcome = outcome_of(copied.status, copied.side == unit::CopySide::destination);
  }
  if (outcome.ok()) {
    handling.good();
    co_return;
  }
  handling.command().result = done - 1;
  handling.fail(outcome);
}

}  // namespace

void copy(Handling handling) {
  const uint32_t word = handling.entry().word(12);
  const uint32_t count = (word & 0xff) + 1;
  if ((word >> 8 & 0xf) != 0 || (word >> 12 & 0xf) != 0 ||
      (word >> 26 & 0xf) != 0)  // format, PRINFOR, PRINFOW
    return handling.fail(Status::invalid_field);
  if (count > most_copy_ranges) return handling.fail(Status::command_size_limit_exceeded);
  if (!handling.expect_list(count * source_bytes, most_copy_ranges * source_bytes)) return;
  copy_story(handling, count).detach();
}

}  // namespace ashlar::nvme
