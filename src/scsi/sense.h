// Sense data: key, additional code, information, and the field of the CDB or parameter list that was wrong. The one place
// where errors become SCSI (SPC-4 4.5).
#pragma once

#include <cstdint>

#include "base/bytes.h"
#include "block/request.h"
#include "unit/access.h"
#include "unit/copier.h"
#include "unit/nexus.h"

namespace ashlar::scsi {

enum class SenseKey : uint8_t {
  no_sense = 0x0,
  recovered_error = 0x1,
  not_ready = 0x2,
  medium_error = 0x3,
  hardware_error = 0x4,
  illegal_request = 0x5,
  unit_attention = 0x6,
  data_protect = 0x7,
  blank_check = 0x8,
  copy_aborted = 0xa,
  aborted_command = 0xb,
  miscompare = 0xe,
};

/// What a copy source or destination would have said to a command of the copy manager (SPC-4 5.17.7.4).
struct ThirdPartySense {
  unit::CopySide side = unit::CopySide::neither;
  uint8_t status = 0;  ///< SAM-5 5.3.1
  SenseKey key = SenseKey::no_sense;
  uint16_t code = 0;
};

/// ASC in the high byte, ASCQ in the low one: asc(0x2400) is INVALID FIELD IN CDB.
struct Sense {
  SenseKey key = SenseKey::no_sense;
  uint16_t code = 0;  ///< ASC << 8 | ASCQ
  bool information_valid = false;
  uint64_t information = 0;  ///< an LBA, or the offset of a miscompare
  bool field_valid = false;  ///< sense-key specific: field pointer (SPC-4 4.5.2.4.2)
  bool field_in_cdb = true;  ///< else in the parameter list
  bool bit_valid = false;
  uint8_t bit = 0;
  uint16_t field = 0;           ///< byte offset
  bool progress_valid = false;  ///< sense-key specific: progress indication of 65536
  uint16_t progress = 0;
  bool segment_valid =
      false;  ///< with copy_aborted: which segment descriptor, in COMMAND-SPECIFIC INFORMATION
  bool field_in_segment = false;  ///< with copy_aborted: `field` counts from that descriptor's begin
  uint16_t segment = 0;
  ThirdPartySense third_party;

  static Sense of(SenseKey key, uint16_t code) {
    Sense sense;
    sense.key = key;
    sense.code = code;
    return sense;
  }
  /// ILLEGAL REQUEST, INVALID FIELD IN CDB, pointing at byte `field` (and `bit` when >= 0).
  static Sense invalid_cdb_field(uint16_t field, int bit = -1);
  static Sense invalid_parameter_field(uint16_t field, int bit = -1);
  static Sense parameter_list_length_error() { return of(SenseKey::illegal_request, 0x1a00); }
  static Sense lba_out_of_range(uint64_t lba);
};

/// Largest sense data that encode() makes.
constexpr size_t max_sense_bytes = 64;

/// Writes fixed (70h, 18 bytes) or descriptor (72h) format into `out` and returns its length. `deferred` is never set.
size_t encode(const Sense& sense, bool descriptor_format, Bytes out);

/// What a failed device request is in SCSI; `lba` is the first block of the request. `status` is never ok.
Sense sense_of(block::Status status, bool write, uint64_t lba);
Sense sense_of(unit::Attention attention);
/// NOT READY and why; no_sense for the two active states.
Sense sense_of(unit::AccessState state);

}  // namespace ashlar::scsi
