// io_uring: requests out, completions in, dispatched by a pointer to the operation. Nothing else.
#pragma once

#include <liburing.h>
#include <sched.h>

#include <cstdint>
#include <vector>

#include "base/intrusive_list.h"
#include "base/result.h"
#include "loop/kernel_features.h"
#include "loop/time.h"

namespace ashlar::loop {

struct RingTag;

/// Something the kernel is asked to do. Owned by the caller, alive until completed() ran with `more` false.
class RingOperation : public ListNode<RingTag> {
 public:
  /// Fills the submission entry; the ring sets user_data. May run later than start(), when the queue was full.
  virtual void prepare(io_uring_sqe& entry) = 0;
  /// `result` as the kernel gave it (-errno for errors); `more`: a multishot request that will complete again.
  /// Runs in the completion phase of a turn: short, and whatever reaches the engine's code goes through post().
  virtual void completed(int32_t result, bool more) = 0;

 protected:
  ~RingOperation() = default;
};

/// One ring of one thread. Not thread safe; open() may run on another thread than the rest.
class Ring {
 public:
  Ring() = default;
  Ring(const Ring&) = delete;
  Ring& operator=(const Ring&) = delete;
  ~Ring();

  /// Sets up a ring of `entries` (a power of two) submissions with the newest flags that the kernel takes. `newest` false
  /// asks for none of them, as if the kernel were old (tests).
  Result<void> open(uint32_t entries, bool newest);
  /// Binds the ring to the calling thread, which alone may use it from here on.
  Result<void> enable();
  const KernelFeatures& features() const { return features_; }

  /// Starts `operation`; never fails: what finds the queue full waits for the next submission.
  void start(RingOperation& operation);
  /// Asks to end it: it completes soon, with -ECANCELED or with what it had reached.
  void cancel(RingOperation& operation);
  /// Asks to end everything that is in flight, where the kernel can (features().cancel_any).
  void cancel_all();
  /// Dispatches what has completed; returns how many completions there were.
  uint32_t reap();
  /// Gives the kernel what was started, without waiting.
  void submit();
  /// Gives the kernel what was started and sleeps until a completion comes or `span` has passed (Nanoseconds::max():
  /// for ever).
  void submit_and_wait(Nanoseconds span);
  /// Is there something for reap()? One or two loads from memory, no call of the kernel unless there is.
  bool completions_waiting();
  /// Started and not finally completed.
  uint64_t in_flight() const { return in_flight_; }

 private:
  Result<void> set_up(uint32_t entries, bool newest);
  void probe(uint32_t setup_flags);
  void keep_workers_on_our_cores();
  io_uring_sqe* entry();
  void start_waiting();
  bool kernel_has_work() const;

  io_uring ring_{};
  bool open_ = false;
  KernelFeatures features_;
  cpu_set_t cores_{};  // that the process may use, as of open()
  uint64_t in_flight_ = 0;
  IntrusiveList<RingOperation, RingTag> waiting_;  // found the queue full; bounded by what the callers own
  std::vector<RingOperation*> cancels_waiting_;
};

}  // namespace ashlar::loop
