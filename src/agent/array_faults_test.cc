// Changes while the engine, a pool or the disk fails: all of it or nothing.
#include <gmock/gmock.h>

#include "agent/array_test.h"

namespace ashlar::agent {
namespace {

using api::Configuration;
using testing::SizeIs;

TEST_F(ArrayTest, WithoutTheEngineNothingThatItServesChanges) {
  world.engine.set_away(true);
  const auto refused = world.change([](Configuration& next) { next.volumes.push_back(volume_of("db2")); });
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().error.code, ErrorCode::closed);
  EXPECT_EQ(world.generation(), 1u);
  // What it does not serve can be changed.
  EXPECT_TRUE(world.change([](Configuration& next) { next.users.push_back({.name = "bob"}); }));
  EXPECT_FALSE(world.array().serve());
  world.engine.set_away(false);
  expect_whole();
  ASSERT_TRUE(world.change([](Configuration& next) { next.volumes.push_back(volume_of("db2")); }));
  expect_whole();
}

TEST_F(ArrayTest, WhatTheEngineRefusesIsTakenBack) {
  world.engine.set_broken({"db2"});
  const auto refused = world.change([](Configuration& next) { next.volumes.push_back(volume_of("db2")); });
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().error.place, "volumes/db2/store");
  EXPECT_EQ(world.generation(), 1u);
  expect_whole();
  EXPECT_THAT(*world.array().generations(), SizeIs(1));
}

// A change with all that the engine is asked in one: a shrink, a restore, a grown and a new volume.
TEST_F(ArrayTest, AnEngineThatFailsAnywhereServesWhatIsInForce) {
  snapshot_db1();
  world.must_change([](Configuration& next) {
    for (const char* name : {"a", "b", "c"}) next.volumes.push_back(volume_of(name));
  });
  const auto edit = [](Configuration& next) {
    restore_db1(next);
    api::find_named(next.volumes, "a")->size_bytes /= 2;
    api::find_named(next.volumes, "b")->size_bytes /= 2;
    api::find_named(next.volumes, "c")->size_bytes *= 2;
    next.volumes.push_back(volume_of("d"));
  };
  for (const auto kind : {Faults::Kind::refuse, Faults::Kind::away, Faults::Kind::lost_answer}) {
    const uint64_t generation = world.generation();
    for (uint64_t call = 0;; ++call) {
      ASSERT_LT(call, 20u);
      world.engine.faults.plant(world.engine.faults.calls() + 1 + call, kind);  // the first asks for sessions
      const auto outcome = world.change(edit, true);
      world.engine.faults.clear();
      if (outcome) break;
      EXPECT_EQ(world.generation(), generation);
      expect_whole(fmt::format("call {}, fault {}", call, static_cast<int>(kind)));
    }
    expect_whole("made");
    world.must_change([](Configuration& next) {  // back to where it began
      api::find_named(next.volumes, "a")->size_bytes *= 2;
      api::find_named(next.volumes, "b")->size_bytes *= 2;
      api::find_named(next.volumes, "c")->size_bytes /= 2;
      std::erase_if(next.volumes, [](const api::Volume& each) { return each.name == "d"; });
    });
  }
}

TEST_F(ArrayTest, APoolThatFailsAnywhereLeavesNothing) {
  snapshot_db1();
  const uint64_t generation = world.generation();
  for (uint64_t call = 0;; ++call) {
    ASSERT_LT(call, 50u);
    world.pools.faults.plant(world.pools.faults.calls() + call, Faults::Kind::refuse);
    const auto outcome = world.change(
        [](Configuration& next) {
          restore_db1(next);
          next.volumes.push_back(volume_of("db2"));
          next.snapshots.push_back({.name = "db1@b"});
        },
        true);
    world.pools.faults.clear();
    if (outcome) break;
    EXPECT_EQ(world.generation(), generation) << call;
    expect_whole(fmt::format("verb {}", call));
  }
  // The old storage of db1 goes after the commit; when that fails it is tried again at the next start.
  ASSERT_TRUE(world.open());
  expect_whole("after the next start");
}

TEST_F(ArrayTest, ADiskThatIsFullRefusesChangesAndServingGoesOn) {
  size_t refused = 0;
  for (const uint64_t times : {1, 3, 1000}) {
    for (uint64_t call = 0, struck = 1; struck != 0; ++call) {
      ASSERT_LT(call, 100u);
      const std::string name = fmt::format("v{}-{}", times, call);
      const std::string when = fmt::format("{} calls from {} failed", times, call);
      const uint64_t generation = world.generation();
      const uint64_t planted = world.disk.calls() + call;
      world.disk.fail_at(planted, ErrorCode::no_space, times);
      const auto outcome = world.change([&name](Configuration& next) {
        next.volumes.push_back(volume_of(name));
        next.hosts.push_back(host_of(name));
        next.hosts.back().chap = api::Chap{.user = "u", .secret = "a chap secret of it"};
      });
      struck = world.disk.calls() > planted ? 1 : 0;
      if (!outcome) {
        ++refused;
        EXPECT_EQ(outcome.error().error.code, ErrorCode::no_space) << when << ": " << why(outcome);
        EXPECT_EQ(world.generation(), generation) << when;
        EXPECT_EQ(world.served_text(), world.wanted_text()) << when;
      }
      world.disk.heal();
      // The disk works again: so must the array, without a restart.
      const auto again =
          world.change([&name](Configuration& next) { next.hosts.push_back(host_of("h" + name)); });
      ASSERT_TRUE(again) << when << ": " << why(again);
      EXPECT_FALSE(world.raised("state_not_writable")) << when;
      expect_whole(when);
      ASSERT_FALSE(HasFailure());
    }
  }
  EXPECT_GT(refused, 20u);
}

TEST_F(ArrayTest, ADiskThatCannotBeWrittenRaisesTheAlarm) {
  world.disk.fail_at(world.disk.calls(), ErrorCode::no_space, 1000);
  EXPECT_FALSE(world.change([](Configuration& next) { next.volumes.push_back(volume_of("db2")); }));
  EXPECT_TRUE(world.raised("state_not_writable"));
  EXPECT_TRUE(world.array().serve()) << "what is in force can be served";
  world.disk.heal();
  EXPECT_TRUE(world.change([](Configuration& next) { next.volumes.push_back(volume_of("db2")); }));
  EXPECT_FALSE(world.raised("state_not_writable"));
}

}  // namespace
}  // namespace ashlar::agent
