// The loop of one shard: the only door to clock, network, files and randomness. Two implementations stand behind this
// page: io_uring (real_loop.h) and the seeded simulation (sim_loop.h).
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <utility>

#include "base/buffer_pool.h"
#include "base/identity.h"
#include "base/result.h"
#include "loop/cancellation.h"
#include "loop/file.h"
#include "loop/ready.h"
#include "loop/scsi_device.h"
#include "loop/stream.h"
#include "loop/task.h"
#include "loop/time.h"
#include "loop/timer.h"

namespace ashlar::loop {

class Shards;

/// One thread's world. All calls on the loop's own thread, but for those that say otherwise.
///
/// A turn: take what the kernel (or the simulation) has completed -> expired timers -> mailbox -> run the ready list until
/// it is empty -> turn_end() of each connection that asked for it (one gathered send each) -> submit all I/O -> sleep if
/// nothing is ready.
class Loop {
 public:
  virtual ~Loop() = default;
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  /// The loop whose turn runs on this thread; a bug to ask outside a turn.
  static Loop& current();
  static Loop* current_or_null();

  /// Monotonic time as of the start of this turn.
  Instant now() const { return now_; }
  /// Wall clock, seconds and nanoseconds since 1970, for log lines and timestamps only: never for a decision.
  virtual Nanoseconds wall_clock() = 0;
  virtual void random(std::span<uint8_t> out) = 0;
  Uuid random_uuid() {
    Uuid uuid;
    random(uuid);
    return uuid;
  }

  /// Runs `item` later in this turn (never inside this call).
  void post(Ready& item) { ready_.push_back(item); }
  /// Calls `item` at the end of this turn; asking twice is harmless.
  void at_turn_end(TurnEnd& item) {
    if (!TurnEndList::contains(item)) turn_ends_.push_back(item);
  }
  /// Takes back what was posted and has not run.
  void withdraw(Ready& item) {
    if (ReadyList::contains(item)) ready_.remove(item);
  }
  void withdraw(TurnEnd& item) {
    if (TurnEndList::contains(item)) turn_ends_.remove(item);
  }
  void arm(Timer& timer, Instant deadline) { timers_.arm(timer, deadline); }
  void arm_after(Timer& timer, Nanoseconds span) { timers_.arm(timer, now_ + span); }
  void cancel(Timer& timer) { timers_.cancel(timer); }

  virtual Result<std::unique_ptr<Listener>> listen(const Endpoint& endpoint, const ListenOptions& options,
                                                   Acceptor& acceptor) = 0;
  /// A connected stream, or why not (refused, unreachable, timed out after `timeout`, aborted by `cancellation`).
  virtual Task<Result<std::unique_ptr<Stream>>> connect(Endpoint endpoint, Nanoseconds timeout,
                                                        Cancellation* cancellation) = 0;
  Task<Result<std::unique_ptr<Stream>>> connect(Endpoint endpoint, Nanoseconds timeout) {
    return connect(std::move(endpoint), timeout, nullptr);
  }
  virtual Task<Result<std::unique_ptr<File>>> open(std::string path, OpenOptions options) = 0;
  /// Removes a file (a volume's, on deletion).
  virtual Task<Result<void>> remove(std::string path) = 0;
  /// A SCSI device of this machine by its generic node, "/dev/sg3", "/dev/bsg/2:0:0:0" or a link to one.
  virtual Task<Result<std::unique_ptr<ScsiDevice>>> open_scsi(std::string path);
  /// Runs `work` (a call that blocks by nature) on the bounded worker pool, then `done` here. Control path only.
  virtual void run_blocking(std::move_only_function<void()> work, std::move_only_function<void()> done) = 0;

  /// Data-path memory of this shard.
  BufferPool& buffers() { return buffers_; }
  Shards& shards() const { return *shards_; }
  uint32_t index() const { return index_; }

 protected:
  Loop(Shards& shards, uint32_t index, const BufferPool::Sizes& sizes)
      : shards_(&shards), index_(index), buffers_(sizes) {}
  /// Runs the ready list to its end, then turn ends; called by the implementations with `current` set.
  void run_ready();
  static void set_current(Loop* loop);
  bool anything_ready() const { return !ready_.empty() || !turn_ends_.empty(); }

  Instant now_;
  TimerHeap timers_;
  ReadyList ready_;
  TurnEndList turn_ends_;

 private:
  Shards* shards_;
  uint32_t index_;
  BufferPool buffers_;
};

/// The shards of one engine. Shard 0 also carries the control work (apply, the door).
class Shards {
 public:
  virtual ~Shards() = default;
  virtual uint32_t count() const = 0;
  virtual Loop& at(uint32_t index) = 0;
  /// Runs `work` on shard `to` in one of its next turns. From any thread; in order per sender. Control path: allocates.
  virtual void send(uint32_t to, std::move_only_function<void()> work) = 0;
};

/// Waits `span` on the current loop.
Task<void> sleep_for(Nanoseconds span);

/// Runs `work` on shard `to` and gives its result back to the awaiting coroutine on its own shard.
template <typename Work>
auto call_on(uint32_t to, Work work) -> Task<std::invoke_result_t<Work&>>;

/// Runs `work(loop)` on every shard, one after the other started at once; resumes here when all have run.
Task<void> on_every_shard(Shards& shards, std::function<void(Loop&)> work);

}  // namespace ashlar::loop

#include "loop/call_on.h"  // IWYU pragma: keep
