// Steps of a story that wait: for the data of a host, and for a request. For the handlers of every protocol.
#pragma once

#include <coroutine>

#include "unit/logical_unit.h"

namespace ashlar::unit {

/// Awaits the host's data in the command's buffer. False: interrupted, give back what is held and call end().
/// `Handling` has fetch_for(story), which resumes it once from the ready list, and interrupted().
template <typename Handling>
class DataOut {
 public:
  explicit DataOut(Handling handling) : handling_(handling) {}
  bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> story) const { handling_.fetch_for(story); }
  bool await_resume() const noexcept { return !handling_.interrupted(); }

 private:
  Handling handling_;
};

/// Awaits the request that was filled in; gives its status. `Sender` has unit_command() and submit().
template <typename Sender>
class Work {
 public:
  explicit Work(Sender sender) : sender_(sender) {}
  bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> story) {
    story_ = story;
    block::Request& request = sender_.unit_command().request;
    request.owner = this;
    request.done = [](block::Request& done) { static_cast<Work*>(done.owner)->story_.resume(); };
    sender_.submit();
  }
  block::Status await_resume() const noexcept { return sender_.unit_command().request.status; }

 private:
  Sender sender_;
  std::coroutine_handle<> story_;
};

/// Who works on a unit for no command of a host, or outlives it.
struct DirectSender {
  LogicalUnit& unit;
  Command& command;

  Command& unit_command() const { return command; }
  void submit() const { unit.submit(command); }
};
using DirectWork = Work<DirectSender>;

}  // namespace ashlar::unit
