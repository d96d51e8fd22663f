// Vital product data (SPC-4 7.8, SBC-3 6.6): what a unit is, page by page.
#pragma once

#include "base/bytes.h"
#include "unit/logical_unit.h"
#include "unit/nexus.h"

namespace ashlar::scsi {

/// The largest page (83h with the longest iSCSI names) fits.
constexpr size_t max_vpd_bytes = 1024;

/// COMPARE AND WRITE takes at most this many blocks: all that its one-byte field can say.
constexpr uint8_t max_compare_blocks = 255;
/// WRITE SAME takes at most this many blocks (MAXIMUM WRITE SAME LENGTH of page B0h), UNMAP this many blocks and block
/// descriptors in one command.
constexpr uint64_t max_write_same_blocks = 32768;
constexpr uint32_t max_unmap_blocks = 1u << 20;
constexpr uint32_t max_unmap_descriptors = 256;

/// What WRITE ATOMIC takes, of page B0h; 0 most_blocks: the unit has no such command.
struct AtomicLimits {
  uint32_t most_blocks = 0;
  uint32_t alignment_blocks = 0;  ///< of its first block and its length; 0: any
};
AtomicLimits atomic_limits(unit::LogicalUnit& unit);

/// Writes page `code` as the host of `nexus` sees it; false if there is no such page.
bool vpd_page(uint8_t code, unit::LogicalUnit& unit, const unit::Nexus& nexus, Writer& writer);

}  // namespace ashlar::scsi
