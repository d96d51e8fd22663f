#include "loop/sim_world.h"

#include <gtest/gtest.h>

#include "loop/sim_test.h"

namespace ashlar::loop {
namespace {

Task<void> three_sleeps(std::vector<int64_t>* woken) {
  for (int i = 1; i <= 3; ++i) {
    co_await sleep_for(milliseconds(i));
    woken->push_back(Loop::current().now().nanoseconds);
  }
}

TEST(SimWorldTest, TimersAreNeverEarlyAndInOrder) {
  SimWorld world(1);
  SimProcess& process = world.add_process("p", 1, small_pools);
  const int64_t start = world.now().nanoseconds;
  std::vector<int64_t> woken;
  run_story(process.loop(0), three_sleeps, &woken);
  ASSERT_EQ(woken.size(), 3u);
  EXPECT_GE(woken[0], start + 1'000'000);
  EXPECT_GE(woken[1], woken[0] + 2'000'000);
  EXPECT_GE(woken[2], woken[1] + 3'000'000);
  EXPECT_LT(woken[2], start + 7'000'000);
}

class Counting final : public Timer {
 public:
  void expired() override { ++count; }
  int count = 0;
};

TEST(SimWorldTest, AnEarlierTimerWakesBeforeALaterOne) {
  SimWorld world(2);
  SimProcess& process = world.add_process("p", 1, small_pools);
  Counting late, early, cancelled;
  process.loop(0).enter([&] { process.loop(0).arm_after(late, seconds(10)); });
  world.run_for(seconds(1));
  process.loop(0).enter([&] {
    process.loop(0).arm_after(early, seconds(1));
    process.loop(0).arm_after(cancelled, seconds(1));
    process.loop(0).cancel(cancelled);
  });
  world.run_for(seconds(2));
  EXPECT_EQ(early.count, 1);
  EXPECT_EQ(late.count, 0);
  world.run_for(seconds(20));
  EXPECT_EQ(late.count, 1);
  EXPECT_EQ(cancelled.count, 0);
}

TEST(SimWorldTest, MailboxKeepsOrderPerSender) {
  SimWorld world(3);
  SimProcess& process = world.add_process("p", 3, small_pools);
  std::vector<int> seen[2];
  for (uint32_t from = 0; from < 2; ++from) {
    process.loop(from).enter([&, from] {
      for (int i = 0; i < 50; ++i) process.send(2, [&seen, from, i] { seen[from].push_back(i); });
    });
  }
  world.run_for(seconds(1));
  for (const std::vector<int>& each : seen) {
    ASSERT_EQ(each.size(), 50u);
    EXPECT_TRUE(std::is_sorted(each.begin(), each.end()));
  }
}

Task<int> ask_the_other_shard() {
  auto work = [] { return static_cast<int>(Loop::current().index()) + 40; };
  Task<int> answer = call_on(2, work);
  const int value = co_await answer;
  EXPECT_EQ(Loop::current().index(), 0u);
  co_return value;
}

TEST(SimWorldTest, CallOnRunsThereAndReturnsHere) {
  SimWorld world(4);
  SimProcess& process = world.add_process("p", 3, small_pools);
  EXPECT_EQ(run_story(process.loop(0), ask_the_other_shard), 42);
}

Task<void> on_all(Shards* shards, std::vector<uint32_t>* seen) {
  std::function<void(Loop&)> work = [seen](Loop& loop) { seen->push_back(loop.index()); };
  co_await on_every_shard(*shards, std::move(work));
}

TEST(SimWorldTest, OnEveryShardRunsOnEach) {
  SimWorld world(5);
  SimProcess& process = world.add_process("p", 4, small_pools);
  std::vector<uint32_t> seen;
  run_story(process.loop(0), on_all, static_cast<Shards*>(&process), &seen);
  std::sort(seen.begin(), seen.end());
  EXPECT_EQ(seen, (std::vector<uint32_t>{0, 1, 2, 3}));
}

TEST(SimWorldTest, BlockingWorkRunsAndAnswersInALaterTurn) {
  SimWorld world(6);
  SimProcess& process = world.add_process("p", 1, small_pools);
  bool worked = false, answered = false;
  process.loop(0).enter([&] {
    process.loop(0).run_blocking([&] { worked = true; },
                                 [&] {
                                   EXPECT_TRUE(worked);
                                   EXPECT_EQ(&Loop::current(), &process.at(0));
                                   answered = true;
                                 });
    EXPECT_FALSE(worked);
  });
  world.run_for(seconds(1));
  EXPECT_TRUE(answered);
}

TEST(SimWorldTest, APausedProcessRunsNothingUntilItGoesOn) {
  SimWorld world(7);
  SimProcess& process = world.add_process("p", 1, small_pools);
  Counting timer;
  process.loop(0).enter([&] { process.loop(0).arm_after(timer, milliseconds(10)); });
  process.pause(world.now() + seconds(5));
  world.run_for(seconds(4));
  EXPECT_EQ(timer.count, 0);
  world.run_for(seconds(2));
  EXPECT_EQ(timer.count, 1);
}

// What a loop draws is the seed's, and differs between loops.
TEST(SimWorldTest, RandomnessComesFromTheSeed) {
  const auto draw = [](uint64_t seed, uint32_t shard) {
    SimWorld world(seed);
    SimProcess& process = world.add_process("p", 2, small_pools);
    return process.loop(shard).random_uuid();
  };
  EXPECT_EQ(draw(1, 0), draw(1, 0));
  EXPECT_NE(draw(1, 0), draw(2, 0));
  EXPECT_NE(draw(1, 0), draw(1, 1));
}

}  // namespace
}  // namespace ashlar::loop
