#include "scsi/vpd.h"

#include <algorithm>

#include "scsi/handlers.h"

namespace ashlar::scsi {
namespace {

constexpr uint32_t optimal_transfer_bytes = 1u << 20;

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

void device_identification(unit::LogicalUnit& unit, const unit::Nexus& nexus, Writer& writer) {
  const unit::Identity& identity = unit.identity();
  binary_designator(writer, {1, 0, 3}, identity.naa.bytes());
  binary_designator(writer, {1, 0, 2}, identity.eui64);
  const std::string_view serial = std::string_view(identity.serial).substr(0, 36);
  designator_header(writer, {2, 0, 1}, 8 + 16 + serial.size());  // T10 vendor identification
  writer.padded(identity.vendor, 8);
  writer.padded(identity.product, 16);
  writer.bytes(bytes_of(serial));
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

// SPC-4 7.8.7. Head of queue, ordered and simple tasks; a volatile cache when writes are answered from it.
void extended_inquiry(unit::LogicalUnit& unit, Writer& writer) {
  writer.u8(0);
  writer.u8(0x07);
  writer.u8(unit.geometry().write_cache ? 0x01 : 0x00);
  writer.zeroes(64 - 7);
}

// SBC-3 6.6.4. WSNZ is zero: WRITE SAME of no blocks means to the end of the medium.
void block_limits(unit::LogicalUnit& unit, Writer& writer) {
  const unit::Geometry geometry = unit.geometry();
  const block::Limits& limits = unit.limits();
  const uint32_t block = geometry.block_bytes;
  const bool thin = is_thin(unit);
  const uint32_t granularity = std::max(limits.discard_granularity_bytes / block, 1u);
  writer.u8(0);
  writer.u8(max_compare_blocks);
  writer.u16(static_cast<uint16_t>(1u << geometry.physical_block_exponent));
  writer.u32(std::min(max_transfer_bytes, limits.max_transfer_bytes) / block);
  writer.u32(std::min(optimal_transfer_bytes, limits.max_transfer_bytes) / block);
  writer.u32(0);  // prefetch: no limit
  writer.u32(thin ? max_unmap_blocks : 0);
  writer.u32(thin ? max_unmap_descriptors : 0);
  writer.u32(thin ? granularity : 0);
  writer.u32(thin ? 0x80000000u : 0);  // UGAVALID, aligned at 0
  writer.u64(max_write_same_blocks);
  writer.zeroes(64 - 4 - 40);
}

// SBC-3 6.6.2.
void block_characteristics(unit::LogicalUnit& unit, Writer& writer) {
  writer.u16(unit.geometry().rotational ? 7200 : 1);  // 1: nothing rotates
  writer.zeroes(64 - 4 - 2);
}

// SBC-3 6.6.5.
void provisioning(unit::LogicalUnit& unit, Writer& writer) {
  const bool thin = is_thin(unit);
  writer.u8(0);
  const uint8_t reads_zero = unit.limits().discard_zeroes ? 0x04 : 0x00;
  writer.u8(thin ? static_cast<uint8_t>(0xe0 | reads_zero) : 0x00);  // LBPU, LBPWS, LBPWS10, LBPRZ
  writer.u8(thin ? 0x02 : 0x00);
  writer.u8(0);
}

constexpr uint8_t pages[] = {0x00, 0x80, 0x83, 0x86, 0xb0, 0xb1, 0xb2};

bool page_body(uint8_t code, unit::LogicalUnit& unit, const unit::Nexus& nexus, Writer& writer) {
  switch (code) {
    case 0x00: writer.bytes(pages); return true;
    case 0x80: writer.bytes(bytes_of(std::string_view(unit.identity().serial).substr(0, 36))); return true;
    case 0x83: device_identification(unit, nexus, writer); return true;
    case 0x86: extended_inquiry(unit, writer); return true;
    case 0xb0: block_limits(unit, writer); return true;
    case 0xb1: block_characteristics(unit, writer); return true;
    case 0xb2: provisioning(unit, writer); return true;
    default: return false;
  }
}

}  // namespace

bool vpd_page(uint8_t code, unit::LogicalUnit& unit, const unit::Nexus& nexus, Writer& writer) {
  writer.u8(0x00);
  writer.u8(code);
  writer.u16(0);
  if (!page_body(code, unit, nexus, writer)) return false;
  store_be16(writer.written().data() + 2, static_cast<uint16_t>(writer.size() - 4));
  return true;
}

}  // namespace ashlar::scsi
