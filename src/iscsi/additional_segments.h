// What additional header segments bring to a SCSI command (RFC 7143 11.2.2). Pure.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "wire/iscsi_header.h"

namespace ashlar::iscsi {

struct AdditionalSegments {
  std::array<uint8_t, 16> cdb{};  ///< what follows the 16th byte of the CDB
  uint8_t cdb_bytes =
      0;  ///< of it; a CDB of more than 32 bytes is cut, since no command of ours is that long
  std::optional<uint32_t> read_length;  ///< of a bidirectional command

  /// Reads `segments`. What is wrong with them, or null; types that are not known are passed over.
  const char* read(ConstBytes segments);
};

}  // namespace ashlar::iscsi
