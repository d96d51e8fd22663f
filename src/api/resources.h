// The things that administrators name (DESIGN, 11), as the configuration holds them: what is wished for, not what is.
// Every resource has a `name`, unique in its kind. Field names are those of the API; docs/openapi.yaml tells each.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "api/words.h"
#include "base/subsystem_bounds.h"

namespace ashlar::api {

/// Secrets are write-only: what comes is taken in by the secret store and replaced by "secret:ID"; reads say "(redacted)".
struct Chap {
  std::string user, secret;                ///< secret: 12-255 bytes
  std::string mutual_user, mutual_secret;  ///< both or none
  bool operator==(const Chap&) const = default;
};

/// For DH-HMAC-CHAP of NVMe/TCP. Keys are secrets as those of CHAP are: what comes is "DHHC-1:00:BASE64:".
struct Dhchap {
  std::string key,
      controller_key;  ///< of the host, and of the array for it; without, the array proves nothing
  std::vector<std::string> hashes, groups;  ///< that may be agreed on, preferred ones first; empty: the usual
  bool operator==(const Dhchap&) const = default;
};

/// Where volumes live. The kind decides what else must be there.
struct Pool {
  std::string name;
  std::string kind;  ///< "dir", "device", "memory", "null", "scsi", "remote"
  std::string path;  ///< dir: an absolute folder that exists
  std::vector<std::string>
      devices;  ///< device: stable ids ("/dev/disk/by-id/wwn-..."), scsi: nodes; one volume each
  std::string initiator = {};         ///< remote: our iSCSI name there; empty: as usual (docs/remote.md)
  std::string host_nqn = {};          ///< remote: our NQN there; empty: as usual
  std::optional<Chap> chap = {};      ///< remote: ours, and of mutual CHAP the other array's
  std::optional<Dhchap> dhchap = {};  ///< remote: `key` is ours, `controller_key` the other array's
  std::string tls_key = {};           ///< remote: write-only; by NVMe/TCP it comes by TLS with it
  uint32_t warn_percent = 80;         ///< fill level that raises a warning
  uint32_t critical_percent = 95;
  std::string comment;
  bool operator==(const Pool&) const = default;
};

/// Fixed at creation; what is missing is drawn then and never changes, over resizes, restores and heads.
struct Identity {
  std::string naa;    ///< 16 hex digits
  std::string eui64;  ///< 16 hex digits
  std::string uuid;
  std::string serial;  ///< 1-36 printable ASCII characters
  std::string vendor = "ASHLAR", product = "VOLUME", revision = "0001";
  bool operator==(const Identity&) const = default;
};

struct Layer {
  std::string kind;  ///< "readonly", "fault"
  std::map<std::string, std::string> options;
  bool operator==(const Layer&) const = default;
};

struct Volume {
  std::string name;
  std::string pool;
  std::string kind = "disk";   ///< "disk" or "cdrom": a drive (docs/cdrom.md); fixed at creation
  std::string medium;          ///< of a drive: a file of its pool, which is of kind dir; empty: none
  std::string device;          ///< pool kinds device and scsi: which of its devices
  uint64_t size_bytes = 0;     ///< pool kind device: 0 is all of it; kind scsi: always 0
  uint32_t block_bytes = 512;  ///< 512 or 4096, of a drive 2048; fixed at creation
  uint32_t physical_block_bytes = 4096;  ///< fixed at creation
  bool thin = true;                      ///< fixed at creation
  bool read_only = false;
  bool write_cache = false;
  bool removable = false;
  bool encrypted = false;           ///< what its pool holds is ciphertext; fixed at creation
  std::string profile = "generic";  ///< "generic", "linux", "windows", "esxi", "xen"
  Identity identity;
  std::vector<Layer> layers;
  std::vector<std::string>
      allow;  ///< pool kind scsi: "firmware", "format", "diagnostics", "ata" (docs/passthrough.md)
  uint32_t timeout_seconds = 0;  ///< pool kind scsi: of an ordinary command; 0: by the kind of device
  std::string comment;
  std::string origin;   ///< the snapshot that it was cloned from; told, not set
  std::string backing;  ///< what the pool calls its storage; told, not set; a drive has none
  std::string
      key_id;  ///< under which the engine keeps its key, no secret: a clone's is its origin's; told, not set
  std::string created_at;  ///< told, not set
  bool operator==(const Volume&) const = default;
};

/// Of a CD-ROM drive, the length of a block is what it is.
constexpr uint32_t cd_block_bytes = 2048;
inline bool is_cdrom(const Volume& volume) { return volume.kind == "cdrom"; }

/// A frozen copy of a volume; its name is VOLUME@SNAPSHOT.
struct Snapshot {
  std::string name;
  std::string volume;
  std::string comment;
  uint64_t size_bytes = 0;  ///< told, not set, as all below
  std::string backing;
  std::string created_at;
  bool operator==(const Snapshot&) const = default;
};

/// A volume shown to a host, or to each host of a group, on a target.
struct Map {
  std::string name;  ///< default VOLUME.HOST, or VOLUME.GROUP
  std::string volume, target;
  std::string host, host_group;  ///< one of them
  std::optional<uint16_t> lun;   ///< 0-16383; absent: the lowest that is free, drawn when the map is made
  bool read_only = false;
  std::string comment;
  bool operator==(const Map&) const = default;
};

/// How well the portals of one group tag, a target port group, reach the volumes of a group.
struct GroupAccess {
  uint16_t group_tag = 1;
  std::string state =
      "optimized";  ///< "optimized", "non_optimized", "standby", "unavailable", "offline", "transitioning"
  bool preferred = false;
  bool operator==(const GroupAccess&) const = default;
};

/// Volumes whose ways change together (docs/access-groups.md). One without a group is optimized by every way.
struct Group {
  std::string name;
  std::vector<std::string> volumes;  ///< each in one group at most
  bool explicit_changes = false;     ///< hosts may change the states, too
  std::vector<GroupAccess> access;   ///< a tag that is not listed is optimized
  std::string comment;
  bool operator==(const Group&) const = default;
};

/// A deleted volume that can still be had back. `name` is VOLUME.XXXXXXXX, so that the volume's own is free again.
struct DeletedVolume {
  std::string name;
  Volume volume;
  std::vector<Snapshot> snapshots;
  std::vector<Map> maps;
  std::string group;  ///< that it was in
  std::string deleted_at;
  std::string purge_at;
  bool operator==(const DeletedVolume&) const = default;
};

struct Host {
  std::string name;
  std::string os = "generic";           ///< "generic", "linux", "windows", "esxi", "proxmox", "xen"
  std::vector<std::string> initiators;  ///< iSCSI names, lower case, and host NQNs; each belongs to one host
  bool any = false;                     ///< every initiator that no host names
  std::optional<Chap> chap;
  std::optional<Dhchap> dhchap = {};
  std::vector<std::string> addresses =
      {};                            ///< where it may come from: addresses or ranges; empty: from anywhere
  uint32_t max_sessions = 0;         ///< 0: no bound of its own
  bool asynchronous_events = false;  ///< told by an iSCSI message, too, when its LUNs or a size change
  std::string tls_key = {};   ///< write-only: with which it comes by TLS over NVMe/TCP, "NVMeTLSkey-1:..."
  bool tls_optional = false;  ///< with a key, it may come in the clear, too
  std::string comment;
  bool operator==(const Host&) const = default;
};

struct HostGroup {
  std::string name;
  std::vector<std::string> hosts;
  std::string comment;
  bool operator==(const HostGroup&) const = default;
};

struct Portal {
  std::string name;
  std::string protocol = "iscsi";
  std::string address;  ///< IPv4 or IPv6 literal; "0.0.0.0" and "::" allowed
  uint16_t port = 3260;
  uint16_t group_tag = 1;
  std::optional<Chap> discovery_chap = {};  ///< what a discovery session must prove here
  std::string tls = "off";                  ///< of nvme-tcp: "off", "allowed", "required"
  std::vector<std::string> referrals =
      {};  ///< of protocol nvme-tcp: "192.0.2.9:8009" where there is more to discover
  std::string comment;
  bool operator==(const Portal&) const = default;
};

/// How large the controllers of a subsystem are (docs/nvme.md); those that are there keep what they began with.
struct NvmeBounds : SubsystemBounds {
  bool operator==(const NvmeBounds&) const = default;
};

struct Target {
  std::string name;  ///< iqn., eui. or naa.; of protocol nvme-tcp: nqn.
  std::string protocol = "iscsi";
  std::string alias;
  std::vector<std::string> portals;  ///< names; empty: all of its protocol
  std::string redirect = {};         ///< "192.0.2.9:3260": logins are sent there; empty: they are served here
  bool redirect_permanent = false;   ///< hosts forget this array's address
  uint32_t max_sessions = 0;         ///< 0: no bound of its own
  std::optional<NvmeBounds> nvme = {};  ///< of protocol nvme-tcp; none: all as it is by default
  std::string comment;
  bool operator==(const Target&) const = default;
};

/// An iSNS server (RFC 4171) that is told of the targets and portals, so that hosts find them by it (docs/isns.md).
struct IsnsServer {
  std::string name;
  std::string address;  ///< IPv4 or IPv6 literal
  uint16_t port = 3205;
  bool enabled = true;
  std::string entity = {};  ///< what the array is called there; drawn when the server is added
  uint16_t esi_port = 0;    ///< where the server may ask whether the array lives; 0: it is not asked to
  std::string comment;
  bool operator==(const IsnsServer&) const = default;
};

/// What `role` may do to resources of `kind` whose name fits `name` ("*" and "?" as in file names).
struct Grant {
  std::string kind;  ///< plural as in the API's paths ("volumes"), or "*"
  std::string name = "*";
  std::string role;
  bool operator==(const Grant&) const = default;
};

struct User {
  std::string name;
  std::string role = "viewer";   ///< "viewer", "operator", "admin", "none" (grants alone)
  std::string source = "local";  ///< "local", "ldap"
  std::string password;          ///< write-only; the secret store keeps its argon2id hash
  std::string totp_secret;       ///< write-only; set by the enrolment, not by PUT
  std::vector<std::string>
      certificate_subjects;  ///< RFC 2253 names of client certificates that are this user
  std::vector<Grant> grants;
  bool disabled = false;
  std::string comment;
  bool operator==(const User&) const = default;
};

struct Token {
  std::string name;
  std::string user;
  std::string role = "viewer";  ///< never more than the user's
  std::vector<Grant> grants;    ///< empty: all that the role allows; else only these
  std::string expires_at;       ///< RFC 3339; empty: never
  std::string hash;             ///< SHA-256 of the token, hex; told to nobody
  std::string created_at;
  std::string comment;
  bool operator==(const Token&) const = default;
};

/// One named value; api/settings.h knows the names, their types and their defaults.
struct Setting {
  std::string name;
  Json value;
  bool operator==(const Setting&) const = default;
};

/// When to raise an alert. `metric` is one of those in docs/alerts.md; the rules that ship are there from the start.
struct AlertRule {
  std::string name;
  std::string metric;
  std::string comparison = "above";  ///< "above", "below", "equal", "not_equal"
  double threshold = 0;
  uint32_t for_seconds = 0;           ///< how long it must hold
  std::string severity = "warning";   ///< "info", "warning", "critical"
  std::string message;                ///< "{name}", "{value}" and "{threshold}" are filled in
  std::vector<std::string> channels;  ///< names; empty: all
  bool enabled = true;
  std::string comment;
  bool operator==(const AlertRule&) const = default;
};

/// Where alerts are sent. `options` by kind, see docs/alerts.md.
struct AlertChannel {
  std::string name;
  std::string kind;  ///< "email", "webhook", "syslog", "snmp"
  std::map<std::string, std::string> options;
  std::string secret;         ///< email: the server's password; webhook: the signing key; snmp: the auth key
  std::string second_secret;  ///< snmp: the privacy key
  std::string lowest_severity = "info";
  bool enabled = true;
  std::string comment;
  bool operator==(const AlertChannel&) const = default;
};

}  // namespace ashlar::api
