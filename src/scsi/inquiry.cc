// INQUIRY (SPC-4 6.6): standard data here, vital product data pages in vpd.cc.
#include "scsi/vpd.h"

#include <algorithm>
#include <vector>

#include "scsi/access.h"
#include "scsi/handlers.h"
#include "scsi/nexus_impl.h"

namespace ashlar::scsi {
namespace {

constexpr uint8_t no_unit = 0x7f;  // PERIPHERAL QUALIFIER 011b, device type 1Fh: nothing can be here
constexpr uint8_t well_known_unit = 0x1e;
constexpr uint8_t direct_access = 0x00;
constexpr uint8_t cd_or_dvd = 0x05;
constexpr size_t standard_bytes = 96;

uint8_t peripheral(const LunState& lun) {
  if (lun.unit == nullptr) return lun.well_known ? well_known_unit : no_unit;
  return lun.kind == unit::DeviceKind::cdrom ? cd_or_dvd : direct_access;
}

// Byte 5 of the standard data.
uint8_t abilities(const LunState& lun) {
  if (lun.unit == nullptr) return 0;
  const uint8_t third_party_copy = lun.kind == unit::DeviceKind::disk ? 0x08 : 0x00;
  return static_cast<uint8_t>(target_port_group_support(*lun.state->access()) | third_party_copy);
}

// SPC-4 6.6.2. VERSION is SPC-4; NORMACA, TPGS and 3PC of units; no PROTECT; HISUP and CMDQUE.
void standard_inquiry(Handling handling, Writer& writer) {
  const LunState& lun = handling.lun();
  static const unit::Identity nobody;
  const unit::Identity& identity = lun.unit != nullptr ? lun.unit->identity() : nobody;
  const bool removable = lun.unit != nullptr && lun.unit->geometry().removable;
  writer.u8(peripheral(lun));
  writer.u8(removable ? 0x80 : 0x00);
  writer.u8(0x06);
  writer.u8(lun.unit != nullptr ? 0x32 : 0x12);
  writer.u8(standard_bytes - 5);
  writer.u8(abilities(lun));
  writer.u8(0x00);
  writer.u8(0x02);
  writer.padded(identity.vendor, 8);
  writer.padded(identity.product, 16);
  writer.padded(identity.revision, 4);
  writer.zeroes(22);
  writer.u16(0x00a0);  // SAM-5
  if (handling.nexus().nexus().protocol == "iscsi") writer.u16(0x0960);
  writer.u16(0x0460);                                                                          // SPC-4
  if (lun.unit != nullptr) writer.u16(lun.kind == unit::DeviceKind::cdrom ? 0x04e0 : 0x04c0);  // MMC-6, SBC-3
  writer.zeroes(standard_bytes - writer.size());
}

}  // namespace

void inquiry(Handling handling) {
  const uint8_t* cdb = handling.cdb();
  const bool vital = (cdb[1] & 0x01) != 0;
  const uint8_t page = cdb[2];
  const uint16_t allocation_length = load_be16(cdb + 3);
  const unit::HostView& view = *handling.nexus().impl().view;
  const size_t port_bytes = std::min(view.target_ports.size(), max_vpd_ports) * max_port_bytes;
  std::vector<uint8_t> data(max_vpd_bytes + std::max(port_bytes, max_management_bytes));
  Writer writer(data);
  if (!vital) {
    if (page != 0) return handling.fail(Sense::invalid_cdb_field(2));
    standard_inquiry(handling, writer);
    return handling.reply(writer.written(), allocation_length);
  }
  if (handling.lun().unit == nullptr) return handling.fail(Sense::invalid_cdb_field(1, 0));
  const VpdAsker asker{handling.nexus().nexus(), view.target_ports, view.management_addresses};
  if (!vpd_page(page, handling.unit(), asker, writer)) return handling.fail(Sense::invalid_cdb_field(2));
  CHECK(writer.ok(), "VPD page {:02x} does not fit", page);
  handling.reply(writer.written(), allocation_length);
}

}  // namespace ashlar::scsi
