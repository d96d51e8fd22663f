// The inside of Server: what the connections of one shard share.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/log.h"
#include "loop/connection_keeper.h"
#include "nvmetcp/connection.h"

namespace ashlar::nvmetcp {

struct Server::Impl final : loop::ConnectionKeeper<Connection, ConnectionTag> {
  static constexpr size_t receive_buffer_bytes = 512 * 1024;
  static constexpr size_t chunks_prepared = 16;   // 1 MiB
  static constexpr size_t chunks_maximum = 4096;  // 256 MiB: 64 KiB a connection at the bound of connections

  Impl(loop::Loop& loop, nvme::Domain& domain, Group& group, EventSink events, uint16_t command_count);
  ~Impl();

  nvme::Domain& domain;
  Group& group;
  EventSink events;
  std::vector<uint8_t> receive_buffer;
  loop::ChunkPool chunks;
  CommandPool commands;
  TlsCounts tls;

  const nvme::Settings& settings() const { return domain.settings(); }
  /// Null: it is refused.
  Connection* admit(std::unique_ptr<loop::Stream> stream, const nvme::Port& port);
  /// A connection that came to another shard, with what it said there.
  void adopt(std::unique_ptr<loop::LooseStream> stream, const nvme::Port& port, const Agreed& agreed,
             const std::vector<uint8_t>& said);
  void tell(ServerEvent event) {
    if (events) events(std::move(event));
  }
};

}  // namespace ashlar::nvmetcp
