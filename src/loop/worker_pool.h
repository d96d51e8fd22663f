// Threads for calls that block by nature (opening files, growing them, commands to a SCSI device), or that take as long as a document
// is. Never on the data path of a volume that is blocks.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace ashlar::loop {

/// One for all shards of a process, and one for each device that may be slow. Threads start when there is work for them.
class WorkerPool {
 public:
  using Job = std::move_only_function<void()>;
  static constexpr size_t max_threads = 4;  ///< unless somebody says otherwise
  static constexpr size_t max_jobs_waiting = 1024;

  /// With one thread jobs run in the order of run(). `niceness`: of its threads, 0 to 19 (nice(2)): how far they stand back where
  /// shards want the same core.
  explicit WorkerPool(size_t threads = max_threads, int niceness = 0)
      : most_threads_(threads), niceness_(niceness) {}
  WorkerPool(const WorkerPool&) = delete;
  WorkerPool& operator=(const WorkerPool&) = delete;
  /// Runs what waits to its end first.
  ~WorkerPool();

  /// Any thread. Runs `job` on a worker; with max_jobs_waiting in the queue, here and now: the one
  /// who asks for too much waits.
  void run(Job job);
  /// Runs what waits and ends the threads. run() after it runs on the caller's thread.
  void stop();

 private:
  bool enqueue(Job& job);
  void work();

  const size_t most_threads_;
  const int niceness_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<Job> jobs_;  // under mutex_, as all below
  std::vector<std::thread> threads_;
  size_t idle_ = 0;
  bool stopping_ = false;
  bool said_full_ = false;  // until the queue was empty once
};

}  // namespace ashlar::loop
