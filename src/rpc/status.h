// What the engine tells about itself: the answers of `status`, `stats`, `sessions`, `apply`, `version` as types.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "rpc/document.h"

namespace ashlar::rpc {

/// One registered I_T nexus (SPC-4 5.12).
struct RegistrationStatus {
  std::string initiator_port, target_port;
  std::string key;  ///< "0x000000000000000a"
  bool holds = false;
  bool operator==(const RegistrationStatus&) const = default;
};
struct ReservationStatus {
  std::string
      type;  ///< "none", "write exclusive", "exclusive access, registrants only", "whole unit" (RESERVE) ...
  std::string holder;     ///< initiator port; empty when all registrants hold it, or nobody
  bool persists = false;  ///< APTPL: over a power cycle too
  bool lost = false;      ///< what was kept cannot be read: every host is kept out
  uint32_t generation = 0;
  uint32_t registered = 0;                        ///< how many nexuses
  std::vector<RegistrationStatus> registrations;  ///< who they are: when one volume alone is asked for
  bool operator==(const ReservationStatus&) const = default;
};

/// Of a CD-ROM drive.
struct MediumStatus {
  std::string path;  ///< what the array has put in; empty: nothing
  std::string
      state;  ///< "loaded", "empty", "open": a host has opened the tray, and the medium is out of reach
  bool prevented = false;  ///< a host does not let it go
  bool operator==(const MediumStatus&) const = default;
};

/// The SCSI device of this machine behind a volume of store kind "scsi", as its INQUIRY data has it.
struct DeviceStatus {
  std::string
      type;  ///< "disk", "tape", "changer", "cd/dvd", "enclosure", ...; "type 1Fh" for one without a word
  std::string vendor, product, revision;
  uint32_t max_transfer_bytes = 0;  ///< of one command
  bool operator==(const DeviceStatus&) const = default;
};

/// One way to a unit of another array, of all shards together.
struct PathStatus {
  std::string url;  ///< without the user
  std::string
      state;  ///< "optimized", "non_optimized", "standby", "unavailable", "transitioning"; "down", "refused"
  std::string authentication;  ///< of the last session by it; empty: there was none
  std::string last_error;   ///< why it was lost or did not come up the last time; empty: neither has happened
  uint64_t shards = 0;      ///< that have a session by it now
  uint64_t commands = 0;    ///< that went by it
  uint64_t reconnects = 0;  ///< sessions after a shard's first
  uint64_t losses = 0;      ///< sessions that ended by themselves
  uint64_t refused = 0;     ///< sessions that led to what is not the volume's
  bool operator==(const PathStatus&) const = default;
};

/// Of a volume of store kind "remote".
struct RemoteStatus {
  uint64_t size_bytes = 0;        ///< the unit's, as the other array told it last; 0: not yet
  std::vector<PathStatus> paths;  ///< in the order of its URLs
  bool operator==(const RemoteStatus&) const = default;
};

struct VolumeStatus {
  std::string name;
  std::string state;  ///< "online", "resizing", "closing", "failed"
  uint64_t size_bytes = 0;
  uint32_t block_bytes = 512, physical_block_bytes = 4096;
  bool thin = true, read_only = false, write_cache = false, removable = false, encrypted = false;
  std::string message;        ///< a sentence when it failed for want of its key
  IdentityDocument identity;  ///< complete: what was drawn stands here, to be kept by the caller
  StoreDocument store;
  uint32_t mappings = 0;                          ///< mappings of the document that name it
  uint32_t sessions = 0;                          ///< sessions that see it
  bool in_use = false;                            ///< sessions > 0
  std::optional<ReservationStatus> reservations;  ///< absent: nobody has registered or reserved
  std::optional<MediumStatus> medium = {};        ///< absent: it is a disk
  std::optional<DeviceStatus> device = {};        ///< absent: the volume is blocks, or it is closing
  std::optional<RemoteStatus> remote = {};  ///< absent: it is no unit of another array, or it is closing
  bool operator==(const VolumeStatus&) const = default;
};

struct HostStatus {
  std::string name;
  std::vector<std::string> initiators;
  bool any = false;
  std::string authentication;  ///< "none", "CHAP", "mutual CHAP, DH-HMAC-CHAP"
  uint32_t sessions = 0;
  bool operator==(const HostStatus&) const = default;
};

struct PortalStatus {
  std::string name, address;
  uint16_t port = 0, group_tag = 1;
  std::string protocol = "iscsi";
  bool listening = false;
  uint64_t connections_accepted = 0;  ///< since this portal began to listen
  bool operator==(const PortalStatus&) const = default;
};

struct TargetStatus {
  std::string name, alias;
  std::vector<std::string>
      portals;  ///< names; all of them are listed, also when the document left it to "all"
  uint32_t sessions = 0;
  bool operator==(const TargetStatus&) const = default;
};

/// As iscsi::SessionStatus; or a controller of NVMe/TCP with its queues.
struct SessionStatus {
  uint64_t id = 0;
  uint32_t shard = 0;
  std::string protocol = "iscsi";
  std::string target;  ///< empty: a discovery session
  std::string initiator, host, isid;
  uint16_t tsih = 0;         ///< of NVMe/TCP: the controller id
  uint32_t connections = 1;  ///< that carry it; addresses and digests are those of the oldest
  std::string local_address, peer_address;
  bool header_digest = false, data_digest = false;
  std::string authentication;
  uint64_t commands = 0, read_bytes = 0, written_bytes = 0;
  uint32_t tasks_in_flight = 0;
  int64_t age_seconds = 0;
  /// Of NVMe/TCP: commands by what they do, as read, write, admin; and those that failed.
  std::map<std::string, uint64_t> commands_by_kind = {};
  bool operator==(const SessionStatus&) const = default;
};

/// What is in force, which is not what the document wishes while a host's SET TARGET PORT GROUPS stands.
struct PortGroupStatus {
  uint16_t group_tag = 1;
  std::string state;
  bool preferred = false;
  std::string changed_by;  ///< "host", "document"; empty: it has never changed
  bool operator==(const PortGroupStatus&) const = default;
};
struct GroupStatus {
  std::string name;
  std::vector<std::string> volumes;
  bool explicit_changes = false;
  std::vector<PortGroupStatus> access;  ///< every group tag that a portal has
  std::string changed_by;  ///< initiator port of the host whose change stands; empty: no host's does
  bool operator==(const GroupStatus&) const = default;
};

struct EngineStatus {
  std::string version;
  std::string state;  ///< "serving", "stopping"
  uint32_t shards = 0;
  uint64_t uptime_seconds = 0;
  uint64_t applied = 0;  ///< documents applied since start that changed something
  uint32_t sessions = 0;
  std::vector<VolumeStatus> volumes;
  std::vector<HostStatus> hosts;
  std::vector<PortalStatus> portals;
  std::vector<TargetStatus> targets;
  std::vector<MappingDocument> mappings;
  std::vector<GroupStatus> groups;
  bool operator==(const EngineStatus&) const = default;
};

/// One kind of operation on one volume, all shards together. Latencies are of the device, from the unit's submit to its answer.
struct OperationStats {
  std::string operation;  ///< "read", "write", "flush", "discard", "write_zeroes", "find_extent", "clone"
  uint64_t count = 0, in_flight = 0, bytes = 0, errors = 0;
  uint64_t latency_sum_ns = 0, latency_p50_ns = 0, latency_p99_ns = 0, latency_p999_ns = 0,
           latency_max_ns = 0;
  std::map<std::string, uint64_t>
      latency_ns;  ///< the histogram: "below_1280" and so on, buckets that are not empty
  bool operator==(const OperationStats&) const = default;
};
struct VolumeStats {
  std::string name;
  std::vector<OperationStats> operations;
  std::map<std::string, uint64_t> counters;  ///< what else its store and layers count, such as "file.failed"
  bool operator==(const VolumeStats&) const = default;
};
struct ShardStats {
  uint32_t index = 0;
  std::map<std::string, uint64_t> counters;
  bool operator==(const ShardStats&) const = default;
};
struct Stats {
  std::vector<VolumeStats> volumes;
  std::vector<SessionStatus> sessions;
  std::vector<ShardStats> shards;
  bool operator==(const Stats&) const = default;
};

/// One step of a plan, as people read it.
struct StepReport {
  std::string kind;    ///< "open volume", "resize volume", "add portal", "publish" ...
  std::string name;    ///< of the resource; empty for "publish"
  std::string detail;  ///< "1 GiB, 512-byte blocks, file /srv/v1.img"
  bool operator==(const StepReport&) const = default;
};

struct DrawnIdentity {
  std::string volume;
  IdentityDocument identity;
  bool operator==(const DrawnIdentity&) const = default;
};

/// What `apply` did, or would do.
struct ApplyReport {
  bool dry_run = false;
  bool changed = false;  ///< false: the document was in force already
  std::vector<StepReport> steps;
  /// Identities drawn by this apply: put them into the document, or hosts see another disk after a restart.
  std::vector<DrawnIdentity> drawn;
  /// Of the document that is in force now; another one after every change of it, and in every life of the engine.
  uint64_t revision = 0;
  bool operator==(const ApplyReport&) const = default;
};

struct Version {
  std::string engine;     ///< "0.1.0"
  uint32_t protocol = 1;  ///< of this socket: raised when something that was there changes its meaning
  bool operator==(const Version&) const = default;
};

}  // namespace ashlar::rpc
