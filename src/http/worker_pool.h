// The threads in which handlers run, so that one that waits for a disk holds up no connection but its own.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace ashlar::http {

class WorkerPool {
 public:
  using Job = std::move_only_function<void()>;

  /// At least one thread; at most `most_waiting` jobs wait for one.
  WorkerPool(size_t threads, size_t most_waiting);
  ~WorkerPool() { stop(); }
  WorkerPool(const WorkerPool&) = delete;
  WorkerPool& operator=(const WorkerPool&) = delete;

  /// Any thread. False: too many wait, or stopped; then `job` never runs. What it throws is logged.
  bool submit(Job job);
  /// Runs what waits, then ends the threads. Not from a job.
  void stop();

 private:
  void work();

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Job> waiting_;
  const size_t most_waiting_;
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace ashlar::http
