// Copy (NVM command set 1.1 3.3.2): source range formats 0h, within one namespace, and 2h, from any that the host may read.
#include <memory>

#include "nvme/administration.h"
#include "nvme/domain.h"
#include "nvme/handlers.h"
#include "unit/copier.h"

namespace ashlar::nvme {
namespace {

constexpr uint32_t source_bytes = 32;
constexpr uint32_t within_one = 0, from_any = 2;  // Descriptor Format
constexpr uint16_t fast_copy_only = 1u << 15;     // of SOPT

struct Source {
  uint32_t namespace_id = 0;
  wire::nvme::BlockRange range;
  uint16_t options = 0;
};

uint32_t format_of(Handling handling) { return handling.entry().word(12) >> 8 & 0xf; }

// Format 0h names no namespace: the command's is meant.
Source source(Handling handling, uint32_t index) {
  uint8_t bytes[source_bytes];
  handling.command().buffer.copy_out(index * source_bytes, bytes);
  Source found{
      handling.entry().namespace_id(), {load_le64(bytes + 8), uint32_t{load_le16(bytes + 16)} + 1}, 0};
  if (format_of(handling) == from_any) {
    found.namespace_id = load_le32(bytes);
    found.options = load_le16(bytes + 22);
  }
  return found;
}

bool may_read(const Namespace& space) {
  return !space.kept_from_reading && !space.kept_out_wholly && unit::is_active(space.access) &&
         !space.rules->being_rewritten();
}

bool may_write(const Namespace& space) {
  return !space.read_only && !space.kept_from_writing && !space.kept_out_wholly &&
         unit::is_active(space.access) && !space.rules->being_rewritten() && !space.rules->write_protected();
}

// A copy and what it needs of its command, as long as it runs.
class CopyStory final : public unit::CopyWarden {
 public:
  explicit CopyStory(Handling handling)
      : handling_(handling),
        copier(handling.queue().domain().copy_budget(), handling.queue().controller().nexus, *this) {}
  ~CopyStory() { handling_.queue().forget_sources(handling_.command()); }
  CopyStory(const CopyStory&) = delete;
  CopyStory& operator=(const CopyStory&) = delete;
  /// All that it is going to read, before it reads the first: what is unmapped meanwhile ends it, though another volume has come
  /// under that id.
  void note_sources(uint32_t count) {
    Queue& queue = handling_.queue();
    for (uint32_t i = 0; i < count; ++i)
      queue.note_source(handling_.command(), *queue.find(source(handling_, i).namespace_id));
  }
  void read_from(Namespace& space) { from_ = &space; }
  // A reservation, a state or a protection that came meanwhile ends it; so does the end of a mapping, which interrupts it.
  bool may_go_on() override {
    return !handling_.interrupted() && may_write(handling_.space()) && may_read(*from_);
  }

 private:
  Handling handling_;
  Namespace* from_ = nullptr;

 public:
  unit::Copier copier;
};

// What the host may not see is not there, whoever else has it.
Outcome check_source(Handling handling, const Source& from, const unit::Geometry& destination) {
  Namespace* space = handling.queue().find(from.namespace_id);
  if (space == nullptr) return refusal(Status::invalid_namespace);
  if (!unit::is_active(space->access)) return outcome_of(space->access);
  if (space->kept_from_reading || space->kept_out_wholly) return refusal(Status::reservation_conflict);
  if (space->rules->being_rewritten()) return rewrite_outcome(*space->rules);
  const unit::Geometry geometry = space->unit->geometry();
  if (geometry.block_bytes != destination.block_bytes) return refusal(Status::incompatible_namespaces);
  if ((from.options & fast_copy_only) != 0) return refusal(Status::fast_copy_not_possible);
  if (from.range.blocks > most_copy_range_blocks) return refusal(Status::command_size_limit_exceeded);
  if (!geometry.holds(from.range.lba, from.range.blocks)) return refusal(Status::lba_out_of_range);
  return {};
}

// All sources and the destination, before anything is copied.
Outcome check_sources(Handling handling, uint32_t count, const unit::Geometry& geometry) {
  uint64_t blocks = 0;
  for (uint32_t i = 0; i < count; ++i) {
    const Source from = source(handling, i);
    const Outcome outcome = check_source(handling, from, geometry);
    if (!outcome.ok()) return outcome;
    blocks += from.range.blocks;
  }
  if (blocks * geometry.block_bytes > most_copy_bytes) return refusal(Status::command_size_limit_exceeded);
  if (!geometry.holds(handling.entry().pair(10), blocks)) return refusal(Status::lba_out_of_range);
  return {};
}

// One source to byte `to` of the destination.
loop::Task<Outcome> copy_source(Handling handling, CopyStory& story, Source from, uint64_t to) {
  Namespace* space = handling.queue().find(from.namespace_id);
  // Unmapped since it was checked, or replaced.
  if (space == nullptr || handling.interrupted()) co_return refusal(Status::invalid_namespace);
  story.read_from(*space);
  const uint32_t block = handling.unit().geometry().block_bytes;
  const unit::CopyWork work{space->unit, handling.space().unit, from.range.lba * block, to,
                            uint64_t{from.range.blocks} * block};
  auto copying = story.copier.copy(work);
  const unit::CopyOutcome copied = co_await copying;
  if (copied.status == block::Status::ok) co_return Outcome{};
  co_return outcome_of(copied.status, copied.side == unit::CopySide::destination);
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
  auto story = std::make_unique<CopyStory>(handling);
  if (!story->copier.start(handling.loop().buffers())) {
    story.reset();
    handling.fail_memory();
    co_return;
  }
  story->note_sources(count);
  uint64_t to = handling.entry().pair(10) * geometry.block_bytes;
  uint32_t done = 0;
  for (; done < count && outcome.ok(); ++done) {
    const Source from = source(handling, done);
    auto copying = copy_source(handling, *story, from, to);
    outcome = co_await copying;
    to += uint64_t{from.range.blocks} * geometry.block_bytes;
  }
  story.reset();  // before the end: it knows the command
  if (outcome.ok()) {
    handling.good();
    co_return;
  }
  handling.command().result = done - 1;
  handling.fail(outcome);
}

// Format 2h is for hosts that said they know of it (CDFE, base 2.1 5.1.25.1.14).
bool enabled(Handling handling, uint32_t format) {
  return format == within_one || (format == from_any && handling.queue().controller().copies_across.load());
}

}  // namespace

void copy(Handling handling) {
  const uint32_t word = handling.entry().word(12);
  const uint32_t count = (word & 0xff) + 1;
  if (!enabled(handling, format_of(handling)) || (word >> 12 & 0xf) != 0 ||
      (word >> 26 & 0xf) != 0)  // PRINFOR, PRINFOW
    return handling.fail(Status::invalid_field);
  if (count > most_copy_ranges) return handling.fail(Status::command_size_limit_exceeded);
  if (!handling.expect_list(count * source_bytes, most_copy_ranges * source_bytes)) return;
  copy_story(handling, count).detach();
}

}  // namespace ashlar::nvme
