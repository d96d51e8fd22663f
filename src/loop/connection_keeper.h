// The connections that a server has on one shard, whatever the protocol: which are let in, how those that ended die, and how all of
// them end in time.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/check.h"
#include "base/intrusive_list.h"
#include "base/log.h"
#include "loop/loop.h"
#include "loop/source_table.h"
#include "loop/task.h"

namespace ashlar::loop {

/// How many connections a server has on one shard.
struct ConnectionBounds {
  uint32_t all = 0;
  uint32_t half_open = 0;                ///< that have not said yet who they are, or have not proved it
  uint32_t half_open_of_one_source = 0;  ///< SourceTable::source_of its address
};

/// Made with the server, before any connection; all calls on its shard. A `Connection` is a ListNode<Tag>, made with new. It has
/// half_open(), source(), close(kind, reason) and drain(). The latter two end it at once or when its work is done, and do not
/// destroy it: when it has ended for good it calls bury(). It calls login_began() when it is made, and login_over() when it is
/// half-open no more.
template <typename Connection, typename Tag>
class ConnectionKeeper : private Ready {
 public:
  /// `component`: who speaks in log lines; a literal.
  ConnectionKeeper(Loop& loop_, std::string_view component) : loop(loop_), component_(component) {}
  ConnectionKeeper(const ConnectionKeeper&) = delete;
  ConnectionKeeper& operator=(const ConnectionKeeper&) = delete;

  /// True: there is room for one more, at the cost of a half-open one perhaps.
  bool lets_in(const Endpoint& peer, const ConnectionBounds& bounds);
  /// The source of the connection, to be kept by it.
  [[nodiscard]] std::string login_began(const Endpoint& peer) {
    std::string source = SourceTable::source_of(peer.address);
    ++half_open;
    sources.login_began(source);
    return source;
  }
  void login_over(const std::string& source) {
    --half_open;
    sources.login_over(source);
  }
  /// The connection has ended for good; it dies from the ready list, not under its own feet.
  void bury(Connection& connection) {
    if (dead_.empty()) loop.post(*this);
    dead_.push_back(&connection);
  }
  /// Lets nothing in any more. Connections have `patience` to end by themselves, are drained then, and closed by force when
  /// `grace` (from now on) is over. `stopped` is called once, when none is left; at once, if none is there.
  void stop(Nanoseconds patience, Nanoseconds grace, std::move_only_function<void()> stopped);

  Loop& loop;
  IntrusiveList<Connection, Tag> connections;  ///< oldest first
  SourceTable sources;
  uint32_t half_open = 0;
  bool stopping = false;

 protected:
  ~ConnectionKeeper() { CHECK(connections.empty() && dead_.empty(), "end_keeping() was not called"); }
  /// First thing in the server's destructor: what has ended dies while the server is still whole. Nothing else may be left.
  void end_keeping() {
    loop.withdraw(*this);
    bury_dead();
    CHECK(connections.empty(), "server destroyed with {} connections", connections.size());
  }
  /// Connections that ended have died.
  virtual void some_died() {}

 private:
  void run() override {
    bury_dead();
    some_died();
    if (stopping && connections.empty() && stopped_) std::exchange(stopped_, nullptr)();
  }
  void bury_dead() {
    for (Connection* connection : std::exchange(dead_, {})) {
      connections.remove(*connection);
      delete connection;
    }
  }
  void make_room(const std::string& source, const ConnectionBounds& bounds);
  static Task<void> wait_until(Instant deadline, std::shared_ptr<bool> alive);
  static Task<void> end_all(ConnectionKeeper& keeper, Nanoseconds patience, Nanoseconds grace,
                            std::shared_ptr<bool> alive);

  const std::string_view component_;
  std::vector<Connection*> dead_;  // still on the list, so that whoever walks it goes on
  std::move_only_function<void()> stopped_;
  LogLimiter refused_lines_{10, 10'000'000'000};
};

template <typename Connection, typename Tag>
bool ConnectionKeeper<Connection, Tag>::lets_in(const Endpoint& peer, const ConnectionBounds& bounds) {
  if (stopping) return false;
  if (connections.size() >= bounds.all) {
    if (refused_lines_.allow(static_cast<uint64_t>(loop.now().nanoseconds))) {
      log_warning(component_, "connection refused: {} connections are open peer={} suppressed={}",
                  connections.size(), peer.text(), refused_lines_.suppressed());
    }
    return false;
  }
  make_room(SourceTable::source_of(peer.address), bounds);
  return true;
}

// A flood of half-open connections must not keep honest hosts out: the oldest of the source that has the most makes room. Of
// several such sources it is the oldest of all, so that a flood from everywhere leaves each the same time.
template <typename Connection, typename Tag>
void ConnectionKeeper<Connection, Tag>::make_room(const std::string& source, const ConnectionBounds& bounds) {
  const bool too_many_of_it = sources.half_open(source) >= bounds.half_open_of_one_source;
  if (!too_many_of_it && half_open < bounds.half_open) return;
  const uint32_t most = too_many_of_it ? 0 : sources.most_half_open();
  for (Connection& connection : connections) {
    if (!connection.half_open()) continue;
    const bool loses =
        too_many_of_it ? connection.source() == source : sources.half_open(connection.source()) == most;
    if (!loses) continue;
    return connection.close(
        "login.refused",
        too_many_of_it
            ? "too many connections of its address wait for their login, this is the oldest"
            : "too many connections wait for their login, this is the oldest of the address that has the most");
  }
}

template <typename Connection, typename Tag>
void ConnectionKeeper<Connection, Tag>::stop(Nanoseconds patience, Nanoseconds grace,
                                             std::move_only_function<void()> stopped) {
  stopping = true;
  if (connections.empty()) return stopped();
  auto alive = std::make_shared<bool>(true);
  stopped_ = [alive, stopped = std::move(stopped)]() mutable {
    *alive = false;
    stopped();
  };
  end_all(*this, patience, grace, alive).detach();
}

template <typename Connection, typename Tag>
Task<void> ConnectionKeeper<Connection, Tag>::wait_until(Instant deadline, std::shared_ptr<bool> alive) {
  while (*alive && Loop::current().now() < deadline) co_await sleep_for(milliseconds(20));
}

// Owns itself. The keeper may be gone as soon as `alive` is false.
template <typename Connection, typename Tag>
Task<void> ConnectionKeeper<Connection, Tag>::end_all(ConnectionKeeper& keeper, Nanoseconds patience,
                                                      Nanoseconds grace, std::shared_ptr<bool> alive) {
  const Instant begin = keeper.loop.now();
  if (patience > Nanoseconds{}) {
    auto logging_out = wait_until(begin + patience, alive);
    co_await logging_out;
    if (!*alive) co_return;
  }
  for (Connection& connection : keeper.connections) connection.drain();
  auto draining = wait_until(begin + grace, alive);
  co_await draining;
  if (!*alive) co_return;
  for (Connection& connection : keeper.connections)
    connection.close("session.dropped", "the engine stops and the grace is over");
}

}  // namespace ashlar::loop
