#include "scsi/vpd.h"

#include <algorithm>
#include <bit>

#include "scsi/handlers.h"
#include "scsi/log_pages.h"
#include "scsi/third_party_copy.h"

namespace ashlar::scsi {
namespace {

constexpr uint32_t optimal_transfer_bytes = 1u << 20;

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
  // SBC-4 6.6.4: MAXIMUM ATOMIC TRANSFER LENGTH, ATOMIC ALIGNMENT, ATOMIC TRANSFER LENGTH GRANULARITY; no atomic boundaries.
  const AtomicLimits atomic = atomic_limits(unit);
  writer.u32(atomic.most_blocks);
  writer.u32(atomic.alignment_blocks);
  writer.u32(atomic.alignment_blocks);
  writer.u32(0);
  writer.u32(0);
}

// SBC-3 6.6.2.
void block_characteristics(unit::LogicalUnit& unit, Writer& writer) {
  writer.u16(unit.geometry().rotational ? 7200 : 1);  // 1: nothing rotates
  writer.u8(0);
  // WABEREQ 01b: after BLOCK ERASE reads go on without error; WACEREQ the same after CRYPTOGRAPHIC ERASE, where that is there.
  writer.u8(unit.limits().erasable_key ? 0x50 : 0x40);
  writer.zeroes(64 - 4 - 4);
}

// SBC-3 6.6.5.
void provisioning(unit::LogicalUnit& unit, Writer& writer) {
  const bool thin = is_thin(unit);
  const uint32_t threshold_set_blocks = threshold_set_bytes / unit.geometry().block_bytes;
  writer.u8(thin ? static_cast<uint8_t>(std::countr_zero(threshold_set_blocks)) : 0);  // THRESHOLD EXPONENT
  const uint8_t reads_zero = unit.limits().discard_zeroes ? 0x04 : 0x00;
  writer.u8(thin ? static_cast<uint8_t>(0xe0 | reads_zero) : 0x00);  // LBPU, LBPWS, LBPWS10, LBPRZ
  writer.u8(thin ? 0x02 : 0x00);
  writer.u8(0);
}

constexpr uint8_t pages[] = {0x00, 0x80, 0x83, 0x85, 0x86, 0x87, 0x88, 0x8a,
                             0x8f, 0xb0, 0xb1, 0xb2, 0xb3, 0xb4, 0xb7};

// What SBC defines, or tells of commands that MMC has not, is not for a CD-ROM drive.
constexpr uint8_t cd_pages[] = {0x00, 0x80, 0x83, 0x86, 0x87, 0x88};

std::span<const uint8_t> pages_of(unit::LogicalUnit& unit) {
  return unit.geometry().kind == unit::DeviceKind::cdrom ? std::span(cd_pages)
                                                         : std::span<const uint8_t>(pages);
}

bool page_body(uint8_t code, unit::LogicalUnit& unit, const VpdAsker& asker, Writer& writer) {
  switch (code) {
    case 0x00: writer.bytes(pages_of(unit)); return true;
    case 0x80: writer.bytes(bytes_of(std::string_view(unit.identity().serial).substr(0, 36))); return true;
    case 0x83: device_identification(unit, asker.nexus, writer); return true;
    case 0x85: management_addresses(asker.management_addresses, writer); return true;
    case 0x86: extended_inquiry(writer); return true;
    case 0x87: mode_page_policy(writer); return true;
    case 0x88: scsi_ports(asker, writer); return true;
    case 0x8a: power_conditions(writer); return true;
    case 0x8f: third_party_copy_page(unit.geometry().block_bytes, writer); return true;
    case 0xb0: block_limits(unit, writer); return true;
    case 0xb1: block_characteristics(unit, writer); return true;
    case 0xb2: provisioning(unit, writer); return true;
    case 0xb3: referrals(writer); return true;
    case 0xb4: block_lengths(unit, writer); return true;
    case 0xb7: block_limits_extension(writer); return true;
    default: return false;
  }
}

}  // namespace

bool vpd_page(uint8_t code, unit::LogicalUnit& unit, const VpdAsker& asker, Writer& writer) {
  if (std::ranges::find(pages_of(unit), code) == pages_of(unit).end()) return false;
  writer.u8(unit.geometry().kind == unit::DeviceKind::cdrom ? 0x05 : 0x00);
  writer.u8(code);
  writer.u16(0);
  if (!page_body(code, unit, asker, writer)) return false;
  store_be16(writer.written().data() + 2, static_cast<uint16_t>(writer.size() - 4));
  return true;
}

}  // namespace ashlar::scsi
