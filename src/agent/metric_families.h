// The families of metrics that Prometheus is told, by what they are of.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "agent/array.h"
#include "agent/exposition.h"
#include "agent/isns_clients.h"
#include "agent/mdns_announcer.h"

namespace ashlar::agent {

constexpr double nanosecond = 1e-9;  ///< in seconds

/// What a kind of operation of a volume's is called in metrics and in the history.
std::string_view plural_of(const std::string& operation);

void add_volumes(Exposition& out, const rpc::Stats& stats, const api::Configuration& configuration);
/// Of volumes that are SCSI devices passed through; others have no such counters.
void add_devices(Exposition& out, const rpc::Stats& stats);
/// Of hosts that come by TLS, of all shards together.
void add_handshakes(Exposition& out, const rpc::Stats& stats);
void add_sessions(Exposition& out, const rpc::Stats& stats);
void add_status(Exposition& out, const rpc::EngineStatus& status, const api::Configuration& configuration);
/// Of volumes that are units of other arrays; others have no paths.
void add_paths(Exposition& out, const rpc::EngineStatus& status);
/// One series for each state, so that no number has to be known by heart: the one that is in force is 1.
void add_groups(Exposition& out, const rpc::EngineStatus& status);
void add_pools(Exposition& out, Array& array);
void add_announcements(Exposition& out, const std::vector<MdnsAnnouncer::Status>& announcements);
void add_isns(Exposition& out, const std::vector<IsnsStatus>& servers);

}  // namespace ashlar::agent
