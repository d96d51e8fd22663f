// Vital product data (SPC-4 7.8, SBC-3 6.6): what a unit is, page by page.
#pragma once

#include <span>

#include "base/bytes.h"
#include "base/management_url.h"
#include "unit/logical_unit.h"
#include "unit/nexus.h"

namespace ashlar::scsi {

/// The largest page (83h with the longest iSCSI names) fits, but for 85h and 88h, which grow with what they tell of.
constexpr size_t max_vpd_bytes = 1024;
constexpr size_t max_port_bytes = 12 + 4 + 252;  ///< of one port in page 88h
constexpr size_t max_vpd_ports = 200;            ///< that page 88h tells of
/// Of page 85h.
constexpr size_t max_management_bytes = max_management_urls * (4 + max_management_url_bytes + 4);

/// Who asks, and what the target is: of the host's view.
struct VpdAsker {
  const unit::Nexus& nexus;
  std::span<const unit::TargetPortName> target_ports;
  std::span<const std::string> management_addresses;
};

/// COMPARE AND WRITE takes at most this many blocks: all that its one-byte field can say.
constexpr uint8_t max_compare_blocks = 255;
/// WRITE SAME takes at most this many blocks (MAXIMUM WRITE SAME LENGTH of page B0h), UNMAP this many blocks and block
/// descriptors in one command.
constexpr uint64_t max_write_same_blocks = 32768;
constexpr uint32_t max_unmap_blocks = 1u << 20;
constexpr uint32_t max_unmap_descriptors = 256;

/// Writes page `code` as the host sees it; false if there is no such page.
bool vpd_page(uint8_t code, unit::LogicalUnit& unit, const VpdAsker& asker, Writer& writer);

// The bodies of pages, without their header of four bytes. vpd_ports.cc:
void device_identification(unit::LogicalUnit& unit, const unit::Nexus& nexus, Writer& writer);
/// Those of page 83h that are of the target port and of the target device.
void target_port_designators(const unit::Nexus& nexus, Writer& writer);
void scsi_ports(const VpdAsker& asker, Writer& writer);
void management_addresses(std::span<const std::string> urls, Writer& writer);
// referrals.cc:
void referrals(Writer& writer);
// vpd_abilities.cc:
void extended_inquiry(Writer& writer);
void mode_page_policy(Writer& writer);
void power_conditions(Writer& writer);
void block_lengths(unit::LogicalUnit& unit, Writer& writer);
void block_limits_extension(Writer& writer);
/// What WRITE ATOMIC takes, of page B0h; 0 most_blocks: the unit has no such command.
struct AtomicLimits {
  uint32_t most_blocks = 0;
  uint32_t alignment_blocks = 0;  ///< of its first block and its length; 0: any
};
AtomicLimits atomic_limits(unit::LogicalUnit& unit);

}  // namespace ashlar::scsi
