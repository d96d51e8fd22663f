// The simulated twin of the real loop: the same page (loop.h), with time, network, files and chance from a SimWorld.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "loop/loop.h"
#include "loop/sim_random.h"

namespace ashlar::loop {

class SimLoop;
class SimWorld;
struct SimMachine;

/// A process: its shards, and whether it lives.
class SimProcess final : public Shards {
 public:
  SimProcess(SimWorld& world, SimMachine& machine, std::string name, uint32_t index, uint32_t shard_count,
             const BufferPool::Sizes& pools, uint64_t seed);
  ~SimProcess() override;

  uint32_t count() const override { return static_cast<uint32_t>(loops_.size()); }
  Loop& at(uint32_t index) override;
  /// Arrives after a small seeded delay; in order per sender.
  void send(uint32_t to, std::move_only_function<void()> work) override;

  SimLoop& loop(uint32_t index) { return *loops_[index]; }
  SimWorld& world() const { return world_; }
  SimMachine& machine() const { return machine_; }
  const std::string& name() const { return name_; }
  uint32_t index() const { return index_; }
  /// False once it has crashed: what it does has no effect any more.
  bool live() const { return live_; }
  /// SIGSTOP: no turn runs before `until`.
  void pause(Instant until) { paused_until_ = until; }
  Instant paused_until() const { return paused_until_; }

 private:
  friend class SimWorld;
  SimWorld& world_;
  SimMachine& machine_;
  const std::string name_;
  const uint32_t index_;
  bool live_ = true;
  Instant paused_until_;
  SimRandom random_;
  std::vector<std::unique_ptr<SimLoop>> loops_;
  std::vector<Instant> last_arrival_;  // [from * count + to]; from == count: outside every loop
};

class SimLoop final : public Loop {
 public:
  SimLoop(SimProcess& process, uint32_t index, const BufferPool::Sizes& pools, uint64_t seed);
  ~SimLoop() override;

  Nanoseconds wall_clock() override;
  void random(std::span<uint8_t> out) override { random_.fill(out); }
  Result<std::unique_ptr<Listener>> listen(const Endpoint& endpoint, const ListenOptions& options,
                                           Acceptor& acceptor) override;
  using Loop::connect;
  Task<Result<std::unique_ptr<Stream>>> connect(Endpoint endpoint, Nanoseconds timeout,
                                                Cancellation* cancellation) override;
  Task<Result<std::unique_ptr<File>>> open(std::string path, OpenOptions options) override;
  Task<Result<void>> remove(std::string path) override;
  Task<Result<std::unique_ptr<ScsiDevice>>> open_scsi(std::string path) override;
  void run_blocking(std::move_only_function<void()> work, std::move_only_function<void()> done) override;

  // For the simulation and its harness, from outside every loop.

  /// Runs `work` now as if in a turn of this loop; what it posts runs in the next turn. For making and destroying the
  /// objects of a process.
  void enter(const std::function<void()>& work);
  /// Runs `work` in a coming turn, before the ready list.
  void deliver(std::move_only_function<void()> work);
  /// Posts `item` in a coming turn.
  void deliver(Ready& item);
  /// Takes `item` off the ready list if it is there: its owner is going away.
  void retract(Ready& item) {
    if (ReadyList::contains(item)) ready_.remove(item);
  }
  SimProcess& process() const { return process_; }
  SimWorld& world() const { return process_.world(); }
  /// Unique in the world; for the trace.
  uint64_t id() const { return uint64_t{process_.index()} << 16 | index(); }

 private:
  void schedule_turn();
  void schedule_wake();
  void turn();
  SimProcess& process_;
  SimRandom random_;
  std::vector<std::move_only_function<void()>> inbox_;
  bool turn_scheduled_ = false;
  Instant busy_until_;
  Instant wake_at_ = Instant::never();
  uint64_t wake_ = 0;  // counts wake events; older ones are stale
};

}  // namespace ashlar::loop
