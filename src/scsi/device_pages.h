// What of a device's INQUIRY data is put right before a host sees it: it is reached by our target ports, and not by its own.
#pragma once

#include <cstdint>
#include <vector>

#include "base/bytes.h"
#include "scsi/vpd.h"

namespace ashlar::scsi {

/// Standard data (SPC-4 6.6.2), as far as it came: NORMACA and 3PC are zero, for NACA and third-party copies are refused, and TPGS
/// as given. All else is the device's.
void adjust_standard_data(Bytes data, uint8_t target_port_group_support);
/// Whether adjust_page() has anything to do with page `code`.
bool is_adjusted(uint8_t code);
/// A vital product data page, whole, as the host is to see it. 00h: without 8Fh. 83h: the device's own
/// designators of itself, then those of the target port that was asked by, and of our target. 88h: our target ports. B0h: MAXIMUM
/// and OPTIMAL TRANSFER LENGTH no longer than `most_blocks` (0: it is not known).
std::vector<uint8_t> adjust_page(ConstBytes page, const VpdAsker& asker, uint32_t most_blocks);

}  // namespace ashlar::scsi
