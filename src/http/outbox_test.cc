#include "http/outbox.h"

#include <gtest/gtest.h>

namespace ashlar::http {
namespace {

TEST(Outbox, WakesOnceForOneWhoFoundNothing) {
  int woken = 0;
  Outbox outbox(100, [&] { ++woken; });
  EXPECT_TRUE(outbox.push("a"));
  EXPECT_EQ(woken, 0);  // nobody has looked yet
  EXPECT_EQ(outbox.next(), "a");
  EXPECT_EQ(outbox.next(), std::nullopt);
  EXPECT_TRUE(outbox.push("b"));
  EXPECT_TRUE(outbox.push("c"));
  EXPECT_EQ(woken, 1);
  EXPECT_EQ(outbox.next(), "b");
  EXPECT_EQ(outbox.next(), "c");
  EXPECT_EQ(outbox.next(), std::nullopt);
  outbox.finish();
  EXPECT_EQ(woken, 2);
  EXPECT_TRUE(outbox.finished());
}

TEST(Outbox, WhatIsOnItsWayStillWaits) {
  Outbox outbox(10, [] {});
  EXPECT_TRUE(outbox.push("0123456789"));
  EXPECT_EQ(outbox.next()->size(), 10u);
  outbox.sent(10);
  EXPECT_TRUE(outbox.push("0123456789"));
  EXPECT_EQ(outbox.next()->size(), 10u);
  EXPECT_FALSE(outbox.push("x"));
  EXPECT_TRUE(outbox.overflowed());
  EXPECT_FALSE(outbox.open());
  EXPECT_FALSE(outbox.finished());
  EXPECT_FALSE(outbox.push(""));
}

TEST(Outbox, WhatWaitsWhenItEndsIsStillGiven) {
  Outbox outbox(10, [] {});
  EXPECT_TRUE(outbox.push("a"));
  outbox.finish();
  EXPECT_FALSE(outbox.push("b"));
  EXPECT_FALSE(outbox.finished());
  EXPECT_EQ(outbox.next(), "a");
  EXPECT_TRUE(outbox.finished());
}

TEST(Outbox, AnAbandonedOneIsSilent) {
  int woken = 0;
  Outbox outbox(10, [&] { ++woken; });
  EXPECT_EQ(outbox.next(), std::nullopt);
  outbox.abandon();
  EXPECT_FALSE(outbox.push("a"));
  EXPECT_FALSE(outbox.push("more than ten bytes"));
  outbox.finish();
  EXPECT_EQ(woken, 0);
}

}  // namespace
}  // namespace ashlar::http
