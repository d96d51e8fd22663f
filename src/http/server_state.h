// What all connections of one server share, and the list of them that stop() goes by.
#pragma once

#include "http/boost_setup.h"

#include <boost/asio/io_context.hpp>

#include <condition_variable>
#include <cstddef>
#include <memory>
#include <mutex>
#include <set>

#include "http/message.h"
#include "http/server.h"
#include "http/worker_pool.h"

namespace ashlar::http {

/// Something that has to end before the server has: a connection, whatever it is doing. On the I/O thread.
class Live {
 public:
  virtual ~Live() = default;
  /// The server stops: end now if nobody is being answered, else as soon as that is done.
  virtual void wind_down() = 0;
};

/// A seat among a listener's connections; free again when the last copy dies.
using Seat = std::shared_ptr<void>;

class ServerState {
 public:
  ServerState(ServerOptions its_options, Handler its_handler);

  /// The handler's answer, or a 500 if it throws. On a worker.
  Response answer(Request request) const;

  /// On the I/O thread.
  void enter(Live& live);
  void leave(Live& live);
  /// On the I/O thread: nobody enters after this.
  void wind_down_all();
  /// Not on the I/O thread: until all have left.
  void wait_for_all();

  const ServerOptions options;
  const Handler handler;

 private:
  std::set<Live*> live_;  // I/O thread only
  std::mutex mutex_;
  std::condition_variable changed_;
  size_t count_ = 0;  // of live_, for others

 public:
  // After what the connections use as they die: this holds the last of them.
  asio::io_context io{1};
  WorkerPool workers;
  bool stopping = false;  ///< I/O thread only
};

/// How many come in above most_connections to be told 503; past these a connection is closed without a word.
constexpr size_t most_turned_away = 64;

}  // namespace ashlar::http
