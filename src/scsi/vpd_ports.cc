// Who a unit is, by which ports it is reached and where it is managed: VPD pages 83h, 88h and 85h.
#include <algorithm>
#include <vector>

#include "scsi/vpd.h"

namespace ashlar::scsi {
namespace {

// SPC-4 7.8.6: a designation descriptor. `association` 0: the unit, 1: the target port, 2: the target device.
struct Designator {
  uint8_t code_set;  // 1 binary, 2 ASCII, 3 UTF-8
  uint8_t association;
  uint8_t type;
};

void designator_header(Writer& writer, Designator kind, size_t length) {
  constexpr uint8_t iscsi_protocol = 0x5;
  const bool of_port = kind.association != 0;  // then PIV is set and the protocol is named
  writer.u8(static_cast<uint8_t>((of_port ? iscsi_protocol << 4 : 0) | kind.code_set));
  writer.u8(static_cast<uint8_t>((of_port ? 0x80 : 0) | kind.association << 4 | kind.type));
  writer.u8(0);
  writer.u8(static_cast<uint8_t>(length));
}

void binary_designator(Writer& writer, Designator kind, ConstBytes bytes) {
  designator_header(writer, kind, bytes.size());
  writer.bytes(bytes);
}

// SPC-4 7.8.6.11: null-terminated and filled with nulls to a multiple of four.
void name_designator(Writer& writer, uint8_t association, std::string_view name) {
  name = name.substr(0, 248);
  const size_t length = (name.size() + 1 + 3) / 4 * 4;
  designator_header(writer, {3, association, 8}, length);
  writer.bytes(bytes_of(name));
  writer.zeroes(length - name.size());
}

}  // namespace

void device_identification(unit::LogicalUnit& unit, const unit::Nexus& nexus, Writer& writer) {
  const unit::Identity& identity = unit.identity();
  binary_designator(writer, {1, 0, 3}, identity.naa.bytes());
  binary_designator(writer, {1, 0, 2}, identity.eui64);
  const std::string_view serial = std::string_view(identity.serial).substr(0, 36);
  designator_header(writer, {2, 0, 1}, 8 + 16 + serial.size());  // T10 vendor identification
  writer.padded(identity.vendor, 8);
  writer.padded(identity.product, 16);
  writer.bytes(bytes_of(serial));
  target_port_designators(nexus, writer);
}

void target_port_designators(const unit::Nexus& nexus, Writer& writer) {
  designator_header(writer, {1, 1, 4}, 4);  // relative target port
  writer.u16(0);
  writer.u16(nexus.relative_target_port);
  designator_header(writer, {1, 1, 5}, 4);  // target port group: that of the portals with one tag
  writer.u16(0);
  writer.u16(nexus.relative_target_port);
  const std::string_view port = nexus.target_port;
  name_designator(writer, 1, port);
  name_designator(writer, 2,
                  port.substr(0, port.find(',')));  // "iqn...,t,0x0001": the device is what stands before
}

// SPC-4 7.8.13: every port of the target, with its name; when nobody has said which there are, the one that was asked by.
void scsi_ports(const VpdAsker& asker, Writer& writer) {
  const unit::TargetPortName own{asker.nexus.relative_target_port, asker.nexus.target_port};
  std::span<const unit::TargetPortName> ports = asker.target_ports;
  if (std::ranges::find(ports, own) == ports.end()) ports = {&own, 1};
  for (const unit::TargetPortName& port : ports.first(std::min(ports.size(), max_vpd_ports))) {
    writer.u16(0);
    writer.u16(port.relative_target_port);
    writer.u16(0);
    writer.u16(0);  // no initiator port
    writer.u16(0);
    const size_t length_at = writer.size();
    writer.u16(0);
    name_designator(writer, 1, port.target_port);
    const size_t length = writer.size() - length_at - 2;
    store_be16(writer.written().data() + length_at, static_cast<uint16_t>(length));
  }
}

// SPC-4 7.8.8: of the target device, the storage configuration service; null-terminated and filled with nulls to a multiple of four.
void management_addresses(std::span<const std::string> urls, Writer& writer) {
  constexpr uint8_t of_target_device = 0x40;
  constexpr uint8_t storage_configuration = 0x01;
  for (const std::string& url : urls.first(std::min(urls.size(), max_management_urls))) {
    const size_t length = (url.size() + 1 + 3) / 4 * 4;
    writer.u8(of_target_device | storage_configuration);
    writer.u8(0);
    writer.u16(static_cast<uint16_t>(length));
    writer.bytes(bytes_of(url));
    writer.zeroes(length - url.size());
  }
}

}  // namespace ashlar::scsi
