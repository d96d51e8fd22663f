#include "unit/range_lock_queue.h"

#include <gtest/gtest.h>

namespace ashlar::unit {
namespace {

std::vector<uint64_t> ids(const std::vector<RangeLock>& locks) {
  std::vector<uint64_t> numbers;
  for (const RangeLock& lock : locks) numbers.push_back(lock.id);
  return numbers;
}
using Ids = std::vector<uint64_t>;

TEST(RangeLockQueue, RangesThatTouchDoNotOverlap) {
  EXPECT_TRUE(overlap(0, 10, 9, 1));
  EXPECT_FALSE(overlap(0, 10, 10, 1));
  EXPECT_FALSE(overlap(10, 1, 0, 10));
  EXPECT_TRUE(overlap(5, 1, 0, 10));
  EXPECT_TRUE(overlap(0, UINT64_MAX, UINT64_MAX - 1, 1));
  EXPECT_TRUE(overlap(UINT64_MAX - 10, 11, UINT64_MAX, 1));
  EXPECT_FALSE(overlap(UINT64_MAX - 10, 5, 0, 100));
}

TEST(RangeLockQueue, StartsInOrderAndOvertakesNobodyWhoOverlaps) {
  RangeLockQueue queue(2);
  const uint64_t first = queue.ask({0, 100}, 0, nullptr);
  const uint64_t second = queue.ask({50, 100}, 1, nullptr);  // waits for the first
  const uint64_t third = queue.ask({140, 100}, 0, nullptr);  // free, but the second came earlier
  const uint64_t fourth = queue.ask({1000, 10}, 0, nullptr);
  EXPECT_EQ(ids(queue.start()), (Ids{first, fourth}));
  EXPECT_TRUE(queue.start().empty());
  EXPECT_EQ(queue.quiet(first), nullptr);
  EXPECT_FALSE(queue.release(first)) << "not granted yet";
  const RangeLockQueue::Entry* granted = queue.quiet(first);
  ASSERT_NE(granted, nullptr);
  EXPECT_EQ(granted->lock.id, first);
  EXPECT_TRUE(queue.start().empty());
  EXPECT_TRUE(queue.release(first));
  EXPECT_FALSE(queue.release(first));
  EXPECT_EQ(ids(queue.start()), (Ids{second}));
  queue.quiet(second);
  queue.quiet(second);
  EXPECT_TRUE(queue.release(second));
  EXPECT_EQ(ids(queue.start()), (Ids{third}));
}

TEST(RangeLockQueue, AbandonTakesTheWaitingAndKeepsTheGranted) {
  RangeLockQueue queue(1);
  const uint64_t held = queue.ask({0, 10}, 0, nullptr);
  const uint64_t waiting = queue.ask({0, 10}, 0, &queue);
  const uint64_t started = queue.ask({100, 10}, 0, nullptr);
  queue.start();
  queue.quiet(held);
  const auto abandoned = queue.abandon();
  ASSERT_EQ(abandoned.size(), 2u);
  EXPECT_EQ(abandoned[0].lock.id, waiting);
  EXPECT_EQ(abandoned[0].waiter, &queue);
  EXPECT_EQ(abandoned[1].lock.id, started);
  EXPECT_EQ(queue.quiet(started), nullptr) << "a late answer";
  EXPECT_TRUE(queue.release(held));
  EXPECT_TRUE(queue.empty());
}

}  // namespace
}  // namespace ashlar::unit
