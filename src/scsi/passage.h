// What becomes of a command to a unit that is a SCSI device of this machine: pure, by the CDB and the kind of device alone.
#pragma once

#include <cstdint>

#include "base/bytes.h"
#include "block/passthrough.h"
#include "loop/time.h"
#include "scsi/sense.h"
#include "unit/access.h"
#include "unit/reservations.h"

namespace ashlar::scsi {

/// PERIPHERAL DEVICE TYPE (SPC-4 table 139).
enum class DeviceType : uint8_t {
  disk = 0x00,
  tape = 0x01,
  write_once = 0x04,
  multimedia = 0x05,
  optical = 0x07,
  changer = 0x08,
  enclosure = 0x0d,
  simplified_disk = 0x0e,
  zoned_disk = 0x14,
};

struct Passage {
  enum class Way : uint8_t {
    pass,     ///< as it is
    inquire,  ///< to the device, and what it says of ports is put right
    sense,    ///< REQUEST SENSE: what we have to tell comes first
    prevent,  ///< PREVENT ALLOW MEDIUM REMOVAL: the device sees one initiator, we count them
    ours,     ///< by the table of commands: it is about nexuses, which the device does not see
    refuse,   ///< with `refusal`
  };
  /// What the device would tell other initiators of it, if it knew of them (SPC-4 5.14).
  enum class News : uint8_t { none, mode_parameters, log_parameters, medium };

  Way way = Way::pass;
  Sense refusal;
  unit::CommandEffect effect = unit::CommandEffect::writes;
  bool changes = true;          ///< refused by a mapping that is read only
  bool past_attention = false;  ///< INQUIRY, REPORT LUNS and REQUEST SENSE (SAM-5 5.14)
  bool releases = false;        ///< past RESERVE(6) of another nexus, too (SPC-2 5.5.1)
  unit::AccessNeed need = unit::AccessNeed::medium;
  News news = News::none;
  uint8_t cdb_length = 0;       ///< bytes that go to the device
  loop::Nanoseconds timeout{};  ///< for the device
};

/// `cdb` has the bytes that the transport brought, 16 at least, zeroes behind the CDB. Commands that nobody here knows count as
/// such that write.
Passage passage_of(ConstBytes cdb, uint8_t device_type, const block::PassthroughPolicy& policy);

}  // namespace ashlar::scsi
