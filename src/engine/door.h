// The engine's door: JSON-RPC on a unix socket (rpc/messages.h, docs/rpc.md), a few clients at a time.
#pragma once

#include <functional>
#include <memory>
#include <set>
#include <string>

#include "engine/engine.h"
#include "loop/loop.h"
#include "rpc/messages.h"

namespace ashlar::engine {

struct DoorOptions {
  std::string path;          ///< of the socket; made with mode 0600
  size_t most_clients = 64;  ///< the next one is told so and closed
  /// `stop` was asked for; the answer has been sent already. May be empty: then it is refused.
  std::function<void(loop::Nanoseconds grace)> stop_asked;
};

/// On shard 0. Requests of one client are answered in their order, one at a time; clients do not wait for each other.
class Door final : private loop::Acceptor {
 public:
  Door(Engine& engine, DoorOptions options);
  ~Door();  ///< close() has finished, or open() never succeeded

  Result<void> open();
  /// Lets no one in, closes all clients, and waits for requests that are being worked on.
  loop::Task<void> close();
  size_t clients() const { return clients_.size(); }

 private:
  class Client;
  using Answer = loop::Task<Result<rpc::Json>>;

  void accepted(std::unique_ptr<loop::Stream> stream) override;
  loop::Task<void> serve(std::shared_ptr<Client> client);
  loop::Task<void> handle(Client& client, std::string line);
  static loop::Task<std::expected<rpc::Request, rpc::BadRequest>> parse(std::string line);
  Answer answer(rpc::Request request);
  Answer act(rpc::Request request);
  Answer apply(rpc::Request request);
  Answer amend(rpc::Request request);
  Result<rpc::Json> begin_events(Client& client, const rpc::Request& request);

  Engine& engine_;
  DoorOptions options_;
  std::unique_ptr<loop::Listener> listener_;
  std::set<std::shared_ptr<Client>> clients_;
  loop::Event empty_;
  bool closing_ = false;
};

}  // namespace ashlar::engine
