#include "loop/real_shards.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>

#include "base/check.h"
#include "base/log.h"

namespace ashlar::loop {

Result<std::unique_ptr<RealShards>> RealShards::create(const RealShardsOptions& options) {
  if (options.count == 0 || options.count > max_count) {
    return fail(ErrorCode::out_of_range, "shards", "{} shards: 1 to {} are possible", options.count,
                max_count);
  }
  std::unique_ptr<RealShards> shards(new RealShards());
  shards->options_ = options;
  for (uint32_t i = 0; i < options.count; ++i) {
    TRY_ASSIGN(std::unique_ptr<RealLoop> loop, RealLoop::create(*shards, i, options.loop, shards->workers_));
    shards->loops_.push_back(std::move(loop));
  }
  return shards;
}

RealShards::~RealShards() {
  if (started_ && !joined_) {
    stop();
    run();
  }
  // Their last answers go to mailboxes that are still there.
  workers_.stop();
}

void RealShards::send(uint32_t to, std::move_only_function<void()> work) {
  CHECK(to < loops_.size(), "shard {} of {}", to, loops_.size());
  loops_[to]->mailbox().send(std::move(work));
}

Result<void> RealShards::start(std::function<void(Loop&)> first) {
  CHECK(!started_);
  started_ = true;
  for (uint32_t i = 0; i < count(); ++i) {
    std::move_only_function<void()> letter = [this, first, i] { first(at(i)); };
    send(i, std::move(letter));
  }
  // Signals belong to whoever asked for them on the first thread (SignalWatcher), never to a shard.
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  for (uint32_t i = 1; i < count(); ++i) threads_.emplace_back([this, i] { run_shard(i); });
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  return {};
}

void RealShards::run() {
  CHECK(started_ && !joined_);
  run_shard(0);
  for (std::thread& thread : threads_) thread.join();
  joined_ = true;
}

void RealShards::run_shard(uint32_t index) {
  pin(index);
  // The first thread keeps the program's name.
  if (index > 0) pthread_setname_np(pthread_self(), fmt::format("shard-{}", index).c_str());
  RealLoop& loop = *loops_[index];
  const Result<void> begun = loop.begin();
  CHECK(begun, "{}", begun.error().text());
  loop.run(stopping_);
  wait_for_all(at_rest_);
  loop.end();
}

// So that what one shard sends another in its last turns is still run.
void RealShards::wait_for_all(std::atomic<uint32_t>& arrived) {
  if (arrived.fetch_add(1) + 1 == count()) arrived.notify_all();
  for (uint32_t now = arrived.load(); now < count(); now = arrived.load()) arrived.wait(now);
}

void RealShards::stop() {
  stopping_.store(true, std::memory_order_release);
  for (const std::unique_ptr<RealLoop>& loop : loops_) loop->mailbox().ring_bell();
}

void RealShards::pin(uint32_t index) {
  if (options_.cores.empty()) return;
  const int core = options_.cores[index % options_.cores.size()];
  cpu_set_t cores;
  CPU_ZERO(&cores);
  CPU_SET(static_cast<size_t>(core), &cores);
  if (pthread_setaffinity_np(pthread_self(), sizeof cores, &cores) != 0) {
    log_warning("loop", "shard {} cannot be pinned to core {}: it runs where the kernel puts it", index,
                core);
  }
}

}  // namespace ashlar::loop
