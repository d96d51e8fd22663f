// What the engine tells about all that it serves: the part of Engine behind `status`.
#include <map>
#include <set>

#include "engine/counted_volumes.h"
#include "engine/engine.h"
#include "loop/on_worker.h"
#include "rpc/proof_words.h"

namespace ashlar::engine {
namespace {

// "CHAP, mutual DH-HMAC-CHAP": over iSCSI, over NVMe/TCP.
std::string authentication_of(const rpc::HostDocument& host) {
  std::vector<std::string_view> ways;
  if (host.chap) ways.push_back(host.chap->mutual_user.empty() ? "CHAP" : "mutual CHAP");
  if (host.dhchap)
    ways.push_back(host.dhchap->controller_key.empty() ? "DH-HMAC-CHAP" : "mutual DH-HMAC-CHAP");
  if (!host.tls_key.empty()) ways.push_back(rpc::tls_proof);
  return ways.empty() ? "none" : fmt::format("{}", fmt::join(ways, ", "));
}

rpc::HostStatus told(const rpc::HostDocument& host) {
  rpc::HostStatus status;
  status.name = host.name;
  status.initiators = host.initiators;
  status.any = host.any;
  status.authentication = authentication_of(host);
  return status;
}

rpc::TargetStatus told(const rpc::TargetDocument& target, const rpc::Document& document) {
  rpc::TargetStatus status;
  status.name = target.name;
  status.alias = target.alias;
  status.portals = target.portals;
  if (!status.portals.empty()) return status;
  for (const rpc::PortalDocument& portal : document.portals) {
    if (leads_to(portal, target)) status.portals.push_back(portal.name);
  }
  return status;
}

// Sessions by (target, host), for the counts of everything.
using Pairs = std::map<std::pair<std::string, std::string>, uint32_t>;

Pairs count_pairs(const std::vector<rpc::SessionStatus>& sessions) {
  Pairs pairs;
  for (const rpc::SessionStatus& session : sessions) ++pairs[{session.target, session.host}];
  return pairs;
}

void count_sessions(rpc::EngineStatus& status, const std::vector<rpc::MappingDocument>& mappings,
                    const Pairs& pairs) {
  std::map<std::string, uint32_t> of_target, of_host, of_volume, mappings_of_volume;
  for (const auto& [pair, count] : pairs) {
    of_target[pair.first] += count;
    of_host[pair.second] += count;
  }
  for (const rpc::MappingDocument& mapping : mappings) {
    ++mappings_of_volume[mapping.volume];
    if (const auto found = pairs.find({mapping.target, mapping.host}); found != pairs.end())
      of_volume[mapping.volume] += found->second;
  }
  for (rpc::TargetStatus& target : status.targets) target.sessions = of_target[target.name];
  for (rpc::HostStatus& host : status.hosts) host.sessions = of_host[host.name];
  for (rpc::VolumeStatus& volume : status.volumes) {
    volume.mappings = mappings_of_volume[volume.name];
    volume.sessions = of_volume[volume.name];
    volume.in_use = volume.sessions > 0;
  }
}

std::set<std::string> failed_of(const std::vector<Counted>& volumes) {
  std::set<std::string> failed;
  for (const Counted& each : volumes)
    if (has_failed(*each.store)) failed.insert(each.name);
  return failed;
}

}  // namespace

loop::Task<rpc::EngineStatus> Engine::status(std::string only) {
  const auto wanted = [&only](std::string_view kind, const std::string& name) {
    if (only.empty() || only == kind) return true;
    return only.starts_with(kind) && std::string_view(only).substr(kind.size()) == "/" + name;
  };
  const std::vector<Counted> volumes =
      counted(volumes_, [&wanted](const std::string& name) { return wanted("volumes", name); });
  auto looking = loop::on_worker(loop::Loop::current(), [&volumes] { return failed_of(volumes); });
  const std::set<std::string> failed = co_await looking;
  auto collecting = sessions();
  const std::vector<rpc::SessionStatus> all = co_await collecting;
  // From here on without waiting, so that all of it is of one moment.
  rpc::EngineStatus status;
  status.version = options_.version;
  status.state = stopping() ? "stopping" : "serving";
  status.shards = shards_.count();
  status.uptime_seconds = static_cast<uint64_t>((loop::Loop::current().now() - started_) / loop::seconds(1));
  status.applied = applied_;
  status.sessions = static_cast<uint32_t>(all.size());
  // Hosts can register a thousand names a volume: of many volumes that would be more than a line holds.
  const auto registrations = only.starts_with("volumes/") ? Registrations::each : Registrations::count;
  const rpc::Document& running = *running_;
  for (const rpc::VolumeDocument& volume : running.volumes) {
    if (wanted("volumes", volume.name))
      status.volumes.push_back(volume_status(volume, registrations, failed.contains(volume.name)));
  }
  for (const rpc::HostDocument& host : running.hosts) {
    if (wanted("hosts", host.name)) status.hosts.push_back(told(host));
  }
  for (const rpc::PortalDocument& portal : running.portals) {
    if (!wanted("portals", portal.name)) continue;
    const loop::Endpoint endpoint{portal.address, portal.port};
    status.portals.push_back({portal.name, portal.address, portal.port, portal.group_tag, portal.protocol,
                              portals_.listening(endpoint), portals_.accepted(endpoint)});
  }
  for (const rpc::TargetDocument& target : running.targets) {
    if (wanted("targets", target.name)) status.targets.push_back(told(target, running));
  }
  for (const rpc::GroupDocument& group : running.groups) {
    if (wanted("groups", group.name))
      status.groups.push_back(
          group_status(group, running, domains_[0] ? domains_[0]->access_of(group.name).get() : nullptr));
  }
  if (only.empty()) status.mappings = running.mappings;
  count_sessions(status, running.mappings, count_pairs(all));
  co_return status;
}

}  // namespace ashlar::engine
