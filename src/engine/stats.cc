// What the engine has counted: the part of Engine behind `stats`.
#include <map>

#include "engine/counted_volumes.h"
#include "engine/engine.h"
#include "loop/on_worker.h"

namespace ashlar::engine {
namespace {

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
