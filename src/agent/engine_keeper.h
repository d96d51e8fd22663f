// Keeps the engine what the configuration wants it to be: gives it all again whenever it comes back, and passes its events on.
#pragma once

#include <atomic>
#include <thread>

#include "agent/array.h"
#include "agent/event_bus.h"

namespace ashlar::agent {

/// A thread of its own from start() to stop().
class EngineKeeper {
 public:
  EngineKeeper(Array& array, EngineLink& engine, EventBus& events)
      : array_(array), engine_(engine), events_(events) {}
  ~EngineKeeper() { stop(); }
  void start();
  void stop();

 private:
  void run();
  void pass_on(const rpc::Event& event);

  Array& array_;
  EngineLink& engine_;
  EventBus& events_;
  std::string started_;  ///< RFC 3339: what happened before it was told by an earlier life of the agent
  std::atomic<bool> stopping_ = false;
  std::thread thread_;
};

}  // namespace ashlar::agent
