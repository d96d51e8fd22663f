#include "loop/real_loop.h"

#include <csignal>
#include <set>
#include <thread>

#include "loop/on_worker.h"
#include "loop/real_loop_testing.h"
#include "loop/signal_watcher.h"

namespace ashlar::loop {
namespace {

using test::run_story;
using test::small_shards;

Task<void> note_after(Nanoseconds span, int number, std::vector<int>& order, Event& last) {
  Task<void> sleeping = sleep_for(span);
  co_await sleeping;
  order.push_back(number);
  if (order.size() == 4) last.set();
}

Task<void> timers_story() {
  std::vector<int> order;
  Event last;
  const int spans_ms[] = {20, 5, 10, 0};
  for (int i = 0; i < 4; ++i) note_after(milliseconds(spans_ms[i]), i, order, last).detach();
  const Instant before = Loop::current().now();
  co_await last;
  EXPECT_EQ(order, (std::vector<int>{3, 1, 2, 0}));
  EXPECT_GE(Loop::current().now() - before, milliseconds(20)) << "never too early";
}

TEST(RealLoop, TimersExpireInOrderAndNeverEarly) {
  for (const bool newest : {true, false}) {
    RealShardsOptions options = small_shards();
    options.loop.newest_kernel_features = newest;
    run_story(options, [](RealShards&) { return timers_story(); });
  }
}

// Turns, not time: what costs no turn costs no CPU.
Task<void> idle_story(RealShards& shards) {
  RealLoop& loop = shards.real_at(0);
  Task<void> settling = sleep_for(milliseconds(20));
  co_await settling;
  const uint64_t before = loop.turns();
  Task<void> sleeping = sleep_for(milliseconds(200));
  co_await sleeping;
  EXPECT_LE(loop.turns() - before, 3u);
}

TEST(RealLoop, IdleMakesNoTurns) {
  for (const uint32_t spin_microseconds : {0u, 50u}) {
    RealShardsOptions options = small_shards(2);
    options.loop.spin_microseconds = spin_microseconds;
    run_story(options, [](RealShards& shards) { return idle_story(shards); });
  }
}

constexpr int letters_per_pair = 2000;

/// Counts what arrives on one shard, and that each sender's letters come in order.
struct alignas(64) Inbox {
  std::array<int, 4> last{};
  int total = 0;
};

Task<void> storm_story(RealShards& shards, std::vector<Inbox>& inboxes) {
  std::atomic<int> finished = 0;
  for (uint32_t from = 0; from < shards.count(); ++from) {
    auto shoot = [&shards, &inboxes, &finished, from] {
      for (int i = 1; i <= letters_per_pair; ++i) {
        for (uint32_t to = 0; to < shards.count(); ++to) {
          auto letter = [&inbox = inboxes[to], from, i] {
            EXPECT_EQ(inbox.last[from] + 1, i);
            inbox.last[from] = i;
            ++inbox.total;
          };
          shards.send(to, std::move(letter));
        }
      }
      ++finished;
    };
    shards.send(from, std::move(shoot));
  }
  while (finished < static_cast<int>(shards.count())) {
    Task<void> pause = sleep_for(milliseconds(1));
    co_await pause;
  }
  // Everything that was sent before is run before these.
  Task<void> flush = on_every_shard(shards, [](Loop&) {});
  co_await flush;
}

TEST(RealShards, MailboxStorm) {
  std::vector<Inbox> inboxes(4);
  run_story(small_shards(4), [&](RealShards& shards) { return storm_story(shards, inboxes); });
  for (const Inbox& inbox : inboxes) EXPECT_EQ(inbox.total, 4 * letters_per_pair);
}

Task<void> round_trips(RealShards& shards) {
  std::set<std::thread::id> threads;
  for (uint32_t i = 0; i < 200; ++i) {
    const uint32_t to = i % shards.count();
    Task<uint32_t> asking = call_on(to, [] { return Loop::current().index(); });
    EXPECT_EQ(co_await asking, to);
    Task<std::thread::id> naming = call_on(to, [] { return std::this_thread::get_id(); });
    threads.insert(co_await naming);
    EXPECT_EQ(Loop::current().index(), 0u) << "resumed at home";
  }
  EXPECT_EQ(threads.size(), shards.count());
  std::atomic<uint32_t> sum = 0;
  Task<void> everywhere = on_every_shard(shards, [&](Loop& loop) { sum += 1u << loop.index(); });
  co_await everywhere;
  EXPECT_EQ(sum, (1u << shards.count()) - 1);
}

TEST(RealShards, CallOnGoesThereAndBack) {
  RealShardsOptions options = small_shards(3);
  options.cores = {0};
  run_story(options, [](RealShards& shards) { return round_trips(shards); });
}

TEST(RealShards, RefusesSillyCounts) {
  EXPECT_FALSE(RealShards::create(small_shards(0)));
  EXPECT_FALSE(RealShards::create(small_shards(RealShards::max_count + 1)));
}

TEST(RealShards, StopsFromAnotherThreadAndRunsWhatWasSentBefore) {
  Result<std::unique_ptr<RealShards>> made = RealShards::create(small_shards(2));
  ASSERT_TRUE(made);
  RealShards& shards = **made;
  std::atomic<int> begun = 0;
  int ran = 0;
  ASSERT_TRUE(shards.start([&](Loop&) { ++begun; }));
  std::thread stopper([&] {
    shards.send(1, [&] { ++ran; });
    shards.stop();
  });
  shards.run();
  stopper.join();
  EXPECT_EQ(begun, 2);
  EXPECT_EQ(ran, 1);
}

TEST(RealShards, MayDieWithoutHavingRun) {
  EXPECT_TRUE(RealShards::create(small_shards(2)));
  Result<std::unique_ptr<RealShards>> started = RealShards::create(small_shards(2));
  ASSERT_TRUE(started);
  EXPECT_TRUE((*started)->start([](Loop&) {}));
}

Task<void> workers_story(Loop& loop) {
  const std::thread::id home = std::this_thread::get_id();
  std::atomic<int> at_once = 0;
  std::atomic<int> most = 0;
  std::vector<Task<int>> tasks;
  for (int i = 0; i < 100; ++i) {
    auto work = [&, i] {
      EXPECT_NE(std::this_thread::get_id(), home);
      const int now = ++at_once;
      int seen = most;
      while (seen < now && !most.compare_exchange_weak(seen, now)) continue;
      std::this_thread::yield();
      --at_once;
      return i;
    };
    tasks.push_back(on_worker(loop, std::move(work)));
  }
  int sum = 0;
  for (Task<int>& task : tasks) {
    sum += co_await task;
    EXPECT_EQ(std::this_thread::get_id(), home);
  }
  EXPECT_EQ(sum, 99 * 100 / 2);
  EXPECT_LE(most, static_cast<int>(WorkerPool::max_threads));
}

TEST(WorkerPool, RunsEverythingOnBoundedThreads) {
  run_story(small_shards(), [](RealShards& shards) { return workers_story(shards.at(0)); });
}

TEST(WorkerPool, OneThreadKeepsTheOrder) {
  std::vector<int> seen;
  {
    WorkerPool pool(1);
    for (int i = 0; i < 100; ++i) pool.run([&seen, i] { seen.push_back(i); });
  }
  ASSERT_EQ(seen.size(), 100u);
  EXPECT_TRUE(std::ranges::is_sorted(seen));
}

// The one who asks for more than the queue holds does the work itself: slower, but nothing is lost.
TEST(WorkerPool, CallerWorksWhenTheQueueIsFull) {
  WorkerPool pool;
  std::atomic<bool> open = false;
  std::atomic<size_t> done = 0;
  std::atomic<size_t> on_caller = 0;
  const std::thread::id caller = std::this_thread::get_id();
  // As many as block all threads and fill the queue, and some more.
  for (size_t i = 0; i < WorkerPool::max_threads + WorkerPool::max_jobs_waiting + 10; ++i) {
    pool.run([&] {
      if (std::this_thread::get_id() == caller) {
        ++on_caller;
      } else {
        open.wait(false);
      }
      ++done;
    });
  }
  EXPECT_GE(on_caller, 10u);
  open = true;
  open.notify_all();
  pool.stop();
  EXPECT_EQ(done, WorkerPool::max_threads + WorkerPool::max_jobs_waiting + 10);
  pool.run([&] { ++done; });
  EXPECT_EQ(done, WorkerPool::max_threads + WorkerPool::max_jobs_waiting + 11);
}

Task<void> random_story(Loop& loop) {
  std::set<std::string> seen;
  for (int i = 0; i < 100; ++i) seen.insert(uuid_text(loop.random_uuid()));
  EXPECT_EQ(seen.size(), 100u);
  EXPECT_GT(loop.wall_clock(), seconds(1'600'000'000));
  co_return;
}

TEST(RealLoop, DrawsRandomnessAndTellsTheTime) {
  run_story(small_shards(), [](RealShards& shards) { return random_story(shards.at(0)); });
}

Task<void> signals_story(RealShards& shards) {
  std::vector<int> caught;
  Event both;
  Result<std::unique_ptr<SignalWatcher>> watcher =
      SignalWatcher::open(shards.real_at(0), {SIGUSR1, SIGUSR2}, [&](int signal) {
        caught.push_back(signal);
        if (caught.size() == 2) both.set();
      });
  EXPECT_TRUE(watcher);
  ::kill(::getpid(), SIGUSR1);
  Task<void> pause = sleep_for(milliseconds(5));
  co_await pause;
  ::kill(::getpid(), SIGUSR2);
  co_await both;
  EXPECT_EQ(caught, (std::vector<int>{SIGUSR1, SIGUSR2}));
  both.reset();
  caught.clear();
  // It may end in its own call.
  Result<std::unique_ptr<SignalWatcher>> once = SignalWatcher::open(shards.real_at(0), {SIGUSR1}, [&](int) {
    once->reset();
    both.set();
  });
  watcher->reset();
  ::kill(::getpid(), SIGUSR1);
  co_await both;
}

TEST(SignalWatcher, TellsSignals) {
  SignalWatcher::block({SIGUSR1, SIGUSR2});
  run_story(small_shards(2), [](RealShards& shards) { return signals_story(shards); });
}

}  // namespace
}  // namespace ashlar::loop
