// What the engine tells about sessions, of both protocols: the part of Engine behind `sessions`.
#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "engine/engine.h"
#include "rpc/proof_words.h"

namespace ashlar::engine {
namespace {

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

}  // namespace

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
  all.reserve(by_id.size());
  for (auto& [id, session] : by_id) all.push_back(std::move(session));
  co_return all;
}

}  // namespace ashlar::engine
