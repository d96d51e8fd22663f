// Log pages (NVMe base 2.0 5.16.1) and the Discovery log page (NVMe-oF 1.1 5). Pure.
#pragma once

#include <string>
#include <vector>

#include "base/identity.h"
#include "wire/nvme_command.h"

namespace ashlar::wire::nvme {

enum class LogPage : uint8_t {
  supported_pages = 0x00,
  errors = 0x01,
  health = 0x02,
  firmware_slot = 0x03,
  changed_namespaces = 0x04,
  command_effects = 0x05,
  access_groups = 0x0c,
  persistent_events = 0x0d,
  feature_effects = 0x12,
  management_effects = 0x13,  ///< of NVMe-MI commands
  discovery = 0x70,
  reservation_notification = 0x80,
  sanitize_status = 0x81,
};

/// Get Log Page (figure 202).
struct LogRequest {
  LogPage page{};
  uint64_t bytes = 0;   ///< NUMD + 1 dwords
  uint64_t offset = 0;  ///< bytes
  bool retain_event = false;
  bool offset_is_index = false;  ///< OT
  uint8_t specific = 0;          ///< LSP
  uint8_t command_set = 0;       ///< CSI, of the pages that are of one

  static LogRequest decode(const Submission& entry) {
    const uint32_t word = entry.word(10);
    const uint64_t dwords = (uint64_t{entry.word(11) & 0xffff} << 16 | word >> 16) + 1;
    return {static_cast<LogPage>(word & 0xff),
            dwords * 4,
            entry.pair(12),
            (word & 1u << 15) != 0,
            (entry.word(14) & 1u << 23) != 0,
            static_cast<uint8_t>(word >> 8 & 0x7f),
            static_cast<uint8_t>(entry.word(14) >> 24)};
  }
  void encode(Submission& entry) const {
    const uint64_t dwords = bytes / 4 - 1;
    entry.set_opcode(static_cast<uint8_t>(AdminOpcode::get_log_page));
    entry.set_word(10, static_cast<uint32_t>(page) | uint32_t{specific} << 8 |
                           (retain_event ? 1u << 15 : 0u) | static_cast<uint32_t>(dwords & 0xffff) << 16);
    entry.set_word(11, static_cast<uint32_t>(dwords >> 16));
    entry.set_pair(12, offset);
    entry.set_word(14, (offset_is_index ? 1u << 23 : 0u) | uint32_t{command_set} << 24);
  }
  bool operator==(const LogRequest&) const = default;
};

struct ErrorEntry {
  uint64_t number = 0;  ///< from 1
  uint16_t queue_id = 0, command_id = 0;
  Outcome outcome;
  uint64_t lba = 0;
  uint32_t namespace_id = 0;
};
/// The newest first, 64 bytes each; `entries` of them, those that are not there as zeroes.
std::vector<uint8_t> encode_errors(const std::vector<ErrorEntry>& newest_first, size_t entries);

/// Of the controller (figure 207).
struct Health {
  bool read_only = false, unreliable = false;
  bool spare_low = false;  ///< what is available has come down to its threshold
  uint8_t spare_percent = 100, spare_threshold_percent = 10;
  uint64_t read_bytes = 0, written_bytes = 0;
  uint64_t read_commands = 0, write_commands = 0;
  uint64_t power_on_hours = 0;
  uint64_t media_errors = 0, error_entries = 0;
};
std::vector<uint8_t> encode(const Health& health);
std::vector<uint8_t> encode_firmware_slot(std::string_view firmware);
/// Up to 1024; one more and the list is FFFFFFFFh alone (figure 213).
std::vector<uint8_t> encode_changed_namespaces(const std::vector<uint32_t>& ascending);

/// What a command or a feature changes (figures 211 and 257).
struct Effects {
  static constexpr uint32_t supported = 1u << 0, data = 1u << 1, capabilities = 1u << 2, inventory = 1u << 3,
                            controller = 1u << 4;  ///< CSUPP or FSUPP, LBCC or UDCC, NCC, NIC, CCC
  static constexpr uint32_t of_namespace = 1u << 20, of_controller = 1u << 21,
                            of_subsystem = 1u << 25;  ///< the scope
};
/// By opcode; `effects` without `supported`.
struct CommandEffect {
  uint8_t opcode = 0;
  uint32_t effects = 0;
};
/// By feature identifier.
struct FeatureEffect {
  uint8_t id = 0;
  uint32_t effects = 0;
};
std::vector<uint8_t> encode_feature_effects(const std::vector<FeatureEffect>& features);
/// Of NVMe-MI commands there are none.
std::vector<uint8_t> encode_management_effects();
std::vector<uint8_t> encode_command_effects(const std::vector<CommandEffect>& admin,
                                            const std::vector<CommandEffect>& io);
std::vector<uint8_t> encode_supported_pages(const std::vector<LogPage>& pages);

/// ANA state (figure 219).
enum class AccessGroupState : uint8_t {
  optimized = 0x1,
  non_optimized = 0x2,
  inaccessible = 0x3,
  persistent_loss = 0x4,
  change = 0xf,
};
struct AccessGroup {
  uint32_t id = 0;
  AccessGroupState state = AccessGroupState::optimized;
  uint64_t changes = 0;
  std::vector<uint32_t> namespaces;
  bool operator==(const AccessGroup&) const = default;
};
/// `groups_only`: RGO.
std::vector<uint8_t> encode_access_groups(const std::vector<AccessGroup>& groups, uint64_t changes,
                                          bool groups_only);
std::vector<AccessGroup> decode_access_groups(ConstBytes page);

/// Why a host is notified (figure 244).
enum class ReservationNotice : uint8_t {
  none = 0,
  registration_preempted = 1,
  released = 2,
  reservation_preempted = 3,
};
std::vector<uint8_t> encode_reservation_notice(uint64_t count, ReservationNotice notice, uint8_t more,
                                               uint32_t namespace_id);

/// Figure 306; the times that it may take are not told.
struct SanitizeStatus {
  uint16_t progress = 0xffff;  ///< SPROG: of 65536; FFFFh when none runs
  uint8_t outcome = 0;         ///< SSTAT bits 2:0: never, succeeded, running, failed
  uint8_t passes_done = 0;     ///< of an overwrite, up to 31
  uint32_t command = 0;        ///< SCDW10
  uint16_t status_field() const {
    return static_cast<uint16_t>((outcome & 7u) | (passes_done < 31u ? passes_done : 31u) << 3);
  }
};
std::vector<uint8_t> encode(const SanitizeStatus& status);

constexpr size_t discovery_entry_bytes = 1024;
/// One of the Discovery log page (NVMe-oF 1.1 figure 40).
struct DiscoveryEntry {
  enum class Kind : uint8_t { referral = 1, subsystem = 2, this_discovery = 3 };
  Kind kind = Kind::subsystem;
  std::string address;  ///< TRADDR
  uint16_t port = 0;    ///< TRSVCID
  uint16_t port_id = 0;
  uint16_t controller_id = dynamic_controller;
  uint16_t admin_queue_entries = 32;
  bool flow_control_optional = true;  ///< TREQ: the host may do without
  /// TREQ: whether a secure channel is needed.
  enum class SecureChannel : uint8_t { unspecified = 0, required = 1, not_required = 2 };
  SecureChannel secure_channel = SecureChannel::unspecified;
  bool tls = false;                            ///< TSAS, SECTYPE: TLS 1.3, else none
  bool duplicate = false, persistent = false;  ///< EFLAGS of a discovery subsystem
  std::string subsystem;
  bool operator==(const DiscoveryEntry&) const = default;
};
std::vector<uint8_t> encode_discovery(uint64_t generation, const std::vector<DiscoveryEntry>& entries);
struct DiscoveryLog {
  uint64_t generation = 0;
  std::vector<DiscoveryEntry> entries;
};
/// Of as many entries as `page` has room for.
DiscoveryLog decode_discovery(ConstBytes page);

}  // namespace ashlar::wire::nvme
