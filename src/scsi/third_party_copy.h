// What this copy manager can do, as RECEIVE COPY OPERATING PARAMETERS and VPD page 8Fh tell it.
#pragma once

#include <cstdint>

#include "base/bytes.h"
#include "wire/scsi_copy.h"

namespace ashlar::scsi {

/// All that the 16 bits of a segment's block count can say.
constexpr uint32_t max_copy_segment_bytes = 65535u * 4096;
constexpr uint8_t copy_granularity_exponent = 9;
/// Segment descriptors first, then CSCD descriptors (SPC-4 6.24).
constexpr uint8_t copy_descriptor_types[] = {
    wire::scsi::block_to_block_segment, wire::scsi::verify_cscd_segment, wire::scsi::identification_cscd};

/// Third-party copy VPD page (SPC-4 7.8.17), what follows its four bytes of head.
void third_party_copy_page(uint32_t block_bytes, Writer& writer);

}  // namespace ashlar::scsi
