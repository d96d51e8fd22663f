#include "cli/tables.h"

#include <fmt/format.h>

#include <set>

#include "json/sizes.h"

namespace ashlar::cli {
namespace {

std::string yes_no(bool value) { return value ? "yes" : "no"; }
std::string number(uint64_t value) { return fmt::format("{}", value); }

std::string place_of(const rpc::StoreDocument& store) {
  const auto path = store.options.find("path");
  return path == store.options.end() ? store.kind : fmt::format("{}:{}", store.kind, path->second);
}

}  // namespace

Table table_of(const std::vector<rpc::VolumeStatus>& volumes) {
  Table table({{"NAME"},
               {"STATE"},
               {"SIZE", true},
               {"BLOCK", true},
               {"PROVISIONING"},
               {"ACCESS"},
               {"SESSIONS", true},
               {"SERIAL"},
               {"NAA", false, true},
               {"CACHE", false, true},
               {"ENCRYPTED", false, true},
               {"STORE", false, true}});
  for (const rpc::VolumeStatus& volume : volumes) {
    table.add({volume.name, volume.state, volume.device ? "" : json::print_size_rounded(volume.size_bytes),
               volume.device ? "" : number(volume.block_bytes),
               volume.device ? volume.device->type
               : volume.thin ? "thin"
                             : "thick",
               volume.read_only ? "read-only" : "read-write", number(volume.sessions), volume.identity.serial,
               volume.identity.naa, volume.write_cache ? "write-back" : "write-through",
               volume.encrypted ? "yes" : "no", place_of(volume.store)});
  }
  return table;
}

Table table_of(const std::vector<rpc::SessionStatus>& sessions) {
  Table table({{"ID"},
               {"HOST"},
               {"INITIATOR"},
               {"TARGET"},
               {"PEER"},
               {"AGE", true},
               {"COMMANDS", true},
               {"READ", true},
               {"WRITTEN", true},
               {"LOCAL", false, true},
               {"AUTHENTICATION", false, true},
               {"DIGESTS", false, true},
               {"IN FLIGHT", true, true},
               {"SHARD", true, true}});
  for (const rpc::SessionStatus& session : sessions) {
    const std::string digests = session.header_digest && session.data_digest ? "both"
                                : session.header_digest                      ? "header"
                                : session.data_digest                        ? "data"
                                                                             : "none";
    table.add({number(session.id), session.host, session.initiator,
               session.target.empty() ? "(discovery)" : session.target, session.peer_address,
               print_duration(static_cast<uint64_t>(session.age_seconds)), number(session.commands),
               json::print_size_rounded(session.read_bytes), json::print_size_rounded(session.written_bytes),
               session.local_address, session.authentication, digests, number(session.tasks_in_flight),
               number(session.shard)});
  }
  return table;
}

Table table_of(const std::vector<rpc::TargetStatus>& targets) {
  Table table({{"NAME"}, {"PORTALS"}, {"SESSIONS", true}, {"ALIAS", false, true}});
  for (const rpc::TargetStatus& target : targets) {
    table.add({target.name, fmt::format("{}", fmt::join(target.portals, ",")), number(target.sessions),
               target.alias});
  }
  return table;
}

Table table_of(const std::vector<rpc::HostStatus>& hosts) {
  Table table({{"NAME"}, {"INITIATORS"}, {"AUTHENTICATION"}, {"SESSIONS", true}});
  for (const rpc::HostStatus& host : hosts) {
    std::string initiators = fmt::format("{}", fmt::join(host.initiators, ","));
    if (host.any) initiators += initiators.empty() ? "(any)" : ",(any)";
    table.add({host.name, initiators, host.authentication, number(host.sessions)});
  }
  return table;
}

Table table_of(const std::vector<rpc::PortalStatus>& portals) {
  Table table(
      {{"NAME"}, {"ADDRESS"}, {"PORT", true}, {"GROUP", true}, {"LISTENING"}, {"ACCEPTED", true, true}});
  for (const rpc::PortalStatus& portal : portals) {
    table.add({portal.name, portal.address, number(portal.port), number(portal.group_tag),
               yes_no(portal.listening), number(portal.connections_accepted)});
  }
  return table;
}

Table table_of(const std::vector<rpc::VolumeStats>& volumes) {
  Table table({{"VOLUME"},
               {"OPERATION"},
               {"COUNT", true},
               {"BYTES", true},
               {"IN FLIGHT", true},
               {"ERRORS", true},
               {"P50", true},
               {"P99", true},
               {"P99.9", true},
               {"MAX", true}});
  for (const rpc::VolumeStats& volume : volumes) {
    for (const rpc::OperationStats& each : volume.operations) {
      if (each.count == 0 && each.in_flight == 0) continue;
      table.add({volume.name, each.operation, number(each.count), json::print_size_rounded(each.bytes),
                 number(each.in_flight), number(each.errors), print_latency(each.latency_p50_ns),
                 print_latency(each.latency_p99_ns), print_latency(each.latency_p999_ns),
                 print_latency(each.latency_max_ns)});
    }
  }
  return table;
}

Table table_of(const std::vector<rpc::ShardStats>& shards) {
  std::set<std::string> names;
  for (const rpc::ShardStats& shard : shards) {
    for (const auto& [name, value] : shard.counters) names.insert(name);
  }
  std::vector<Table::Column> columns = {{"SHARD", true}};
  for (const std::string& name : names) columns.push_back({name, true});
  Table table(std::move(columns));
  for (const rpc::ShardStats& shard : shards) {
    std::vector<std::string> cells = {number(shard.index)};
    for (const std::string& name : names)
      cells.push_back(shard.counters.contains(name) ? number(shard.counters.at(name)) : "");
    table.add(std::move(cells));
  }
  return table;
}

Table table_of(const std::vector<rpc::StepReport>& steps) {
  Table table({{"STEP"}, {"NAME"}, {"DETAIL"}});
  for (const rpc::StepReport& step : steps) table.add({step.kind, step.name, step.detail});
  return table;
}

}  // namespace ashlar::cli
