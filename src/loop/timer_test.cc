#include "loop/timer.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <deque>
#include <functional>
#include <optional>
#include <vector>

namespace ashlar::loop {
namespace {

class TestTimer final : public Timer {
 public:
  explicit TestTimer(std::function<void()> then) : then_(std::move(then)) {}
  void expired() override { then_(); }

 private:
  std::function<void()> then_;
};

TEST(TimerHeap, ExpiresInOrderOfDeadlineThenOfArming) {
  TimerHeap heap;
  std::vector<int> order;
  std::deque<TestTimer> timers;
  for (int i = 0; i < 6; ++i) timers.emplace_back([&order, i] { order.push_back(i); });
  const int64_t deadlines[] = {50, 10, 30, 10, 20, 60};
  for (size_t i = 0; i < timers.size(); ++i) heap.arm(timers[i], {deadlines[i]});
  EXPECT_EQ(heap.next(), Instant{10});
  EXPECT_EQ(heap.expire({9}), 0u);
  EXPECT_EQ(heap.expire({50}), 5u);
  EXPECT_EQ(order, (std::vector<int>{1, 3, 4, 2, 0}));
  EXPECT_EQ(heap.next(), Instant{60});
  heap.cancel(timers[5]);
  EXPECT_EQ(heap.next(), Instant::never());
}

TEST(TimerHeap, ArmingAgainMovesIt) {
  TimerHeap heap;
  int count = 0;
  TestTimer timer([&] { ++count; });
  heap.arm(timer, {10});
  heap.arm(timer, {20});
  EXPECT_EQ(heap.size(), 1u);
  EXPECT_EQ(heap.expire({19}), 0u);
  EXPECT_EQ(heap.expire({20}), 1u);
  EXPECT_EQ(count, 1);
  EXPECT_FALSE(timer.armed());
}

TEST(TimerHeap, OneThatArmsItselfForThePastIsDueInTheNextTurnAndHidesNobody) {
  TimerHeap heap;
  int greedy_count = 0;
  int modest_count = 0;
  TestTimer* self = nullptr;
  TestTimer greedy([&] {
    ++greedy_count;
    heap.arm(*self, {0});
  });
  self = &greedy;
  TestTimer modest([&] { ++modest_count; });
  heap.arm(greedy, {1});
  heap.arm(modest, {2});
  EXPECT_EQ(heap.expire({5}), 2u);
  EXPECT_EQ(greedy_count, 1);
  EXPECT_EQ(modest_count, 1);
  EXPECT_EQ(heap.expire({6}), 1u);
  EXPECT_EQ(greedy_count, 2);
  heap.cancel(greedy);
}

TEST(TimerHeap, OneTimerMayCancelAnotherThatIsDue) {
  TimerHeap heap;
  int count = 0;
  TestTimer second([&] { ++count; });
  TestTimer first([&] { heap.cancel(second); });
  heap.arm(first, {1});
  heap.arm(second, {2});
  EXPECT_EQ(heap.expire({3}), 1u);
  EXPECT_EQ(count, 0);
}

TEST(TimerDeathTest, DyingWhileArmedIsABug) {
  EXPECT_DEATH(
      {
        TimerHeap heap;
        TestTimer timer([] {});
        heap.arm(timer, {1});
      },
      "timer destroyed while armed");
}

// The heap against the plainest thing that can be right: a list that is searched for its least element.
struct Model {
  struct Armed {
    size_t timer;
    int64_t deadline;
    uint64_t order;
  };
  std::vector<Armed> armed;
  uint64_t order = 0;

  void cancel(size_t timer) {
    std::erase_if(armed, [&](const Armed& entry) { return entry.timer == timer; });
  }
  void arm(size_t timer, int64_t deadline) {
    cancel(timer);
    armed.push_back({timer, deadline, order++});
  }
  std::optional<size_t> pop_due(int64_t now) {
    const auto least = std::min_element(armed.begin(), armed.end(), [](const Armed& a, const Armed& b) {
      return a.deadline != b.deadline ? a.deadline < b.deadline : a.order < b.order;
    });
    if (least == armed.end() || least->deadline > now) return std::nullopt;
    const size_t timer = least->timer;
    armed.erase(least);
    return timer;
  }
};

RC_GTEST_PROP(TimerHeap, DoesAsTheModelDoes, ()) {
  constexpr size_t count = 40;
  TimerHeap heap;
  Model model;
  std::vector<size_t> expired;
  std::deque<TestTimer> timers;
  for (size_t i = 0; i < count; ++i) timers.emplace_back([&expired, i] { expired.push_back(i); });
  int64_t now = 0;
  const auto steps = *rc::gen::container<std::vector<uint32_t>>(rc::gen::arbitrary<uint32_t>());
  for (const uint32_t step : steps) {
    const size_t timer = (step >> 8) % count;
    const int64_t span = static_cast<int64_t>(step >> 16) % 50;
    if (step % 8 < 5) {
      heap.arm(timers[timer], {now + span});
      model.arm(timer, now + span);
    } else if (step % 8 == 5) {
      heap.cancel(timers[timer]);
      model.cancel(timer);
    } else {
      now += span / 4;
      expired.clear();
      std::vector<size_t> expected;
      while (const auto due = model.pop_due(now)) expected.push_back(*due);
      RC_ASSERT(heap.expire({now}) == expected.size());
      RC_ASSERT(expired == expected);
    }
    RC_ASSERT(heap.size() == model.armed.size());
  }
  for (TestTimer& timer : timers) heap.cancel(timer);
}

}  // namespace
}  // namespace ashlar::loop
