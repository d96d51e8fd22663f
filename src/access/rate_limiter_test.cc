#include "access/rate_limiter.h"

#include <gtest/gtest.h>

#include <atomic>
#include <limits>
#include <thread>
#include <vector>

namespace ashlar::access {
namespace {

int count_allowed(RateLimiter& limiter, const std::string& who, double now, int tries) {
  int allowed = 0;
  for (int i = 0; i < tries; ++i) allowed += limiter.allow(who, now) ? 1 : 0;
  return allowed;
}

TEST(RateLimiter, ABurstAndThenTheRate) {
  RateLimiter limiter(2, 5);
  EXPECT_EQ(count_allowed(limiter, "a", 100, 10), 5);
  EXPECT_FALSE(limiter.allow("a", 100.25));
  EXPECT_TRUE(limiter.allow("a", 100.5));
  EXPECT_FALSE(limiter.allow("a", 100.5));
  EXPECT_EQ(count_allowed(limiter, "a", 102.0, 10), 3);
  EXPECT_EQ(count_allowed(limiter, "a", 1000, 10), 5) << "never more than the burst";
}

TEST(RateLimiter, RefusedRequestsCostNothing) {
  RateLimiter limiter(1, 1);
  EXPECT_TRUE(limiter.allow("a", 0));
  for (int i = 1; i < 16; ++i) EXPECT_FALSE(limiter.allow("a", i / 16.0));
  EXPECT_TRUE(limiter.allow("a", 1));
}

TEST(RateLimiter, OverAnHourItIsTheRate) {
  RateLimiter limiter(0.5, 10);
  int allowed = 0;
  for (int tick = 0; tick <= 3600 * 4; ++tick) allowed += limiter.allow("a", tick / 4.0) ? 1 : 0;
  EXPECT_EQ(allowed, 10 + 1800);
}

TEST(RateLimiter, EachHasItsOwn) {
  RateLimiter limiter(1, 2);
  EXPECT_EQ(count_allowed(limiter, "a", 0, 5), 2);
  EXPECT_EQ(count_allowed(limiter, "b", 0, 5), 2);
}

TEST(RateLimiter, AClockThatGoesBackFillsNothing) {
  RateLimiter limiter(1, 2);
  EXPECT_EQ(count_allowed(limiter, "a", 1000, 5), 2);
  EXPECT_EQ(count_allowed(limiter, "a", 10, 5), 0);
  EXPECT_EQ(count_allowed(limiter, "a", 11, 5), 1) << "and goes on from there";
}

TEST(RateLimiter, OddNumbersAreTheLeast) {
  RateLimiter none(-1, -1);
  EXPECT_EQ(count_allowed(none, "a", 0, 5), 1);
  EXPECT_EQ(count_allowed(none, "a", 1e9, 5), 0);
  constexpr double not_a_number = std::numeric_limits<double>::quiet_NaN();
  RateLimiter odd(not_a_number, not_a_number);
  EXPECT_EQ(count_allowed(odd, "a", 0, 5), 1);
}

TEST(RateLimiter, Bounded) {
  RateLimiter limiter(1, 1, 2);
  EXPECT_TRUE(limiter.allow("a", 0));
  EXPECT_TRUE(limiter.allow("b", 0));
  EXPECT_FALSE(limiter.allow("a", 0));
  EXPECT_TRUE(limiter.allow("c", 0));   // b goes
  EXPECT_FALSE(limiter.allow("a", 0));  // a does not
  EXPECT_TRUE(limiter.allow("b", 0));
}

TEST(RateLimiter, FromManyThreads) {
  RateLimiter limiter(1, 100);
  std::atomic<int> allowed = 0;
  std::vector<std::jthread> threads;
  for (int thread = 0; thread < 4; ++thread) {
    threads.emplace_back([&] { allowed += count_allowed(limiter, "a", 0, 200); });
  }
  threads.clear();
  EXPECT_EQ(allowed, 100);
}

}  // namespace
}  // namespace ashlar::access
