#include "agent/isns_course.h"

#include <gtest/gtest.h>

namespace ashlar::agent {
namespace {

using namespace std::chrono_literals;
using Next = IsnsCourse::Next;

IsnsRegistration registration_of(const std::string& target) {
  const IsnsPortal portal{isns_address("192.0.2.1"), 3260};
  return {{portal}, {{target, "", {{portal, 1}}}}, 0};
}

class IsnsCourseTest : public testing::Test {
 protected:
  Next next() const { return course.next(&wish, now); }
  void register_all() {
    course.on_connected();
    ASSERT_EQ(next(), Next{IsnsStep::register_all});
    course.on_registering(wish);
    course.on_registered(600, now);
  }

  IsnsTiming timing;
  IsnsCourse course{timing};
  IsnsRegistration wish = registration_of("iqn.2026-11.io.ashlar:one");
  const IsnsRegistration nothing;
  IsnsCourse::Time now = 1'000'000ms;
};

TEST_F(IsnsCourseTest, NothingToSayIsNoConnection) {
  EXPECT_EQ(course.next(nullptr, now), Next{});
  EXPECT_EQ(course.next(&nothing, now), Next{});
  course.on_connected();
  EXPECT_EQ(course.next(&nothing, now), Next{IsnsStep::disconnect});
}

TEST_F(IsnsCourseTest, ItConnectsRegistersAndLooksAfterIt) {
  EXPECT_EQ(next(), Next{IsnsStep::connect});
  register_all();
  EXPECT_TRUE(course.registered());
  EXPECT_EQ(next(), (Next{IsnsStep::wait, now + 200s}));
  now += 200s;
  EXPECT_EQ(next(), Next{IsnsStep::verify});
  course.on_verified(true, now);
  EXPECT_EQ(next(), (Next{IsnsStep::wait, now + 200s}));
}

TEST_F(IsnsCourseTest, AShorterPeriodThanAskedForCounts) {
  course.on_connected();
  course.on_registering(wish);
  course.on_registered(30, now);
  EXPECT_EQ(next(), (Next{IsnsStep::wait, now + 10s}));
  course.on_registered(1, now);
  EXPECT_EQ(next(), (Next{IsnsStep::wait, now + timing.shortest_refresh}));
  for (const std::optional<uint32_t> granted :
       {std::optional<uint32_t>(), std::optional(0u), std::optional(86400u)}) {
    course.on_registered(granted, now);
    EXPECT_EQ(next(), (Next{IsnsStep::wait, now + 200s}));
  }
}

TEST_F(IsnsCourseTest, WhatTheServerHasForgottenIsAddedNotReplaced) {
  register_all();
  now += 200s;
  course.on_verified(false, now);
  EXPECT_FALSE(course.registered());
  EXPECT_EQ(next(), Next{IsnsStep::register_all});
  EXPECT_FALSE(course.replaces(wish));
  course.on_registering(wish);
  EXPECT_TRUE(course.replaces(wish)) << "half of it may be there";
  course.on_registered(600, now);
  EXPECT_EQ(next(), (Next{IsnsStep::wait, now + 200s}));
}

TEST_F(IsnsCourseTest, AChangeReplaces) {
  register_all();
  wish = registration_of("iqn.2026-11.io.ashlar:two");
  EXPECT_EQ(next(), Next{IsnsStep::register_all});
  EXPECT_TRUE(course.replaces(wish));
}

TEST_F(IsnsCourseTest, ANewConnectionIsAskedWhatItKnows) {
  register_all();
  course.on_closed(now);
  EXPECT_EQ(next(), (Next{IsnsStep::wait, now + timing.first_retry}));
  now += timing.first_retry;
  EXPECT_EQ(next(), Next{IsnsStep::connect});
  course.on_connected();
  EXPECT_EQ(next(), Next{IsnsStep::verify});
}

TEST_F(IsnsCourseTest, ARegistrationThatBrokeOffIsMadeAnew) {
  course.on_connected();
  course.on_registering(wish);
  course.on_failure(now, 0);
  now += 1s;
  course.on_connected();
  EXPECT_EQ(next(), Next{IsnsStep::register_all});
  EXPECT_TRUE(course.replaces(wish));
}

TEST_F(IsnsCourseTest, WhatIsNotWantedAnyMoreIsTakenOut) {
  register_all();
  EXPECT_EQ(course.next(&nothing, now), Next{IsnsStep::deregister});
  course.on_closed(now);
  now += timing.first_retry;
  EXPECT_EQ(course.next(nullptr, now), Next{IsnsStep::connect});
  course.on_connected();
  EXPECT_EQ(course.next(nullptr, now), Next{IsnsStep::deregister});
  course.on_deregistered();
  EXPECT_EQ(course.next(nullptr, now), Next{IsnsStep::disconnect});
  course.on_disconnected();
  EXPECT_EQ(course.next(nullptr, now), Next{});
}

TEST_F(IsnsCourseTest, FailuresAreTriedAgainLessAndLessOften) {
  for (const auto pause : {1s, 2s, 4s, 8s, 16s, 32s, 60s, 60s}) {
    course.on_failure(now, 0);
    EXPECT_EQ(next(), (Next{IsnsStep::wait, now + pause}));
    now += pause;
    EXPECT_EQ(next(), Next{IsnsStep::connect});
  }
  register_all();
  course.on_failure(now, 0);
  EXPECT_EQ(next(), (Next{IsnsStep::wait, now + 1s}));
}

TEST(IsnsRetryPause, IsAtMostAQuarterShorterByChance) {
  const IsnsTiming timing;
  EXPECT_EQ(isns_retry_pause(0, timing, 0), 1s);
  EXPECT_EQ(isns_retry_pause(3, timing, 0), 4s);
  EXPECT_EQ(isns_retry_pause(4'000'000'000, timing, 0), 60s);
  for (const uint32_t random : {1u, 512u, 1023u, 0xffffffffu}) {
    EXPECT_GE(isns_retry_pause(3, timing, random), 3s);
    EXPECT_LE(isns_retry_pause(3, timing, random), 4s);
  }
  EXPECT_LT(isns_retry_pause(3, timing, 1023), isns_retry_pause(3, timing, 1));
}

}  // namespace
}  // namespace ashlar::agent
