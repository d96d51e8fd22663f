// The listeners of all portals on all shards. A connection is served by the shard whose listener accepted it.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "iscsi/server.h"
#include "loop/loop.h"
#include "nvmetcp/server.h"

namespace ashlar::engine {

/// A portal and what is spoken there. What iSCSI does not need of it is not looked at by NVMe/TCP.
struct ServedPortal {
  iscsi::Portal portal;
  bool nvme_tcp = false;
  nvme::PortTls tls = nvme::PortTls::off;
};
nvme::Port port_of(const ServedPortal& served);

/// Calls on shard 0; the listeners themselves live on their shards. With one shard the port is its alone; with more, each has
/// a listener on it and the kernel spreads the connections.
class Portals {
 public:
  Portals(loop::Shards& shards, const iscsi::Server::Group& servers,
          const nvmetcp::Server::Group& nvme_servers);
  ~Portals();  ///< all closed

  /// Listens on every shard, or on none. busy names the port of the portal at `place` ("portals[1]"), which another process has;
  /// invalid_argument its address, which no interface here has.
  loop::Task<Result<void>> open(ServedPortal portal, std::string place);
  loop::Task<void> close(loop::Endpoint endpoint);
  loop::Task<void> close_all();
  /// Names, group tags and the like as they are from now on, for endpoints that go on listening.
  loop::Task<void> rename(std::vector<ServedPortal> portals);

  bool listening(const loop::Endpoint& endpoint) const { return open_.contains(endpoint.text()); }
  uint64_t accepted(const loop::Endpoint& endpoint) const;

 private:
  class Entrance;
  struct Counter {
    std::atomic<uint64_t> accepted = 0;
  };
  using Entrances = std::map<std::string, std::unique_ptr<Entrance>>;

  Result<void> is_free(const iscsi::Portal& portal);
  loop::Shards& shards_;
  const iscsi::Server::Group& servers_;
  const nvmetcp::Server::Group& nvme_servers_;
  std::map<std::string, std::shared_ptr<Counter>> open_;  // by endpoint
  std::vector<Entrances> on_shard_;                       // entry i on shard i only
};

}  // namespace ashlar::engine
