#include "loop/timer.h"

#include <algorithm>

#include "base/check.h"

namespace ashlar::loop {

Timer::~Timer() { CHECK(!armed(), "timer destroyed while armed"); }

bool TimerHeap::before(const Timer& a, const Timer& b) const {
  return a.deadline_ != b.deadline_ ? a.deadline_ < b.deadline_ : a.order_ < b.order_;
}

void TimerHeap::place(size_t position, Timer* timer) {
  heap_[position] = timer;
  timer->position_ = position;
}

void TimerHeap::sift_up(size_t position) {
  Timer* timer = heap_[position];
  while (position > 0) {
    const size_t parent = (position - 1) / 2;
    if (!before(*timer, *heap_[parent])) break;
    place(position, heap_[parent]);
    position = parent;
  }
  place(position, timer);
}

void TimerHeap::sift_down(size_t position) {
  Timer* timer = heap_[position];
  for (;;) {
    size_t child = 2 * position + 1;
    if (child >= heap_.size()) break;
    if (child + 1 < heap_.size() && before(*heap_[child + 1], *heap_[child])) ++child;
    if (!before(*heap_[child], *timer)) break;
    place(position, heap_[child]);
    position = child;
  }
  place(position, timer);
}

void TimerHeap::arm(Timer& timer, Instant deadline) {
  cancel(timer);
  timer.deadline_ = std::max(deadline, earliest_);
  timer.order_ = order_++;
  heap_.push_back(&timer);
  timer.position_ = heap_.size() - 1;
  sift_up(timer.position_);
}

void TimerHeap::cancel(Timer& timer) {
  if (!timer.armed()) return;
  const size_t position = timer.position_;
  timer.position_ = Timer::not_armed;
  Timer* last = heap_.back();
  heap_.pop_back();
  if (last == &timer) return;
  place(position, last);
  sift_up(position);
  sift_down(last->position_);
}

size_t TimerHeap::expire(Instant now) {
  // A timer armed meanwhile is due in the next turn at the soonest: else one that arms itself for the past would never let
  // the turn end, or would stand before those that are due.
  earliest_ = now + Nanoseconds(1);
  size_t count = 0;
  while (!heap_.empty() && heap_[0]->deadline_ <= now) {
    Timer& timer = *heap_[0];
    cancel(timer);
    timer.expired();
    ++count;
  }
  earliest_ = {INT64_MIN};
  return count;
}

}  // namespace ashlar::loop
