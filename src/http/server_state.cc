#include "http/server_state.h"

#include <exception>
#include <utility>
#include <vector>

#include "base/log.h"
#include "http/refusal.h"

namespace ashlar::http {

ServerState::ServerState(ServerOptions its_options, Handler its_handler)
    : options(std::move(its_options)),
      handler(std::move(its_handler)),
      // Two listeners, and at most two jobs a connection: its message and its end.
      workers(options.workers, 4 * (options.most_connections + most_turned_away)) {}

Response ServerState::answer(Request request) const {
  const std::string what = request.method + " " + request.path;
  try {
    return handler(std::move(request));
  } catch (const std::exception& cause) {
    log_error("http", "{} failed: {}", what, cause.what());
  } catch (...) {
    log_error("http", "{} failed for a reason without words", what);
  }
  return refusal(500, "io_error", "the request failed inside the server; its log says why");
}

void ServerState::enter(Live& live) {
  live_.insert(&live);
  const std::scoped_lock lock(mutex_);
  count_ = live_.size();
}

void ServerState::leave(Live& live) {
  live_.erase(&live);
  const std::scoped_lock lock(mutex_);
  count_ = live_.size();
  if (count_ == 0) changed_.notify_all();
}

void ServerState::wind_down_all() {
  stopping = true;
  const std::vector<Live*> all(live_.begin(), live_.end());
  for (Live* each : all) {
    if (live_.contains(each)) each->wind_down();
  }
}

void ServerState::wait_for_all() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return count_ == 0; });
}

}  // namespace ashlar::http
