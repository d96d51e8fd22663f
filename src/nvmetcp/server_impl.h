// The inside of Server: what the connections of one shard share.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/log.h"
#include "nvmetcp/connection.h"

namespace ashlar::nvmetcp {

using ConnectionList = IntrusiveList<Connection, ConnectionTag>;

struct Server::Impl final : private loop::Ready {
  static constexpr size_t receive_buffer_bytes = 512 * 1024;
  static constexpr size_t chunks_prepared = 16;   // 1 MiB
  static constexpr size_t chunks_maximum = 4096;  // 256 MiB: 64 KiB a connection at the bound of connections

  Impl(loop::Loop& loop, nvme::Domain& domain, Group& group, EventSink events, uint16_t command_count);
  ~Impl();

  loop::Loop& loop;
  nvme::Domain& domain;
  Group& group;
  EventSink events;
  std::vector<uint8_t> receive_buffer;
  loop::ChunkPool chunks;
  CommandPool commands;
  ConnectionList connections;
  uint32_t half_open = 0;
  TlsCounts tls;
  bool stopping = false;
  std::move_only_function<void()> stopped;
  LogLimiter refused_lines{10, 10'000'000'000};

  const nvme::Settings& settings() const { return domain.settings(); }
  Connection* admit(std::unique_ptr<loop::Stream> stream, const nvme::Port& port);
  /// A connection that came to another shard, with what it said there.
  void adopt(std::unique_ptr<loop::LooseStream> stream, const nvme::Port& port, const Agreed& agreed,
             const std::vector<uint8_t>& said);
  /// The connection has ended for good; it dies from the ready list, not under its own feet.
  void bury(Connection& connection);
  void tell(ServerEvent event) {
    if (events) events(std::move(event));
  }

 private:
  void run() override;
  void bury_dead();
  std::vector<Connection*> dead_;  // still on the list, so that whoever walks it goes on
};

}  // namespace ashlar::nvmetcp
