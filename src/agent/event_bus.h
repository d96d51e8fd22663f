// What happens, told to everybody who listens: kept in the database, numbered, so that a listener can go on where it left off.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "api/words.h"
#include "state/database.h"

namespace ashlar::agent {

/// Any thread. Listeners are called under the bus's lock, in order: they must not block or call back.
class EventBus {
 public:
  /// False: the listener is gone and is not called again. A row with id 0 is a sign of life, every 15 s.
  using Listener = std::function<bool(const state::EventRow&)>;

  EventBus(state::Database& database, std::function<std::string()> now)
      : database_(database), now_(std::move(now)) {}

  void tell(std::string topic, std::string action, std::string name, std::string actor,
            api::Json data = api::Json::object());
  /// Those after `after` first, then each as it comes; UINT64_MAX: only what comes.
  void listen(uint64_t after, Listener listener);
  /// Lets listeners that are gone be forgotten.
  void tick();
  size_t listeners() const;

 private:
  state::Database& database_;
  std::function<std::string()> now_;
  mutable std::mutex mutex_;
  std::vector<Listener> listeners_;
};

api::Json event_json(const state::EventRow& event);

}  // namespace ashlar::agent
