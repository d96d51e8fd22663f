// NVMe/TCP of one shard: accepts connections, initializes them, and carries the queues of controllers.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "loop/loop.h"
#include "nvme/domain.h"

namespace ashlar::nvmetcp {

/// Something worth an event to people.
struct ServerEvent {
  std::string kind;  ///< "session.login", "login.refused", "session.dropped", "protocol.error"
  std::string target, initiator, peer, detail;
};

/// One per shard. Made by the engine; all calls on its shard. Servers of all shards find each other through `group`: a queue may
/// belong to another shard than the one that accepted its connection.
class Server {
 public:
  static constexpr uint16_t usual_commands = 4096;
  using Group = std::vector<std::unique_ptr<Server>>;
  using EventSink = std::function<void(ServerEvent)>;
  /// `commands` at once, made here; what hosts send beyond them waits on its connection.
  Server(loop::Loop& loop, nvme::Domain& domain, Group& group, EventSink events,
         uint16_t commands = usual_commands);
  ~Server();  ///< stop() must have finished

  /// A connection that a listener of `port` accepted.
  void serve(std::unique_ptr<loop::Stream> stream, const nvme::Port& port);
  /// Refuses new connections, answers what is in flight (bounded by `grace`), closes, and calls `stopped` once.
  void stop(loop::Nanoseconds grace, std::move_only_function<void()> stopped);
  size_t connections() const;
  /// Handshakes so far.
  struct TlsCounts {
    uint64_t established = 0, failed = 0;
  };
  TlsCounts tls_counts() const;

  struct Impl;
  Impl& impl() { return *impl_; }

 private:
  std::unique_ptr<Impl> impl_;
};

}  // namespace ashlar::nvmetcp
