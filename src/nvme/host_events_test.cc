#include "nvme/host_events.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace ashlar::nvme {
namespace {

TEST(HostEvents, AreOfOneHostOfOneSubsystem) {
  HostEvents events;
  events.add("s", "h", {.milliseconds = 1});
  events.add("s", "h", {.milliseconds = 2});
  events.add("s", "other", {.milliseconds = 3});
  ASSERT_EQ(events.of("s", "h").size(), 2u);
  EXPECT_EQ(events.of("s", "h")[1].milliseconds, 2u);
  EXPECT_EQ(events.of("s", "other").size(), 1u);
  EXPECT_TRUE(events.of("t", "h").empty());
}

TEST(HostEvents, AHostPushesOutItsOwnAlone) {
  HostEvents events;
  events.add("s", "quiet", {.milliseconds = 1});
  for (uint64_t i = 0; i < 10 * HostEvents::most_events_of_host; ++i)
    events.add("s", "loud", {.milliseconds = i});
  EXPECT_EQ(events.of("s", "loud").size(), HostEvents::most_events_of_host);
  EXPECT_EQ(events.of("s", "loud").back().milliseconds, 10 * HostEvents::most_events_of_host - 1);
  EXPECT_EQ(events.of("s", "quiet").size(), 1u);
}

TEST(HostEvents, WhoWasNotHeardOfForTheLongestTimeIsForgotten) {
  HostEvents events;
  for (size_t i = 0; i < HostEvents::most_hosts; ++i) events.add("s", fmt::format("h{}", i), {});
  events.add("s", "h0", {});  // heard of again
  events.add("s", "new", {});
  EXPECT_EQ(events.of("s", "h0").size(), 2u);
  EXPECT_TRUE(events.of("s", "h1").empty());
  EXPECT_EQ(events.of("s", "h2").size(), 1u);
  EXPECT_EQ(events.of("s", "new").size(), 1u);
}

}  // namespace
}  // namespace ashlar::nvme
