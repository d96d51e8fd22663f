// What the engine tells about itself: the parts of Engine behind `status`, `stats` and `sessions`.
#include <algorithm>
#include <map>
#include <set>

#include "engine/engine.h"
#include "loop/on_worker.h"
#include "rpc/proof_words.h"

namespace ashlar::engine {
namespace {

/// A volume whose counters a worker reads: there are hundreds, and they may be read on every thread. A volume that is closed
/// meanwhile waits for its last owner, which this is until its frame on shard 0 ends.
struct Counted {
  std::string name;
  std::shared_ptr<unit::UnitShared> shared;
  std::shared_ptr<block::Store> store;
};

template <typename Wanted>
std::vector<Counted> counted(const Volumes& volumes, const Wanted& wanted) {
  std::vector<Counted> all;
  for (const auto& [name, unit] : volumes.all())
    if (wanted(name)) all.push_back({name, unit.shared, unit.shared->store});
  return all;
}

rpc::SessionStatus told(const iscsi::SessionStatus& session) {
  rpc::SessionStatus status;
  status.id = session.id;
  status.shard = session.shard;
  status.target = session.target;
  status.initiator = session.initiator;
  status.host = session.host;
  status.isid = session.isid;
  status.tsih = session.tsih;
  status.connections = session.connections;
  status.local_address = session.local_address;
  status.peer_address = session.peer_address;
  status.header_digest = session.header_digest;
  status.data_digest = session.data_digest;
  status.authentication = session.authentication;
  status.commands = session.commands;
  status.read_bytes = session.read_bytes;
  status.written_bytes = session.written_bytes;
  status.tasks_in_flight = session.tasks_in_flight;
  status.age_seconds = session.age_seconds;
  return status;
}

rpc::SessionStatus told(const nvme::Controller& controller, int64_t now_nanoseconds) {
  const nvme::ControllerFacts& facts = controller.facts;
  rpc::SessionStatus status;
  status.id = nvme_session | facts.id;
  status.shard = facts.home;
  status.protocol = "nvme-tcp";
  status.target = facts.discovery ? "" : facts.subsystem;
  status.initiator = facts.host_name;
  status.host = facts.host;
  status.tsih = facts.id;
  status.connections = 0;
  status.local_address = facts.local_address;
  status.peer_address = facts.peer_address;
  status.authentication = controller.authentication();
  if (facts.secured)
    status.authentication = fmt::format(
        "{}{}", status.authentication == "none" ? "" : status.authentication + ", ", rpc::tls_proof);
  status.age_seconds = (now_nanoseconds - facts.began_nanoseconds) / 1'000'000'000;
  return status;
}

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

std::string words_of(unit::ReservationType type) {
  using Type = unit::ReservationType;
  switch (type) {
    case Type::none: break;
    case Type::write_exclusive: return "write exclusive";
    case Type::exclusive_access: return "exclusive access";
    case Type::write_exclusive_registrants_only: return "write exclusive, registrants only";
    case Type::exclusive_access_registrants_only: return "exclusive access, registrants only";
    case Type::write_exclusive_all_registrants: return "write exclusive, all registrants";
    case Type::exclusive_access_all_registrants: return "exclusive access, all registrants";
  }
  return "none";
}

std::optional<rpc::ReservationStatus> told(const std::shared_ptr<const unit::Reservations>& reservations,
                                           Registrations registrations) {
  if (reservations == nullptr) return {};
  rpc::ReservationStatus status;
  status.type = reservations->unit_holder ? "whole unit" : words_of(reservations->type);
  status.holder = reservations->unit_holder ? reservations->unit_holder->initiator_port
                                            : reservations->holder.initiator_port;
  status.persists = reservations->persist;
  status.lost = reservations->lost;
  status.generation = reservations->generation;
  status.registered = static_cast<uint32_t>(reservations->registrations.size());
  const bool anything = status.lost || status.type != "none" || status.registered > 0;
  if (registrations == Registrations::count)
    return anything ? std::optional(std::move(status)) : std::nullopt;
  for (const unit::Registration& each : reservations->registrations) {
    status.registrations.push_back({each.nexus.initiator_port, each.nexus.target_port,
                                    fmt::format("0x{:016x}", each.key), reservations->holds(each.nexus)});
  }
  return anything ? std::optional(std::move(status)) : std::nullopt;
}

// SPC-4 table 139.
std::string words_of_device(uint8_t type) {
  static constexpr std::pair<uint8_t, std::string_view> words[] = {
      {0x00, "disk"},          {0x01, "tape"},      {0x02, "printer"}, {0x03, "processor"},
      {0x04, "worm"},          {0x05, "cd/dvd"},    {0x07, "optical"}, {0x08, "changer"},
      {0x0c, "storage array"}, {0x0d, "enclosure"}, {0x0e, "disk"},    {0x14, "zoned disk"}};
  for (const auto& [number, word] : words) {
    if (number == type) return std::string(word);
  }
  return fmt::format("type {:02X}h", type);
}

rpc::RemoteStatus told(const initiator::RemoteUnit& unit) {
  rpc::RemoteStatus remote{.size_bytes = unit.remote_size_bytes(), .paths = {}};
  for (const initiator::RemotePath& path : unit.remote_paths())
    remote.paths.push_back({path.url, path.state, path.authentication, path.last_error, path.shards,
                            path.commands, path.reconnects, path.losses, path.refused});
  return remote;
}

std::optional<rpc::DeviceStatus> told(block::Passthrough* device) {
  if (device == nullptr) return {};
  const loop::ScsiDevice::Traits& traits = device->traits();
  return rpc::DeviceStatus{words_of_device(traits.device_type), traits.vendor, traits.product,
                           traits.revision, traits.max_transfer_bytes};
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

// The stats layer tells flat names: "read.count", "read.latency_p99_ns", "read.latency_ns.below_1280".
bool take(rpc::OperationStats& stats, std::string_view what, uint64_t value) {
  using Member = uint64_t rpc::OperationStats::*;
  static constexpr std::pair<std::string_view, Member> known[] = {
      {"count", &rpc::OperationStats::count},
      {"in_flight", &rpc::OperationStats::in_flight},
      {"bytes", &rpc::OperationStats::bytes},
      {"errors", &rpc::OperationStats::errors},
      {"latency_sum_ns", &rpc::OperationStats::latency_sum_ns},
      {"latency_p50_ns", &rpc::OperationStats::latency_p50_ns},
      {"latency_p99_ns", &rpc::OperationStats::latency_p99_ns},
      {"latency_p999_ns", &rpc::OperationStats::latency_p999_ns},
      {"latency_max_ns", &rpc::OperationStats::latency_max_ns},
  };
  for (const auto& [name, member] : known) {
    if (name != what) continue;
    stats.*member = value;
    return true;
  }
  constexpr std::string_view histogram = "latency_ns.";
  if (!what.starts_with(histogram)) return false;
  stats.latency_ns.emplace(what.substr(histogram.size()), value);
  return true;
}

rpc::VolumeStats told(const std::string& name, const std::map<std::string, uint64_t>& counters) {
  rpc::VolumeStats volume;
  volume.name = name;
  std::map<std::string, rpc::OperationStats> operations;
  for (const auto& [key, value] : counters) {
    const size_t dot = key.find('.');
    const std::string operation = key.substr(0, dot);
    const bool taken =
        dot != std::string::npos && take(operations[operation], std::string_view(key).substr(dot + 1), value);
    if (!taken) volume.counters.emplace(key, value);
  }
  for (size_t i = 0; i <= static_cast<size_t>(block::last_operation); ++i) {
    const std::string operation(block::name_of(static_cast<block::Operation>(i)));
    const auto found = operations.find(operation);
    if (found == operations.end()) continue;
    found->second.operation = operation;
    volume.operations.push_back(std::move(found->second));
  }
  return volume;
}

std::set<std::string> failed_of(const std::vector<Counted>& volumes) {
  std::set<std::string> failed;
  for (const Counted& each : volumes)
    if (has_failed(*each.store)) failed.insert(each.name);
  return failed;
}

std::vector<rpc::VolumeStats> stats_of(const std::vector<Counted>& volumes) {
  std::vector<rpc::VolumeStats> all;
  all.reserve(volumes.size());
  for (const Counted& each : volumes) {
    std::map<std::string, uint64_t> counters;
    each.store->collect(counters);
    all.push_back(told(each.name, counters));
  }
  return all;
}

}  // namespace

bool has_failed(const block::Store& store) {
  std::map<std::string, uint64_t> counters;
  store.collect(counters);
  return std::ranges::any_of(counters, [](const auto& counter) {
    return counter.first.ends_with(".failed") && counter.second != 0;
  });
}

rpc::MediumStatus Engine::medium_status(const rpc::VolumeDocument& volume) const {
  rpc::MediumStatus status;
  status.path = rpc::medium_of(volume);
  const scsi::Domain::Tray tray = domains_[0] ? domains_[0]->tray_of(volume.name) : scsi::Domain::Tray{};
  status.state = tray.open ? "open" : status.path.empty() ? "empty" : "loaded";
  status.prevented = tray.prevented;
  return status;
}

rpc::VolumeStatus Engine::volume_status(const rpc::VolumeDocument& volume, Registrations registrations,
                                        bool failed) const {
  rpc::VolumeStatus status;
  status.name = volume.name;
  status.block_bytes = volume.block_bytes;
  status.physical_block_bytes = volume.physical_block_bytes;
  status.thin = volume.thin;
  status.read_only = volume.read_only;
  status.write_cache = volume.write_cache;
  status.removable = volume.removable;
  status.encrypted = volume.encrypted;
  status.message = volumes_.key_failure(volume.name);
  status.size_bytes = volume.size_bytes;
  if (volume.identity) status.identity = *volume.identity;
  status.store = volume.store;
  if (rpc::is_cdrom(volume)) status.medium = medium_status(volume);
  status.state = "closing";
  const unit::OpenUnit* unit = volumes_.find(volume.name);
  if (unit == nullptr) return status;
  // As it is, not as it was asked for: a host may have switched the cache, a medium may be read only.
  const unit::Geometry geometry = unit->on_shard[0]->geometry();
  status.size_bytes = geometry.size_bytes;
  status.read_only = geometry.read_only;
  status.write_cache = geometry.write_cache;
  status.device = told(unit->on_shard[0]->passthrough());
  if (const auto remote = volumes_.remote_unit(volume.name)) status.remote = told(*remote);
  // While the engine stops, volumes close after the domains are gone.
  if (domains_[0]) status.reservations = told(domains_[0]->reservations_of(volume.name), registrations);
  status.state = failed ? "failed" : volumes_.resizing(volume.name) ? "resizing" : "online";
  return status;
}

loop::Task<std::vector<rpc::SessionStatus>> Engine::sessions() {
  std::vector<std::vector<iscsi::SessionStatus>> of_shard(shards_.count());
  std::function<void(loop::Loop&)> collect = [&](loop::Loop& loop) {
    if (servers_[loop.index()]) of_shard[loop.index()] = servers_[loop.index()]->sessions();
  };
  auto collecting = loop::on_every_shard(shards_, std::move(collect));
  co_await collecting;
  std::vector<rpc::SessionStatus> all;
  for (const auto& some : of_shard) {
    for (const iscsi::SessionStatus& session : some) all.push_back(told(session));
  }
  auto asking = nvme_sessions();
  std::vector<rpc::SessionStatus> of_nvme = co_await asking;
  std::ranges::move(of_nvme, std::back_inserter(all));
  std::ranges::sort(all, {}, &rpc::SessionStatus::id);
  co_return all;
}

// A controller is a session, its queues are the connections that carry it.
loop::Task<std::vector<rpc::SessionStatus>> Engine::nvme_sessions() {
  std::vector<std::vector<nvme::QueueStatus>> of_shard(shards_.count());
  std::function<void(loop::Loop&)> collect = [&](loop::Loop& loop) {
    if (nvme_domains_[loop.index()]) of_shard[loop.index()] = nvme_domains_[loop.index()]->queues();
  };
  auto collecting = loop::on_every_shard(shards_, std::move(collect));
  co_await collecting;
  const int64_t now = loop::Loop::current().now().nanoseconds;
  std::map<uint16_t, rpc::SessionStatus> by_id;
  for (const auto& some : of_shard) {
    for (const nvme::QueueStatus& queue : some) {
      rpc::SessionStatus& session = by_id[queue.controller->facts.id];
      if (session.id == 0) session = told(*queue.controller, now);
      session.connections += 1;
      session.commands += queue.traffic.commands;
      session.read_bytes += queue.traffic.read_bytes;
      session.written_bytes += queue.traffic.written_bytes;
      session.tasks_in_flight += queue.in_flight;
      for (size_t kind = 0; kind < std::size(nvme::command_kind_names); ++kind) {
        if (const uint64_t count = queue.traffic.of_kind[kind]; count != 0)
          session.commands_by_kind[std::string(nvme::command_kind_names[kind])] += count;
      }
      session.commands_by_kind["failed"] += queue.traffic.failed;
    }
  }
  std::vector<rpc::SessionStatus> all;
  for (auto& [id, session] : by_id) all.push_back(std::move(session));
  co_return all;
}

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

loop::Task<rpc::Stats> Engine::stats() {
  rpc::Stats stats;
  for (uint32_t i = 0; i < shards_.count(); ++i) stats.shards.push_back({i, {}});
  std::function<void(loop::Loop&)> collect = [&](loop::Loop& loop) {
    std::map<std::string, uint64_t>& counters = stats.shards[loop.index()].counters;
    counters["buffer_pieces_in_use"] = loop.buffers().in_use();
    if (nvme_servers_[loop.index()]) {
      const nvmetcp::Server::TlsCounts handshakes = nvme_servers_[loop.index()]->tls_counts();
      counters["tls_handshakes"] = handshakes.established;
      counters["tls_failures"] = handshakes.failed;
    }
    if (options_.shard_counters) options_.shard_counters(loop, counters);
  };
  auto collecting = loop::on_every_shard(shards_, std::move(collect));
  co_await collecting;
  auto asking = sessions();
  stats.sessions = co_await asking;
  for (const rpc::SessionStatus& session : stats.sessions) ++stats.shards[session.shard].counters["sessions"];
  const std::vector<Counted> volumes = counted(volumes_, [](const std::string&) { return true; });
  auto counting = loop::on_worker(loop::Loop::current(), [&volumes] { return stats_of(volumes); });
  stats.volumes = co_await counting;
  co_return stats;
}

}  // namespace ashlar::engine
