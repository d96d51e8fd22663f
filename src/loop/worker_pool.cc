#include "loop/worker_pool.h"

#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>

#include <utility>

#include "base/log.h"

namespace ashlar::loop {

WorkerPool::~WorkerPool() { stop(); }

bool WorkerPool::enqueue(Job& job) {
  const std::scoped_lock lock(mutex_);
  if (stopping_) return false;
  if (jobs_.size() >= max_jobs_waiting) {
    if (std::exchange(said_full_, true)) return false;
    log_warning("loop.worker_pool",
                "{} calls that block wait for a worker: from here on loops run them themselves",
                jobs_.size());
    return false;
  }
  said_full_ = said_full_ && !jobs_.empty();
  jobs_.push_back(std::move(job));
  if (idle_ < jobs_.size() && threads_.size() < most_threads_) {
    // Signals are the main thread's business.
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    threads_.emplace_back([this] { work(); });
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
  }
  return true;
}

void WorkerPool::run(Job job) {
  if (enqueue(job)) {
    wake_.notify_one();
    return;
  }
  job();
}

void WorkerPool::work() {
  // On Linux that is the thread's alone. Where it is refused they compete, and all else is the same.
  if (niceness_ != 0 && setpriority(PRIO_PROCESS, 0, niceness_) != 0)
    log_debug("loop.worker_pool", "the threads of the pool run as the shards do");
  std::unique_lock lock(mutex_);
  for (;;) {
    ++idle_;
    wake_.wait(lock, [this] { return stopping_ || !jobs_.empty(); });
    --idle_;
    if (jobs_.empty()) return;
    Job job = std::move(jobs_.front());
    jobs_.pop_front();
    lock.unlock();
    job();
    job = nullptr;
    lock.lock();
  }
}

void WorkerPool::stop() {
  std::vector<std::thread> ending;
  {
    const std::scoped_lock lock(mutex_);
    stopping_ = true;
    ending.swap(threads_);
  }
  wake_.notify_all();
  for (std::thread& thread : ending) thread.join();
}

}  // namespace ashlar::loop
