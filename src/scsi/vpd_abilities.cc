// What a unit can and cannot: VPD pages 86h, 87h, 8Ah, B4h and B7h.
#include "scsi/sense.h"
#include "scsi/vpd.h"

namespace ashlar::scsi {

// SPC-4 7.8.7. No protection information, no microcode, no self-test, no priorities; GROUP NUMBER changes nothing, and so is not
// supported.
void extended_inquiry(Writer& writer) {
  writer.u8(0);
  writer.u8(0x07);  // HEADSUP, ORDSUP, SIMPSUP
  writer.u8(0x01);  // V_SUP: there is a volatile cache, which WCE of mode page 08h turns on
  writer.u8(0x01);  // LUICLR: REPORT LUNS ends its attention on every unit
  writer.u8(0x10);  // R_SUP: REPORT REFERRALS
  writer.zeroes(4);
  writer.u8(static_cast<uint8_t>(max_sense_bytes));
  writer.zeroes(64 - 14);
}

// SPC-4 7.8.10: every page and subpage is one for all nexuses.
void mode_page_policy(Writer& writer) {
  writer.u8(0x3f);
  writer.u8(0xff);
  writer.u8(0x00);  // shared
  writer.u8(0);
}

// SPC-4 7.8.11: none but active and stopped, and recovery takes no time.
void power_conditions(Writer& writer) { writer.zeroes(14); }

// SBC-4 6.6.8: the one length there is, without protection information.
void block_lengths(unit::LogicalUnit& unit, Writer& writer) {
  writer.u32(unit.geometry().block_bytes);
  writer.u8(0x00);
  writer.u8(0x01);  // T0PS
  writer.u16(0);
}

// SBC-4 6.6.4: no streams, no scattered writes, no reduced LBA ranges of UNMAP.
void block_limits_extension(Writer& writer) { writer.zeroes(60); }

}  // namespace ashlar::scsi
