#include "loop/sim_network.h"

#include <cerrno>

#include "loop/sim_loop.h"
#include "loop/sim_stream.h"
#include "loop/sim_world.h"

namespace ashlar::loop {
namespace {

bool is_wildcard(const std::string& address) { return address == "0.0.0.0" || address == "::"; }
bool is_loopback(const std::string& address) { return address.starts_with("127.") || address == "::1"; }

class SimListener final : public Listener {
 public:
  SimListener(SimNetwork& network, uint64_t id, Endpoint local)
      : network_(network), id_(id), local_(std::move(local)) {}
  ~SimListener() override { network_.unlisten(id_); }
  Endpoint local() const override { return local_; }

 private:
  SimNetwork& network_;
  uint64_t id_;
  Endpoint local_;
};

}  // namespace

// A connect in progress: from the first knock until the answer has reached its loop.
struct SimNetwork::Attempt {
  SimLoop* loop = nullptr;
  Endpoint endpoint;
  Instant deadline;
  Connected connected;
  bool answered = false;
};

SimNetwork::SimNetwork(SimWorld& world, uint64_t seed) : world_(world), random_(seed) {}
SimNetwork::~SimNetwork() = default;

Nanoseconds SimNetwork::latency() { return random_.between(settings_.latency_min, settings_.latency_max); }

SimMachine* SimNetwork::machine_of(const Endpoint& endpoint, SimMachine& from) {
  if (endpoint.is_unix() || is_loopback(endpoint.address)) return &from;
  for (const auto& [name, machine] : world_.machines()) {
    for (const std::string& address : machine->addresses) {
      if (address == endpoint.address) return machine.get();
    }
  }
  return nullptr;
}

bool SimNetwork::address_in_use(const SimMachine& machine, const Endpoint& endpoint, bool shared_port) const {
  for (const auto& [id, listener] : listeners_) {
    if (listener.machine != &machine || listener.endpoint.port != endpoint.port) continue;
    if (endpoint.is_unix() != listener.endpoint.is_unix()) continue;
    const bool overlap =
        listener.endpoint.address == endpoint.address ||
        (!endpoint.is_unix() && (is_wildcard(endpoint.address) || is_wildcard(listener.endpoint.address)));
    if (overlap && !(shared_port && listener.shared_port)) return true;
  }
  return false;
}

Result<std::unique_ptr<Listener>> SimNetwork::listen(SimLoop& loop, const Endpoint& endpoint,
                                                     const ListenOptions& options, Acceptor& acceptor) {
  SimProcess& process = loop.process();
  const auto failed = [&](int error) {
    return std::unexpected(error_of_errno(error, endpoint.text(), "listen"));
  };
  if (!process.live()) return failed(ENETDOWN);
  const bool any = endpoint.is_unix() || is_wildcard(endpoint.address);
  if (!any && machine_of(endpoint, process.machine()) != &process.machine()) return failed(EADDRNOTAVAIL);
  Endpoint local = endpoint;
  if (!local.is_unix() && local.port == 0) local.port = next_port_++;
  if (address_in_use(process.machine(), local, options.shared_port)) return failed(EADDRINUSE);
  const uint64_t id = next_id_++;
  listeners_[id] =
      ListenerState{&loop, &process.machine(), local, &acceptor, options.shared_port, options.backlog};
  return std::make_unique<SimListener>(*this, id, local);
}

// Among several listeners of one shared port the choice is by chance, as the kernel's hash is to us.
SimNetwork::ListenerState* SimNetwork::find_listener(const SimMachine& machine, const Endpoint& endpoint,
                                                     uint64_t* id) {
  std::vector<uint64_t> found;
  for (const auto& [each, listener] : listeners_) {
    if (listener.machine != &machine || listener.endpoint.port != endpoint.port) continue;
    if (listener.endpoint.address == endpoint.address ||
        (!endpoint.is_unix() && is_wildcard(listener.endpoint.address))) {
      found.push_back(each);
    }
  }
  if (found.empty()) return nullptr;
  *id = found[random_.below(found.size())];
  return &listeners_.at(*id);
}

std::shared_ptr<SimNetwork::Attempt> SimNetwork::connect(SimLoop& loop, Endpoint endpoint,
                                                         Nanoseconds timeout, Connected connected) {
  auto attempt = std::make_shared<Attempt>();
  attempt->loop = &loop;
  attempt->endpoint = std::move(endpoint);
  attempt->deadline = world_.now() + timeout;
  attempt->connected = std::move(connected);
  world_.at(attempt->deadline, SimEvent::connect, loop.id(), [this, attempt] { refuse(attempt, ETIMEDOUT); });
  world_.after(latency(), SimEvent::connect, loop.id(), [this, attempt] { knock(attempt); });
  return attempt;
}

void SimNetwork::give_up(const std::shared_ptr<Attempt>& attempt) { refuse(attempt, ECANCELED); }

void SimNetwork::refuse(const std::shared_ptr<Attempt>& attempt, int error) {
  if (attempt->answered) return;
  attempt->answered = true;
  attempt->loop->deliver([attempt, error] {
    attempt->connected(std::unexpected(error_of_errno(error, attempt->endpoint.text(), "connect")));
  });
}

void SimNetwork::knock(const std::shared_ptr<Attempt>& attempt) {
  if (attempt->answered) return;
  SimProcess& process = attempt->loop->process();
  if (!process.live()) return refuse(attempt, ENETUNREACH);
  SimMachine* server = machine_of(attempt->endpoint, process.machine());
  if (server == nullptr) return refuse(attempt, EHOSTUNREACH);
  const auto again = [&] {
    world_.after(random_.between(milliseconds(200), seconds(1)), SimEvent::connect, attempt->loop->id(),
                 [this, attempt] { knock(attempt); });
  };
  if (!server->powered || !passes(process.machine(), *server) || !passes(*server, process.machine()) ||
      !passes(attempt->endpoint, true) || !passes(attempt->endpoint, false))
    return again();
  uint64_t id = 0;
  ListenerState* listener = find_listener(*server, attempt->endpoint, &id);
  if (listener == nullptr || random_.chance(settings_.refuse_chance)) return refuse(attempt, ECONNREFUSED);
  if (listener->waiting >= listener->backlog) return again();
  establish(attempt, *server, *listener, id);
}

void SimNetwork::establish(const std::shared_ptr<Attempt>& attempt, SimMachine& server,
                           ListenerState& listener, uint64_t listener_id) {
  attempt->answered = true;
  ++listener.waiting;
  SimProcess& client = attempt->loop->process();
  auto connection = std::make_shared<SimConnection>(*this, next_id_++);
  connections_[connection->id] = connection;
  const bool same = &server == &client.machine();
  const Endpoint near =
      attempt->endpoint.is_unix()
          ? Endpoint{attempt->endpoint.address, 0}
          : Endpoint{same ? attempt->endpoint.address : client.machine().addresses[0], next_port_++};
  SimConnection::End& client_end = connection->ends[0];
  client_end.loop = attempt->loop;
  client_end.machine = &client.machine();
  client_end.local = near;
  client_end.peer = attempt->endpoint;
  SimConnection::End& server_end = connection->ends[1];
  server_end.loop = listener.loop;
  server_end.machine = &server;
  server_end.local = attempt->endpoint;
  server_end.peer = near;
  for (SimConnection::End& end : connection->ends) {
    end.out.window =
        static_cast<uint32_t>(random_.between(settings_.window_min_bytes, settings_.window_max_bytes));
  }
  world_.after(random_.between(Nanoseconds(500), Nanoseconds(50'000)), SimEvent::accept, connection->id,
               [this, connection, listener_id] { accept(connection, listener_id); });
  world_.after(latency(), SimEvent::connect, connection->id, [this, attempt, connection] {
    attempt->loop->deliver([this, attempt, connection] {
      SimLoop& loop = *attempt->loop;
      std::unique_ptr<Stream> stream = std::make_unique<SimStream>(connection, 0);
      if (world_.interpose_stream) stream = world_.interpose_stream(std::move(stream), loop, false);
      attempt->connected(std::move(stream));
    });
  });
}

void SimNetwork::accept(const std::shared_ptr<SimConnection>& connection, uint64_t listener_id) {
  connection->ends[1].loop->deliver([this, connection, listener_id] {
    const auto found = listeners_.find(listener_id);
    if (found == listeners_.end()) {
      connection->ends[1].closed = true;
      connection->fail(0, ECONNRESET, latency());
      return;
    }
    --found->second.waiting;
    std::unique_ptr<Stream> stream = std::make_unique<SimStream>(connection, 1);
    if (world_.interpose_stream)
      stream = world_.interpose_stream(std::move(stream), *connection->ends[1].loop, true);
    found->second.acceptor->accepted(std::move(stream));
  });
}

bool SimNetwork::cut_any() {
  std::vector<std::shared_ptr<SimConnection>> alive;
  for (const auto& [id, connection] : connections_) {
    if (!connection->dead) alive.push_back(connection);
  }
  if (alive.empty()) return false;
  const std::shared_ptr<SimConnection> connection = alive[random_.below(alive.size())];
  const bool half_open = random_.chance(settings_.half_open_chance);
  connection->cut(latency(), half_open ? random_.between(milliseconds(100), seconds(8)) : latency());
  return true;
}

void SimNetwork::cut_all() {
  const auto all = connections_;
  for (const auto& [id, connection] : all) connection->cut(latency(), latency());
}

void SimNetwork::block(const SimMachine& from, const SimMachine& to, bool blocked) {
  if (blocked) {
    blocked_.emplace(from.index, to.index);
  } else {
    blocked_.erase({from.index, to.index});
  }
}

void SimNetwork::block(const Endpoint& server, bool to_server, bool from_server) {
  blocked_places_.erase({server.text(), true});
  blocked_places_.erase({server.text(), false});
  if (to_server) blocked_places_.emplace(server.text(), true);
  if (from_server) blocked_places_.emplace(server.text(), false);
}

void SimNetwork::heal() {
  blocked_.clear();
  blocked_places_.clear();
}

bool SimNetwork::passes(const Endpoint& server, bool to_server) const {
  return blocked_places_.empty() || !blocked_places_.contains({server.text(), to_server});
}

bool SimNetwork::passes(const SimMachine& from, const SimMachine& to) const {
  return &from == &to || !blocked_.contains({from.index, to.index});
}

void SimNetwork::process_died(SimProcess& process, bool tell_peers) {
  std::erase_if(listeners_, [&](const auto& entry) { return &entry.second.loop->process() == &process; });
  const auto all = connections_;
  for (const auto& [id, connection] : all) {
    for (int side = 0; side < 2; ++side) {
      if (&connection->ends[side].loop->process() != &process) continue;
      connection->die();
      connection->fail(side, ECONNRESET, Nanoseconds(0));
      if (tell_peers) connection->fail(1 - side, ECONNRESET, latency());
    }
  }
}

// Who still talks to a machine that lost its power learns from its first retransmission that nobody knows it.
void SimNetwork::machine_returned(SimMachine& machine) {
  const auto all = connections_;
  for (const auto& [id, connection] : all) {
    for (int side = 0; side < 2; ++side) {
      if (connection->dead && connection->ends[side].machine == &machine) {
        connection->fail(1 - side, ECONNRESET, random_.between(milliseconds(1), seconds(3)));
      }
    }
  }
}

}  // namespace ashlar::loop
