// Deadlines of one shard: an intrusive binary heap. Arming and cancelling are O(log n) and never allocate past the bound.
#pragma once

#include <vector>

#include "loop/time.h"

namespace ashlar::loop {

/// A deadline of the caller's. Must be cancelled (or have expired) before it dies. expired() runs on the loop's thread,
/// in the timer phase of a turn; the timer may be armed again inside it.
class Timer {
 public:
  Timer() = default;
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;
  virtual void expired() = 0;
  bool armed() const { return position_ != not_armed; }
  Instant deadline() const { return deadline_; }

 protected:
  ~Timer();

 private:
  friend class TimerHeap;
  static constexpr size_t not_armed = SIZE_MAX;
  size_t position_ = not_armed;
  Instant deadline_;
  uint64_t order_ = 0;  // ties expire in the order of arming, so that a simulation replays
};

class TimerHeap {
 public:
  void arm(Timer& timer, Instant deadline);  ///< moves it if already armed
  void cancel(Timer& timer);                 ///< no-op when not armed
  Instant next() const { return heap_.empty() ? Instant::never() : heap_[0]->deadline_; }
  /// Runs expired() of all timers due at `now` that were armed before this call; returns how many. One armed inside it is
  /// due one nanosecond after `now` at the soonest.
  size_t expire(Instant now);
  size_t size() const { return heap_.size(); }

 private:
  bool before(const Timer& a, const Timer& b) const;
  void place(size_t position, Timer* timer);
  void sift_up(size_t position);
  void sift_down(size_t position);
  std::vector<Timer*> heap_;
  uint64_t order_ = 0;
  Instant earliest_{INT64_MIN};  // inside expire(): the next instant
};

}  // namespace ashlar::loop
