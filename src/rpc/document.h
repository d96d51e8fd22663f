// The one document that the engine is given: what it is to serve. All of it, each time; what is not in it goes away.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/subsystem_bounds.h"

namespace ashlar::rpc {

struct StoreDocument {
  std::string kind;                            ///< "null", "memory", "file", "block", "cdrom"
  std::map<std::string, std::string> options;  ///< file, block, cdrom: "path"
  bool operator==(const StoreDocument&) const = default;
};

/// Without what a store of kind "remote" proves itself with, and has the other array prove: names, secrets and how. It may change
/// while the volume is served, and says nothing of which store it is.
StoreDocument without_credentials(StoreDocument store);

struct IdentityDocument {
  std::string naa;    ///< 16 hex digits
  std::string eui64;  ///< 16 hex digits
  std::string uuid;
  std::string serial;  ///< 1-36 printable ASCII characters
  std::string vendor = "ASHLAR", product = "VOLUME", revision = "0001";
  bool operator==(const IdentityDocument&) const = default;
};

struct VolumeDocument {
  std::string name;
  uint64_t size_bytes = 0;     ///< a multiple of block_bytes; 0 only for kind "block": all of it, and "cdrom"
  uint32_t block_bytes = 512;  ///< 512 or 4096; of kind "cdrom" 2048
  uint32_t physical_block_bytes = 4096;  ///< block_bytes x a power of two
  bool thin = true;
  bool read_only = false;
  bool write_cache = false;  ///< false: every write is on stable storage before it is acknowledged
  bool removable = false;
  bool encrypted = false;   ///< what its store holds is ciphertext
  std::string key_id = {};  ///< UUID under which its key is kept, no secret; empty: its own uuid
  bool key_shared = false;  ///< snapshots or other volumes need its key, too: hosts cannot erase it
  std::optional<IdentityDocument>
      identity;  ///< absent: drawn at random, told by status, to be kept by the caller
  StoreDocument store;
  std::vector<StoreDocument> layers;  ///< from the store upwards; stats is always on top and not listed
  bool operator==(const VolumeDocument&) const = default;
};

/// Hosts see a CD-ROM drive: the path of its store is the medium in it, and none that it is empty.
inline bool is_cdrom(const VolumeDocument& volume) { return volume.store.kind == "cdrom"; }
/// Empty: there is none.
std::string medium_of(const VolumeDocument& volume);

struct ChapDocument {
  std::string user, secret;                ///< secret: 12-255 bytes
  std::string mutual_user, mutual_secret;  ///< both or none
  bool operator==(const ChapDocument&) const = default;
};

/// For DH-HMAC-CHAP of NVMe/TCP; keys are "DHHC-1:00:BASE64:".
struct DhchapDocument {
  std::string key;                          ///< what the host proves that it has
  std::string controller_key;               ///< what the controller proves; empty: it cannot
  std::vector<std::string> hashes, groups;  ///< that may be agreed on, preferred ones first; empty: the usual
  bool operator==(const DhchapDocument&) const = default;
};

struct HostDocument {
  std::string name;
  std::vector<std::string> initiators;  ///< iSCSI names and host NQNs
  bool any = false;                     ///< every initiator name that no other host has
  std::optional<ChapDocument> chap;
  std::optional<DhchapDocument> dhchap = {};
  std::vector<std::string> addresses =
      {};                     ///< where it may come from: addresses or ranges of them; empty: from anywhere
  uint32_t max_sessions = 0;  ///< 0: no bound of its own
  /// It is told by an asynchronous message, too, when its LUNs or the size of a volume change.
  bool asynchronous_events = false;
  std::string tls_key =
      {};  ///< with which it comes by TLS over NVMe/TCP, "NVMeTLSkey-1:..."; empty: it has none
  bool tls_optional = false;  ///< with a key, it may come in the clear, too
  bool operator==(const HostDocument&) const = default;
};

struct PortalDocument {
  std::string name;
  std::string address;  ///< IPv4 or IPv6 literal; "0.0.0.0" and "::" allowed
  uint16_t port = 3260;
  uint16_t group_tag = 1;
  std::string protocol = "iscsi";                   ///< one of portal_protocols
  std::optional<ChapDocument> discovery_chap = {};  ///< what a discovery session must prove here
  std::string tls = "off";                          ///< of nvme-tcp: one of portal_tls
  std::vector<std::string> referrals = {};  ///< of NVMe/TCP: "192.0.2.9:8009" where discovery tells of more
  bool operator==(const PortalDocument&) const = default;
};

constexpr std::string_view portal_protocols[] = {"iscsi", "nvme-tcp"};
constexpr std::string_view portal_tls[] = {"off", "allowed", "required"};

/// Of a subsystem; docs/nvme.md.
struct SubsystemDocument : SubsystemBounds {
  bool operator==(const SubsystemDocument&) const = default;
};

/// Its name says how it is served: an NQN is a subsystem of NVMe/TCP.
struct TargetDocument {
  std::string name;  ///< iqn... or nqn...
  std::string alias;
  std::vector<std::string> portals;  ///< names; empty: all of its protocol
  std::string redirect = {};         ///< "192.0.2.9:3260": logins are sent there; empty: they are served here
  bool redirect_permanent = false;   ///< hosts forget this array's address
  uint32_t max_sessions = 0;         ///< 0: no bound of its own
  std::vector<std::string> management_addresses = {};  ///< of iSCSI: URLs that hosts find in VPD page 85h
  std::optional<SubsystemDocument> nvme = {};          ///< of NVMe/TCP; none: all as it is by default
  bool operator==(const TargetDocument&) const = default;
};

/// "iscsi" or "nvme-tcp".
std::string_view protocol_of(const TargetDocument& target);
/// The portal leads to the target: it is one of those that are named, or of its protocol where none is.
bool leads_to(const PortalDocument& portal, const TargetDocument& target);

struct MappingDocument {
  std::string host, target, volume;
  uint16_t lun = 0;  ///< 0-16383; on NVMe/TCP it is namespace lun + 1
  bool read_only = false;
  bool operator==(const MappingDocument&) const = default;
};

/// How well the portals of one group tag, a target port group, reach the volumes of a group.
struct PortGroupDocument {
  uint16_t group_tag = 1;
  std::string state = "optimized";  ///< one of access_states
  bool preferred = false;           ///< hosts are to take this way when they have the choice
  bool operator==(const PortGroupDocument&) const = default;
};
/// Asymmetric logical unit access (SPC-4 5.15), in the order of well to badly.
constexpr std::string_view access_states[] = {"optimized",   "non_optimized", "standby",
                                              "unavailable", "offline",       "transitioning"};

/// Volumes whose ways change together. One without a group is optimized by every way.
struct GroupDocument {
  std::string name;
  std::vector<std::string> volumes;       ///< names; each in one group at most
  bool explicit_changes = false;          ///< hosts may change the states, too (SET TARGET PORT GROUPS)
  std::vector<PortGroupDocument> access;  ///< by tags of portals; one that is not listed is optimized
  bool operator==(const GroupDocument&) const = default;
};

struct Document {
  std::vector<VolumeDocument> volumes;
  std::vector<HostDocument> hosts;
  std::vector<PortalDocument> portals;
  std::vector<TargetDocument> targets;
  std::vector<MappingDocument> mappings;
  std::vector<GroupDocument> groups;
  bool operator==(const Document&) const = default;
};

/// Text to types: unknown keys, wrong types and out-of-range numbers are errors that name the path ("volumes[0].size_bytes")
/// and, for keys, the nearest known one. Sizes may also be text: "10GiB", "512 MiB".
Result<Document> parse_document(std::string_view json);
/// Canonical JSON (fixed key order, two-space indent), secrets included: parse_document(print_document(d)) == d.
std::string print_document(const Document& document);
/// Checks that need no device: names unique and well formed, references resolve, LUNs unique per host and target, sizes.
/// The first error, with its path.
Result<void> check_document(const Document& document);

}  // namespace ashlar::rpc
