// N loops on N threads, each with its own ring, buffers and mailbox.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <thread>
#include <vector>

#include "loop/real_loop.h"

namespace ashlar::loop {

struct RealShardsOptions {
  uint32_t count = 1;      ///< 1 to 256
  RealLoopOptions loop;    ///< of each of them
  std::vector<int> cores;  ///< shard i is pinned to cores[i % size]; empty: not pinned
};

/// Life: create() -> start() -> run() on the thread that shall be shard 0 -> (stop() from anywhere) -> run() returns.
/// Everything that lives on a loop (streams, files, tasks) must have ended before stop().
class RealShards final : public Shards {
 public:
  static constexpr uint32_t max_count = 256;

  static Result<std::unique_ptr<RealShards>> create(const RealShardsOptions& options);
  /// Stops and waits, if that was not done.
  ~RealShards() override;

  uint32_t count() const override { return static_cast<uint32_t>(loops_.size()); }
  Loop& at(uint32_t index) override { return *loops_[index]; }
  void send(uint32_t to, std::move_only_function<void()> work) override;

  /// Starts the threads of shards 1 and up; each shard's first work is `first(loop)` (shard 0's when run() is called).
  Result<void> start(std::function<void(Loop&)> first);
  /// Shard 0 on the calling thread, until stop(); then waits for the others.
  void run();
  /// Any thread, also a signal handler's successor: lets all shards finish what is ready, and end.
  void stop();
  WorkerPool& workers() { return workers_; }
  /// For tests and statistics; see RealLoop::turns().
  RealLoop& real_at(uint32_t index) { return *loops_[index]; }

 private:
  RealShards() = default;
  void run_shard(uint32_t index);
  void wait_for_all(std::atomic<uint32_t>& arrived);
  void pin(uint32_t index);

  RealShardsOptions options_;
  WorkerPool workers_{WorkerPool::max_threads, 19};
  std::vector<std::unique_ptr<RealLoop>> loops_;
  std::vector<std::thread> threads_;
  std::atomic<bool> stopping_ = false;
  std::atomic<uint32_t> at_rest_ = 0;
  bool started_ = false;
  bool joined_ = false;
};

}  // namespace ashlar::loop
