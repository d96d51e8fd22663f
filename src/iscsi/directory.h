// What the iSCSI target serves, as a snapshot: targets, portal groups, who may see what. Made by the engine, never changed.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "loop/stream.h"
#include "unit/host_view.h"

namespace ashlar::iscsi {

/// An address that hosts connect to. Target portal group tags tell hosts which portals reach one session (RFC 7143 4.1.1).
struct Portal {
  std::string name;
  loop::Endpoint endpoint;
  uint16_t group_tag = 1;                ///< 1-65535
  unit::ChapCredentials discovery_chap;  ///< without a user, discovery is as open as what it may show
  /// Address to tell in SendTargets; equals endpoint unless the portal listens on a wildcard (then the address that the
  /// asking connection came in by is told).
  bool operator==(const Portal&) const = default;
};

/// "iqn...,t,0x0001": the SCSI name of a target port (RFC 7143 4.2.7.3).
std::string target_port_name(const std::string& target, uint16_t group_tag);

struct Target {
  std::string name;  ///< iqn...
  std::string alias;
  std::vector<Portal> portals;  ///< at least one; a login through another portal does not find the target
  /// Views by initiator name; `any_host` (may be null) is for names not listed.
  std::map<std::string, std::shared_ptr<const unit::HostView>> hosts;
  std::shared_ptr<const unit::HostView> any_host;
  /// "192.0.2.9:3260": logins are sent there (RFC 7143 11.13.5, class 1); empty: they are served here.
  std::string redirect;
  bool redirect_permanent = false;
  uint32_t max_sessions = 0;  ///< 0: no bound of its own

  /// `portal`, whatever its tag is now, is one of its portals.
  bool served_by(const Portal& portal) const;
  /// The view of `initiator` that comes from `address`, or null: then the target does not exist for it (login 02/03, not in
  /// SendTargets).
  std::shared_ptr<const unit::HostView> view_of(const std::string& initiator,
                                                const std::string& address) const;
};

/// Settings of the transport; bounds are part of the contract with hosts.
struct Settings {
  uint32_t max_receive_data_segment_bytes = 262144;  ///< MaxRecvDataSegmentLength that we declare
  uint32_t max_burst_bytes = 1048576;
  uint32_t first_burst_bytes = 262144;
  bool initial_r2t = false;  ///< our wish; the host's Yes wins
  bool immediate_data = true;
  uint16_t max_outstanding_r2t = 8;
  uint16_t queue_depth = 128;         ///< commands per session: the CmdSN window
  uint32_t error_recovery_level = 2;  ///< most that is agreed on; hosts that ask for none get 0
  uint32_t time2retain_seconds = 20;  ///< at level 2, for the tasks of a failed connection
  uint32_t max_connections_per_session = 8;
  uint32_t login_timeout_seconds = 15;
  uint32_t nop_interval_seconds = 30;
  uint32_t nop_timeout_seconds = 30;
  uint32_t logout_wait_seconds = 10;       ///< for a host that was asked to log out, before it is dropped
  uint32_t max_sessions = 1024;            ///< per shard
  uint32_t max_connections = 2048;         ///< per shard, half-open logins included
  uint32_t max_half_open = 256;            ///< per shard: connections that have not logged in
  uint32_t max_half_open_per_source = 64;  ///< per shard: of one address (loop::SourceTable::source_of)
  bool header_digest = true;               ///< offer CRC32C (chosen only when the host prefers it)
  bool data_digest = true;
};

struct Directory {
  Settings settings;
  std::map<std::string, std::shared_ptr<const Target>> targets;
};

}  // namespace ashlar::iscsi
