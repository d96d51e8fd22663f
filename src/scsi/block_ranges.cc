#include "scsi/block_ranges.h"

#include <algorithm>

#include "base/check.h"
#include "scsi/rod_tokens.h"
#include "unit/range_lock_queue.h"

namespace ashlar::scsi {

using wire::scsi::BlockDeviceRange;

uint64_t blocks_of(BlockRanges ranges) {
  uint64_t sum = 0;
  for (const BlockDeviceRange& range : ranges) sum += range.blocks;
  return sum;
}

Sense check_ranges(BlockRanges ranges, const unit::Geometry& geometry, uint16_t (*place)(size_t)) {
  for (size_t i = 0; i < ranges.size(); ++i) {
    const BlockDeviceRange& range = ranges[i];
    if (!geometry.holds(range.lba, range.blocks))
      return Sense::lba_out_of_range(std::max(range.lba, geometry.blocks()));
    for (const BlockDeviceRange& before : ranges.first(i)) {
      const bool empty = before.blocks == 0 || range.blocks == 0;
      if (!empty && unit::overlap(before.lba, before.blocks, range.lba, range.blocks))
        return Sense::invalid_parameter_field(place(i));
    }
    if (blocks_of(ranges.first(i + 1)) * geometry.block_bytes > max_token_bytes)
      return Sense::invalid_parameter_field(static_cast<uint16_t>(place(i) + 8));
  }
  return {};
}

std::vector<RangePair> lay_over(BlockRanges source, uint32_t source_block, uint64_t skip,
                                BlockRanges destination, uint32_t destination_block) {
  std::vector<RangePair> pairs;
  size_t from = 0;
  for (const BlockDeviceRange& to : destination) {
    const uint64_t length = uint64_t{to.blocks} * destination_block;
    for (uint64_t done = 0; done < length;) {
      CHECK(from < source.size(), "more to fill than there is");
      const uint64_t source_length = uint64_t{source[from].blocks} * source_block;
      if (skip >= source_length) {
        skip -= source_length;
        ++from;
        continue;
      }
      const uint64_t now = std::min(length - done, source_length - skip);
      pairs.push_back({source[from].lba * source_block + skip, to.lba * destination_block + done, now});
      skip += now;
      done += now;
    }
  }
  return pairs;
}

}  // namespace ashlar::scsi
