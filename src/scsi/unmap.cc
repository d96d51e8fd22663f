// UNMAP (SBC-3 5.28): a list of ranges, one after the other.
#include <algorithm>

#include "scsi/handlers.h"
#include "scsi/vpd.h"
#include "unit/clearing.h"

namespace ashlar::scsi {
namespace {

constexpr uint32_t header_bytes = 8;
constexpr uint32_t descriptor_bytes = 16;
constexpr uint32_t max_list_bytes = header_bytes + max_unmap_descriptors * descriptor_bytes;

struct Range {
  uint64_t lba;
  uint32_t blocks;
};

Range descriptor(const Buffer& list, uint32_t index) {
  uint8_t bytes[descriptor_bytes];
  list.copy_out(header_bytes + index * descriptor_bytes, bytes);
  return {load_be64(bytes), load_be32(bytes + 8)};
}

// Whole descriptors that the list holds: UNMAP BLOCK DESCRIPTOR DATA LENGTH may say less than was sent, and what it says
// beyond the list's end, or beyond the last whole descriptor, is ignored (5.28.2).
uint32_t descriptors_in(const Buffer& list) {
  uint8_t header[header_bytes];
  list.copy_out(0, header);
  return std::min<uint32_t>(load_be16(header + 2), list.size() - header_bytes) / descriptor_bytes;
}

// All ranges are checked before the first is unmapped: a list that is refused has done nothing.
Sense check(const Buffer& list, uint32_t count, const unit::Geometry& geometry) {
  if (count > max_unmap_descriptors) return Sense::invalid_parameter_field(2);
  uint64_t total = 0;
  for (uint32_t i = 0; i < count; ++i) {
    const Range range = descriptor(list, i);
    if (!geometry.holds(range.lba, range.blocks))
      return Sense::lba_out_of_range(std::max(range.lba, geometry.blocks()));
    total += range.blocks;
    const uint16_t field = static_cast<uint16_t>(header_bytes + i * descriptor_bytes + 8);
    if (total > max_unmap_blocks) return Sense::invalid_parameter_field(field);
  }
  return {};
}

loop::Task<Sense> unmap_ranges(Handling handling, uint32_t count) {
  const uint32_t block = handling.unit().geometry().block_bytes;
  for (uint32_t i = 0; i < count && !handling.interrupted(); ++i) {
    const Range range = descriptor(handling.task().buffer, i);
    auto clearing = unit::clear_range(handling, {.operation = block::Operation::discard,
                                                 .offset = range.lba * block,
                                                 .length = uint64_t{range.blocks} * block});
    const unit::ClearingOutcome cleared = co_await clearing;
    if (cleared.status != block::Status::ok) co_return sense_of(cleared.status, true, cleared.offset / block);
  }
  co_return Sense{};
}

loop::Task<void> unmap_story(Handling handling) {
  DataOut data(handling);
  const bool arrived = co_await data;
  if (!arrived) {
    handling.end();
    co_return;
  }
  const Buffer& list = handling.task().buffer;
  const uint32_t count = descriptors_in(list);
  Sense sense = check(list, count, handling.unit().geometry());
  if (sense.key == SenseKey::no_sense) {
    auto work = unmap_ranges(handling, count);
    sense = co_await work;
  }
  handling.finish(sense);
}

}  // namespace

void unmap(Handling handling) {
  Task& task = handling.task();
  const uint32_t list_bytes = load_be16(handling.cdb() + 7);
  task.data_out_wanted_bytes = list_bytes;
  if (list_bytes == 0) return handling.good();
  // 5.28.1: a list without a whole header is a PARAMETER LIST LENGTH ERROR.
  const uint32_t comes = std::min(list_bytes, task.expected_data_out_bytes);
  if (comes < header_bytes) return handling.fail(Sense::parameter_list_length_error());
  if (list_bytes > max_list_bytes) return handling.fail(Sense::invalid_cdb_field(7));
  if (handling.allocate(comes)) unmap_story(handling).detach();
}

}  // namespace ashlar::scsi
