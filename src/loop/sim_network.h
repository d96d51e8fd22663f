// The simulated network: listeners by machine and port, connections with latency, windows, short calls, cuts and partitions.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "loop/sim_random.h"
#include "loop/stream.h"
#include "loop/time.h"

namespace ashlar::loop {

class SimLoop;
class SimProcess;
class SimWorld;
struct SimConnection;
struct SimMachine;

/// Order is kept within a connection, never between connections. Nothing is duplicated or corrupted: TCP would not.
class SimNetwork {
 public:
  struct Settings {
    Nanoseconds latency_min = microseconds(10);
    Nanoseconds latency_max = microseconds(150);
    double slow_chance = 0.01;  ///< a piece is delayed by up to slow_max more (loss and retransmission)
    Nanoseconds slow_max = milliseconds(30);
    uint64_t bytes_per_second = 1'250'000'000;
    uint32_t window_min_bytes = 16 * 1024;  ///< drawn for each direction of each connection
    uint32_t window_max_bytes = 1024 * 1024;
    double short_receive = 0.05;    ///< a receive gives less than is there
    double short_send = 0.05;       ///< a send takes less than there is room for
    double split_chance = 0.2;      ///< a sent piece arrives in several
    double cut_chance = 0;          ///< a piece that arrives cuts its connection instead
    double half_open_chance = 0.2;  ///< of cuts: one end hears of it only seconds later
    double refuse_chance = 0;       ///< a connect is refused although somebody listens
    Nanoseconds give_up =
        seconds(20);  ///< a direction that could not deliver for so long resets its connection
  };

  SimNetwork(SimWorld& world, uint64_t seed);
  ~SimNetwork();
  Settings& settings() { return settings_; }
  SimRandom& random() { return random_; }
  SimWorld& world() { return world_; }

  size_t connections() const { return connections_.size(); }
  /// Cuts one connection chosen by chance; false if there is none.
  bool cut_any();
  void cut_all();
  /// Nothing passes from `from` to `to` while blocked (one direction). Connections stall; past give_up they are reset.
  void block(const SimMachine& from, const SimMachine& to, bool blocked);
  /// The same for the connections to one place of a server, whoever has them: a cable, or a port of a switch.
  void block(const Endpoint& server, bool to_server, bool from_server);
  void heal();

  // For loops, streams and the world.
  using Connected = std::move_only_function<void(Result<std::unique_ptr<Stream>>)>;
  Result<std::unique_ptr<Listener>> listen(SimLoop& loop, const Endpoint& endpoint,
                                           const ListenOptions& options, Acceptor& acceptor);
  struct Attempt;
  /// `connected` runs in a turn of `loop`, once.
  std::shared_ptr<Attempt> connect(SimLoop& loop, Endpoint endpoint, Nanoseconds timeout,
                                   Connected connected);
  /// Ends an attempt that has had no answer yet.
  void give_up(const std::shared_ptr<Attempt>& attempt);
  void unlisten(uint64_t id) { listeners_.erase(id); }
  void forget(uint64_t connection) { connections_.erase(connection); }
  bool passes(const SimMachine& from, const SimMachine& to) const;
  bool passes(const Endpoint& server, bool to_server) const;
  Nanoseconds latency();
  void process_died(SimProcess& process, bool tell_peers);
  void machine_returned(SimMachine& machine);

 private:
  struct ListenerState {
    SimLoop* loop;
    SimMachine* machine;
    Endpoint endpoint;
    Acceptor* acceptor;
    bool shared_port;
    int backlog;
    int waiting = 0;
  };
  SimMachine* machine_of(const Endpoint& endpoint, SimMachine& from);
  bool address_in_use(const SimMachine& machine, const Endpoint& endpoint, bool shared_port) const;
  ListenerState* find_listener(const SimMachine& machine, const Endpoint& endpoint, uint64_t* id);
  void knock(const std::shared_ptr<Attempt>& attempt);
  void establish(const std::shared_ptr<Attempt>& attempt, SimMachine& server, ListenerState& listener,
                 uint64_t listener_id);
  void accept(const std::shared_ptr<SimConnection>& connection, uint64_t listener_id);
  void refuse(const std::shared_ptr<Attempt>& attempt, int error);

  SimWorld& world_;
  SimRandom random_;
  Settings settings_;
  std::map<uint64_t, ListenerState> listeners_;
  std::map<uint64_t, std::shared_ptr<SimConnection>> connections_;
  std::set<std::pair<uint32_t, uint32_t>> blocked_;        // machine indexes: from, to
  std::set<std::pair<std::string, bool>> blocked_places_;  // to the server, or from it
  uint64_t next_id_ = 1;
  uint16_t next_port_ = 40'000;
};

}  // namespace ashlar::loop
