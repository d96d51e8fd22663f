#include "loop/task.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "loop/bare_loop.h"

namespace ashlar::loop {
namespace {

using test::BareLoop;
using test::finish;

Task<int> answer_at_once(int value) { co_return value; }

Task<int> answer_after(Event& event, int value) {
  co_await event;
  co_return value;
}

Task<int> sum_of(Task<int> a, Task<int> b) {
  const int first = co_await a;
  const int second = co_await b;
  co_return first + second;
}

TEST(Task, StartsAtOnceAndMayBeDoneBeforeItIsAwaited) {
  BareLoop loop;
  Task<int> task = answer_at_once(7);
  EXPECT_TRUE(task.done());
  EXPECT_EQ(task.take(), 7);
}

TEST(Task, WaitsForAnEvent) {
  BareLoop loop;
  Event event;
  Task<int> task = answer_after(event, 3);
  loop.settle();
  EXPECT_FALSE(task.done());
  event.set();
  EXPECT_FALSE(task.done()) << "set() resumes through the ready list, not inside the call";
  loop.settle();
  ASSERT_TRUE(task.done());
  EXPECT_EQ(task.take(), 3);
}

TEST(Task, AwaitedTasksMayEndInAnyOrder) {
  for (const bool swap : {false, true}) {
    BareLoop loop;
    Event first;
    Event second;
    Task<int> task = sum_of(answer_after(first, 1), answer_after(second, 10));
    (swap ? second : first).set();
    loop.settle();
    EXPECT_FALSE(task.done());
    (swap ? first : second).set();
    EXPECT_EQ(finish(loop, std::move(task)), 11);
  }
}

Task<void> count_up(Event& event, int& count, std::unique_ptr<int> held) {
  ++count;
  co_await event;
  count += *held;
}

TEST(Task, DetachedRunsOnByItself) {
  BareLoop loop;
  Event event;
  int count = 0;
  count_up(event, count, std::make_unique<int>(10)).detach();
  EXPECT_EQ(count, 1);
  event.set();
  loop.settle();
  EXPECT_EQ(count, 11);
}

TEST(Task, DetachingAFinishedTaskFreesIt) {
  BareLoop loop;
  Event event;
  event.set();
  int count = 0;
  count_up(event, count, std::make_unique<int>(10)).detach();
  EXPECT_EQ(count, 11);
}

TEST(TaskDeathTest, DroppingAnUnfinishedTaskIsABug) {
  EXPECT_DEATH(
      {
        BareLoop loop;
        Event event;
        {
          const Task<int> dropped = answer_after(event, 1);
        }
      },
      "dropped before it was done");
}

TEST(Task, MovesOnlyValues) {
  BareLoop loop;
  const auto make = [](Event& event) -> Task<std::unique_ptr<std::string>> {
    co_await event;
    co_return std::make_unique<std::string>("moved");
  };
  Event event;
  Task<std::unique_ptr<std::string>> task = make(event);
  event.set();
  EXPECT_EQ(*finish(loop, std::move(task)), "moved");
}

Task<Result<int>> may_fail(bool well) {
  const auto get = [](bool good) -> Result<int> {
    if (!good) return fail(ErrorCode::not_found, "here", "nothing");
    return 5;
  };
  CO_TRY(get(true));
  CO_TRY_ASSIGN(const int value, get(well));
  co_return value + 1;
}

TEST(Task, ErrorsLeaveTheCoroutineAsValues) {
  BareLoop loop;
  EXPECT_EQ(*finish(loop, may_fail(true)), 6);
  const Result<int> failed = finish(loop, may_fail(false));
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().code, ErrorCode::not_found);
}

TEST(Event, SetBeforeTheWaitDoesNotSuspend) {
  BareLoop loop;
  Event event;
  event.set();
  EXPECT_TRUE(answer_after(event, 1).done());
  event.reset();
  EXPECT_FALSE(event.is_set());
}

Task<void> take_three(Event& event, int& taken) {
  for (int i = 0; i < 3; ++i) {
    co_await event;
    event.reset();
    ++taken;
  }
}

TEST(Event, IsReusableAfterReset) {
  BareLoop loop;
  Event event;
  int taken = 0;
  Task<void> task = take_three(event, taken);
  for (int i = 1; i <= 3; ++i) {
    event.set();
    event.set();  // twice is once
    loop.settle();
    EXPECT_EQ(taken, i);
  }
  EXPECT_TRUE(task.done());
}

TEST(EventDeathTest, TwoWaitersAreABug) {
  EXPECT_DEATH(
      {
        BareLoop loop;
        Event event;
        const Task<int> first = answer_after(event, 1);
        const Task<int> second = answer_after(event, 2);
      },
      "two coroutines wait for one Event");
}

TEST(Frames, AreReusedAndKeepTheirSizesApart) {
  std::vector<std::pair<void*, size_t>> frames;
  for (const size_t size : {1u, 255u, 256u, 257u, 4096u, 4097u, 100000u}) {
    void* frame = allocate_frame(size);
    std::fill_n(static_cast<char*>(frame), size, 'x');
    frames.emplace_back(frame, size);
  }
  for (const auto& [frame, size] : frames) release_frame(frame, size);
  for (int round = 0; round < 3; ++round) {
    void* small = allocate_frame(100);
    void* other = allocate_frame(100);
    EXPECT_NE(small, other);
    release_frame(small, 100);
    release_frame(other, 100);
  }
}

}  // namespace
}  // namespace ashlar::loop
