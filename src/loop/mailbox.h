// The letters of other threads to one loop: a queue and a bell.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <mutex>
#include <vector>

#include "base/result.h"
#include "loop/ring.h"

namespace ashlar::loop {

/// Many senders, one receiver (the loop whose ring it was attached to). Control path: letters allocate.
class Mailbox final : private RingOperation {
 public:
  using Letter = std::move_only_function<void()>;

  Mailbox() = default;
  ~Mailbox();
  Result<void> open();
  /// Any thread. Letters of one sender are run in the order of sending. More than 2^20 waiting is a bug.
  void send(Letter letter);
  /// Any thread: ends one sleep of the loop.
  void ring_bell();

  /// Receiver's thread, from here on.
  void attach(Ring& ring);
  /// The bell no longer wakes the ring.
  void detach();
  bool waiting() const { return waiting_.load(std::memory_order_acquire); }
  /// Runs what had come; returns how many. What comes meanwhile is left for the next turn.
  size_t run_letters();

 private:
  void prepare(io_uring_sqe& entry) override;
  void completed(int32_t result, bool more) override;

  static constexpr size_t max_letters = size_t{1} << 20;
  std::mutex mutex_;
  std::vector<Letter> letters_;  // under mutex_
  std::vector<Letter> running_;
  std::atomic<bool> waiting_ = false;
  int bell_ = -1;
  uint64_t rung_ = 0;
  Ring* ring_ = nullptr;
  bool detached_ = false;
};

}  // namespace ashlar::loop
