#include "access/lockout.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <thread>
#include <vector>

namespace ashlar::access {
namespace {

constexpr int64_t start = 1'700'000'000;
const std::string alice = "alice", bob = "bob", here = "192.0.2.1", there = "192.0.2.2";

void fail_times(Lockouts& lockouts, int times, const std::string& user, const std::string& address,
                int64_t now) {
  for (int i = 0; i < times; ++i) lockouts.failed(user, address, now);
}

TEST(Lockout, TheScheduleOfAGuesser) {
  Lockouts lockouts;
  int64_t now = start;
  for (int i = 1; i <= 4; ++i) {
    EXPECT_EQ(lockouts.wait_seconds(alice, here, now), 0u);
    EXPECT_FALSE(lockouts.failed(alice, here, now));
  }
  EXPECT_EQ(lockouts.wait_seconds(alice, here, now), 0u);
  for (const uint32_t expected : {1u, 2u, 4u, 8u, 16u, 32u, 64u, 128u, 256u, 512u, 900u, 900u, 900u}) {
    EXPECT_EQ(lockouts.failed(alice, here, now), expected == 1) << "only the first of them raises an alarm";
    EXPECT_EQ(lockouts.wait_seconds(alice, here, now), expected);
    EXPECT_EQ(lockouts.wait_seconds(alice, here, now + expected - 1), 1u);
    now += expected;
    EXPECT_EQ(lockouts.wait_seconds(alice, here, now), 0u);
  }
}

TEST(Lockout, AGuesserGetsFewTriesADay) {
  Lockouts lockouts;
  int tries = 0;
  for (int64_t now = start; now < start + 86400; ++now) {
    while (lockouts.wait_seconds(alice, here, now) == 0) {
      lockouts.failed(alice, here, now);
      ++tries;
    }
  }
  EXPECT_LT(tries, 120);
}

TEST(Lockout, WaitingOutTheMemoryIsNoFaster) {
  Lockouts lockouts;
  fail_times(lockouts, 20, alice, here, start);
  EXPECT_EQ(lockouts.wait_seconds(alice, here, start + 900), 0u);
  lockouts.failed(alice, here, start + 900 + 899);
  EXPECT_EQ(lockouts.wait_seconds(alice, here, start + 900 + 899), 900u);
}

TEST(Lockout, QuarterOfAnHourForgets) {
  Lockouts lockouts;
  fail_times(lockouts, 4, alice, here, start);
  EXPECT_FALSE(lockouts.failed(alice, here, start + 900));
  EXPECT_EQ(lockouts.wait_seconds(alice, here, start + 900), 0u);
  fail_times(lockouts, 20, alice, here, start + 1000);
  const int64_t later = start + 1000 + 900 + 900;
  EXPECT_FALSE(lockouts.failed(alice, here, later));
  EXPECT_EQ(lockouts.wait_seconds(alice, here, later), 0u);
  fail_times(lockouts, 3, alice, here, later);
  EXPECT_TRUE(lockouts.failed(alice, here, later)) << "a new lock-out, a new alarm";
}

TEST(Lockout, ByUserAndByAddress) {
  Lockouts lockouts;
  for (int i = 0; i < 5; ++i) lockouts.failed(alice, fmt::format("192.0.2.{}", i + 10), start);
  EXPECT_EQ(lockouts.wait_seconds(alice, "198.51.100.1", start), 1u) << "one user from many addresses";
  EXPECT_EQ(lockouts.wait_seconds(bob, "192.0.2.10", start), 0u);
  for (int i = 0; i < 6; ++i) lockouts.failed(fmt::format("user{}", i), here, start);
  EXPECT_EQ(lockouts.wait_seconds("somebody", here, start), 2u) << "many users from one address";
  EXPECT_EQ(lockouts.wait_seconds(alice, here, start), 2u) << "the longer of the two";
  EXPECT_EQ(lockouts.wait_seconds(bob, there, start), 0u);
}

TEST(Lockout, SuccessForgetsTheUsersOwnFailures) {
  Lockouts lockouts;
  fail_times(lockouts, 5, alice, here, start);
  lockouts.succeeded(alice, here);
  EXPECT_EQ(lockouts.wait_seconds(alice, here, start), 0u);
  EXPECT_FALSE(lockouts.failed(alice, here, start));
  lockouts.succeeded("nobody", "nowhere");
}

TEST(Lockout, OneGoodAccountDoesNotPayForGuessingAtOthers) {
  Lockouts lockouts;
  int tries = 0;
  for (int i = 0; i < 1000; ++i) {
    if (lockouts.wait_seconds(fmt::format("user{}", i), here, start) > 0) break;
    lockouts.failed(fmt::format("user{}", i), here, start);
    lockouts.succeeded(alice, here);
    ++tries;
  }
  EXPECT_EQ(tries, 5);
  EXPECT_GT(lockouts.wait_seconds(alice, here, start), 0u);
}

TEST(Lockout, OtherWaysToWriteTheSame) {
  Lockouts lockouts;
  for (const char* name : {"alice", "Alice", "ALICE", "aLice", "alicE"}) lockouts.failed(name, "", start);
  EXPECT_EQ(lockouts.wait_seconds("alicE", here, start), 1u);
  for (int i = 0; i < 5; ++i)
    lockouts.failed(fmt::format("u{}", i), fmt::format("2001:db8:0:1::{}", i), start);
  EXPECT_EQ(lockouts.wait_seconds(bob, "2001:db8:0:1:ffff::", start), 1u) << "one host's own addresses";
  EXPECT_EQ(lockouts.wait_seconds(bob, "2001:db8:0:2::1", start), 0u);
  for (int i = 0; i < 5; ++i) lockouts.failed(fmt::format("v{}", i), "::ffff:192.0.2.1", start);
  EXPECT_EQ(lockouts.wait_seconds(bob, "192.0.2.1", start), 1u);
  EXPECT_EQ(lockouts.wait_seconds(bob, "::ffff:192.0.2.2", start), 0u);
}

TEST(Lockout, LongNamesCountWhole) {
  Lockouts lockouts;
  const std::string name(100'000, 'a');
  fail_times(lockouts, 5, name + "1", here, start);
  EXPECT_EQ(lockouts.wait_seconds(name + "1", there, start), 1u);
  EXPECT_EQ(lockouts.wait_seconds(name + "2", there, start), 0u);
}

TEST(Lockout, TheOldestGoFirst) {
  Lockouts lockouts(3);
  for (const char* user : {"a", "b", "c"}) fail_times(lockouts, 6, user, user, start);
  lockouts.failed("a", "a", start);
  lockouts.failed("d", "d", start);
  EXPECT_EQ(lockouts.wait_seconds("a", "", start), 4u);
  EXPECT_EQ(lockouts.wait_seconds("b", "", start), 0u) << "gone";
  EXPECT_EQ(lockouts.wait_seconds("c", "", start), 2u);
}

TEST(Lockout, TenThousandOfEach) {
  Lockouts lockouts;
  fail_times(lockouts, 5, "first", "first", start);
  for (int i = 0; i < 9'999; ++i) lockouts.failed(fmt::format("user{}", i), fmt::format("at{}", i), start);
  EXPECT_EQ(lockouts.wait_seconds("first", "", start), 1u);
  lockouts.failed("one more", "one more", start);
  EXPECT_EQ(lockouts.wait_seconds("first", "", start), 0u);
  EXPECT_EQ(lockouts.wait_seconds("", "first", start), 0u);
}

TEST(Lockout, AClockSetBackMakesNoWaitLonger) {
  Lockouts lockouts;
  fail_times(lockouts, 7, alice, here, start);
  EXPECT_EQ(lockouts.wait_seconds(alice, here, start - 1'000'000), 4u);
  EXPECT_EQ(lockouts.wait_seconds(alice, here, 0), 4u);
  lockouts.failed(alice, here, start - 1'000'000);
  EXPECT_EQ(lockouts.wait_seconds(alice, here, start - 1'000'000 + 8), 0u);
}

TEST(Lockout, FromManyThreads) {
  Lockouts lockouts(100);
  std::vector<std::jthread> threads;
  for (int thread = 0; thread < 4; ++thread) {
    threads.emplace_back([&lockouts, thread] {
      for (int i = 0; i < 500; ++i) {
        const std::string user = fmt::format("user{}", i % 150);
        lockouts.failed(user, here, start);
        lockouts.wait_seconds(user, here, start);
        if (thread == 0) lockouts.succeeded(user, there);
      }
    });
  }
  threads.clear();
  EXPECT_EQ(lockouts.wait_seconds("new", here, start), 900u);
}

}  // namespace
}  // namespace ashlar::access
