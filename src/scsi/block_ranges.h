// Block device range descriptors of POPULATE TOKEN and WRITE USING TOKEN (SBC-3 5.7.3): checks, and one side laid over the other.
#pragma once

#include <span>
#include <vector>

#include "scsi/sense.h"
#include "unit/identity.h"
#include "wire/scsi_copy.h"

namespace ashlar::scsi {

using BlockRanges = std::span<const wire::scsi::BlockDeviceRange>;

uint64_t blocks_of(BlockRanges ranges);
/// They lie on the medium, do not overlap, and together are not too much for a token. `place` gives a descriptor's field.
Sense check_ranges(BlockRanges ranges, const unit::Geometry& geometry, uint16_t (*place)(size_t));

/// A stretch of bytes that lies in one range on both sides.
struct RangePair {
  uint64_t source_offset = 0, destination_offset = 0, length = 0;
  bool operator==(const RangePair&) const = default;
};
/// `destination` filled in order from the bytes of `source` that begin `skip` bytes behind its first; there are enough of them.
std::vector<RangePair> lay_over(BlockRanges source, uint32_t source_block, uint64_t skip,
                                BlockRanges destination, uint32_t destination_block);

}  // namespace ashlar::scsi
