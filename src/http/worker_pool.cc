#include "http/worker_pool.h"

#include <algorithm>
#include <exception>
#include <utility>

#include "base/log.h"

namespace ashlar::http {

WorkerPool::WorkerPool(size_t threads, size_t most_waiting) : most_waiting_(most_waiting) {
  threads_.reserve(std::max<size_t>(threads, 1));
  for (size_t index = 0; index < std::max<size_t>(threads, 1); ++index)
    threads_.emplace_back([this] { work(); });
}

bool WorkerPool::submit(Job job) {
  {
    const std::scoped_lock lock(mutex_);
    if (stopping_ || waiting_.size() >= most_waiting_) return false;
    waiting_.push_back(std::move(job));
  }
  changed_.notify_one();
  return true;
}

void WorkerPool::work() {
  while (true) {
    Job job;
    {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [this] { return stopping_ || !waiting_.empty(); });
      if (waiting_.empty()) return;
      job = std::move(waiting_.front());
      waiting_.pop_front();
    }
    try {
      job();
    } catch (const std::exception& cause) {
      log_error("http", "a job of a worker failed: {}", cause.what());
    } catch (...) {
      log_error("http", "a job of a worker failed for a reason without words");
    }
  }
}

void WorkerPool::stop() {
  {
    const std::scoped_lock lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  for (std::thread& thread : threads_) {
    if (thread.joinable()) thread.join();
  }
}

}  // namespace ashlar::http
