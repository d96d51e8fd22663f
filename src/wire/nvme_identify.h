// Identify data structures (NVMe base 2.0 figures 274 to 294, NVM command set 1.0 figures 97 to 103). Pure.
#pragma once

#include <array>
#include <string>
#include <vector>

#include "base/identity.h"
#include "wire/nvme_command.h"

namespace ashlar::wire::nvme {

constexpr size_t identify_bytes = 4096;
constexpr size_t most_listed_namespaces = 1024;
constexpr size_t most_listed_controllers = 2047;
using IdentifyPage = std::array<uint8_t, identify_bytes>;

enum class IdentifyKind : uint8_t {  ///< CNS
  nvm_namespace = 0x00,
  controller = 0x01,
  active_namespaces = 0x02,
  namespace_descriptors = 0x03,
  namespace_of_command_set = 0x05,
  controller_of_command_set = 0x06,
  active_namespaces_of_command_set = 0x07,
  independent_namespace = 0x08,
  allocated_namespaces = 0x10,
  allocated_namespace = 0x11,
  controllers_of_namespace = 0x12,
  controllers = 0x13,
  allocated_namespaces_of_command_set = 0x1a,
  allocated_namespace_of_command_set = 0x1b,
  command_sets = 0x1c,
};

/// OAES, AERs that a controller can send (figure 275).
struct EventSupport {
  static constexpr uint32_t namespace_attributes = 1u << 8, access_change = 1u << 11,
                            discovery_change = 1u << 31;
};
/// ONCS.
struct CommandSupport {
  static constexpr uint16_t compare = 1 << 0, dataset_management = 1 << 2, write_zeroes = 1 << 3,
                            save_and_select = 1 << 4, reservations = 1 << 5, timestamp = 1 << 6,
                            verify = 1 << 7, copy = 1 << 8;
};

/// SANICAP.
struct SanitizeSupport {
  static constexpr uint32_t cryptographic_erase = 1u << 0, block_erase = 1u << 1, overwrite = 1u << 2,
                            media_not_modified = 1u << 30;  ///< NODMMAS 01b
};

/// What is told of a controller; what is not here is zero.
struct ControllerIdentity {
  std::string serial;                     ///< up to 20 characters
  std::string model;                      ///< up to 40
  std::string firmware;                   ///< up to 8
  std::array<uint8_t, 3> organization{};  ///< IEEE OUI, as EUI-64s have it
  bool many_ports = false;                ///< CMIC: the subsystem has several ports and controllers
  uint8_t most_transfer = 0;              ///< MDTS: 2^n pages of 4096 bytes
  uint16_t controller_id = 0;
  bool discovery = false;                  ///< CNTRLTYPE
  uint32_t events = 0;                     ///< EventSupport
  uint8_t most_events = 0;                 ///< AERL, from 0
  std::array<uint16_t, 3> retry_delays{};  ///< CRDT1 to CRDT3, in 100 ms
  uint8_t most_aborts = 0;                 ///< ACL, from 0
  uint8_t error_entries = 0;               ///< ELPE, from 0
  uint16_t keep_alive_granularity = 0;     ///< KAS, in 100 ms
  bool traffic_keeps_alive = false;        ///< TBKAS
  uint8_t access_change_seconds = 0;       ///< ANATT
  uint8_t access_support = 0;              ///< ANACAP
  uint32_t last_access_group = 0;          ///< ANAGRPMAX
  uint32_t access_groups = 0;              ///< NANAGRPID
  uint16_t queue_entries = 0;              ///< MAXCMD
  uint32_t last_namespace = 0;             ///< NN
  uint32_t most_namespaces = 0;            ///< MNAN
  uint16_t commands = 0;                   ///< ONCS
  uint32_t sanitize = 0;                   ///< SanitizeSupport
  bool formats = false;                    ///< OACS: Format NVM, a namespace at a time
  bool formats_erase_keys = false;         ///< FNA
  uint32_t persistent_log_units = 0;       ///< PELS, of 64 KiB; 0: there is no such log
  uint16_t fused = 0;                      ///< FUSES
  bool write_cache = false;                ///< VWC
  uint16_t copy_formats = 0;               ///< OCFS
  std::string subsystem;                   ///< SUBNQN
  uint32_t capsule_data_bytes = 0;         ///< behind the entry: IOCCSZ
  bool deletes_queues = false;             ///< OFCS: Disconnect
};
IdentifyPage encode(const ControllerIdentity& identity);
/// FNA of a controller that formats a namespace at a time.
constexpr uint8_t format_attributes(bool erases_keys) {
  return static_cast<uint8_t>(1u << 3 | (erases_keys ? 1u << 2 : 0));
}

/// What is told of a namespace.
struct NamespaceIdentity {
  uint64_t blocks = 0;       ///< NSZE, NCAP
  uint64_t used_blocks = 0;  ///< NUSE
  uint8_t block_shift = 9;   ///< LBADS
  bool thin = false;         ///< NSFEAT: NUSE may be less
  bool deallocates =
      false;  ///< NSFEAT: DAE, errors of deallocated blocks are not told; DLFEAT: they read as zeroes
  uint8_t reservations = 0;        ///< RESCAP
  uint16_t preferred_blocks = 0;   ///< NPWG, NPWA: write granularity and alignment; 0: nothing is told
  uint32_t deallocate_blocks = 0;  ///< NPDG, NPDA
  uint16_t atomic_blocks = 0;      ///< NAWUPF, from 1; 0: one block
  uint16_t copy_range_blocks = 0;  ///< MSSRL
  uint32_t copy_blocks = 0;        ///< MCL
  uint8_t copy_ranges = 0;         ///< MSRC, from 0
  uint32_t access_group = 0;       ///< ANAGRPID
  bool write_protected = false;    ///< NSATTR
  uint8_t format_remains = 0;      ///< FPI: per cent of a format that are still to come; 0: none runs
  std::array<uint8_t, 16> guid{};  ///< NGUID
  Eui64 eui64{};
  bool rotational = false;
  Uuid uuid{};
};
IdentifyPage encode(const NamespaceIdentity& identity);
/// CNS 08h.
IdentifyPage encode_independent(const NamespaceIdentity& identity);
/// CNS 03h: EUI-64, NGUID, UUID, command set.
IdentifyPage encode_descriptors(const NamespaceIdentity& identity);
/// Those above `after`, ascending; at most 1024.
IdentifyPage encode_namespace_list(const std::vector<uint32_t>& ascending, uint32_t after);
/// Those from `first` on, ascending.
IdentifyPage encode_controller_list(const std::vector<uint16_t>& ascending, uint16_t first);
/// CNS 06h for the NVM command set: limits of Dataset Management.
IdentifyPage encode_nvm_controller(uint8_t most_ranges, uint32_t range_blocks, uint64_t all_blocks);
/// CNS 1Ch: the NVM command set alone.
IdentifyPage encode_command_sets();

// What a host reads of them.
struct ControllerSummary {
  uint16_t controller_id = 0;
  uint8_t most_transfer = 0;
  uint16_t queue_entries = 0;
  uint16_t commands = 0;
  uint32_t capsule_data_bytes = 0;
  std::string subsystem;
};
ControllerSummary decode_controller(const IdentifyPage& page);
struct NamespaceSummary {
  uint64_t blocks = 0;
  uint32_t block_bytes = 512;
  uint32_t access_group = 0;
  bool deallocates = false;
  bool write_protected = false;
};
NamespaceSummary decode_namespace(const IdentifyPage& page);

}  // namespace ashlar::wire::nvme
