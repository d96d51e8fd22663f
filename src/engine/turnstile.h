// One at a time, in order of arrival, with a bound on the queue: changes of the engine pass here.
#pragma once

#include <cstddef>
#include <deque>

#include "base/result.h"
#include "loop/task.h"

namespace ashlar::engine {

/// Shard 0 only. enter() and leave() in pairs; Pass does the second half.
class Turnstile {
 public:
  explicit Turnstile(size_t most_waiting) : most_waiting_(most_waiting) {}

  /// Waits for its turn; exhausted when too many wait already. `always` passes the bound (for stopping).
  loop::Task<Result<void>> enter(bool always = false) {
    if (!taken_) {
      taken_ = true;
      co_return Result<void>{};
    }
    if (!always && waiting_.size() >= most_waiting_) {
      co_return fail(ErrorCode::exhausted, "", "{} changes wait already; try again when they are done",
                     waiting_.size());
    }
    loop::Event my_turn;
    waiting_.push_back(&my_turn);
    co_await my_turn;
    co_return Result<void>{};
  }
  void leave() {
    if (waiting_.empty()) {
      taken_ = false;
      return;
    }
    loop::Event* next = waiting_.front();  // it stays taken: the turn is handed on
    waiting_.pop_front();
    next->set();
  }

  class Pass {
   public:
    explicit Pass(Turnstile& turnstile) : turnstile_(turnstile) {}
    ~Pass() { turnstile_.leave(); }
    Pass(const Pass&) = delete;
    Pass& operator=(const Pass&) = delete;

   private:
    Turnstile& turnstile_;
  };

 private:
  size_t most_waiting_;
  bool taken_ = false;
  std::deque<loop::Event*> waiting_;
};

}  // namespace ashlar::engine
