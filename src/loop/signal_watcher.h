// Signals as events of a loop, so that a program stops in an orderly way.
#pragma once

#include <functional>
#include <initializer_list>
#include <memory>

#include "base/result.h"

namespace ashlar::loop {

class RealLoop;
class SignalPoll;

/// Life: block() early in main, before any thread starts; then a watcher on one loop.
class SignalWatcher {
 public:
  /// Keeps `signals` from their default action, in this thread and all that it starts.
  static void block(std::initializer_list<int> signals);
  /// Calls `caught(signal)` from the ready list of `loop` for each of `signals` (blocked before) that arrives.
  static Result<std::unique_ptr<SignalWatcher>> open(RealLoop& loop, std::initializer_list<int> signals,
                                                     std::function<void(int)> caught);
  ~SignalWatcher();
  SignalWatcher(const SignalWatcher&) = delete;
  SignalWatcher& operator=(const SignalWatcher&) = delete;

 private:
  explicit SignalWatcher(SignalPoll* poll) : poll_(poll) {}
  SignalPoll* poll_;  // heap-owned: outlives this until its last completion
};

}  // namespace ashlar::loop
