// What is deleted for good, and what came back: what goes with it, and what stays as long as anything needs it.
#include <gmock/gmock.h>

#include "agent/array_test.h"
#include "agent/recycling.h"

namespace ashlar::agent {
namespace {

using api::Configuration;
using testing::IsEmpty;
using testing::SizeIs;

// Reservations and mode pages are kept as long as anybody can have the volume back, and not a moment longer.
TEST_F(ArrayTest, TheEngineForgetsAVolumeThatIsGoneForGood) {
  const std::string uuid = world.configuration().volumes[0].identity.uuid;
  world.must_change([](Configuration& next) { ASSERT_TRUE(recycle(next, "db1", begin_of_time, 24, "1")); });
  EXPECT_THAT(world.engine.forgotten(), IsEmpty()) << "it can be recovered";
  world.must_change([](Configuration& next) { ASSERT_TRUE(recover(next, "db1.1", "")); });
  world.must_change([](Configuration& next) { ASSERT_TRUE(recycle(next, "db1", begin_of_time, 24, "2")); });
  EXPECT_THAT(world.engine.forgotten(), IsEmpty());
  world.must_change([](Configuration& next) { next.recycle_bin.clear(); });
  EXPECT_THAT(world.engine.forgotten(), testing::ElementsAre(uuid));
  world.must_change([](Configuration& next) { next.volumes.push_back(volume_of("db1")); });
  EXPECT_THAT(world.engine.forgotten(), SizeIs(1)) << "once";
  expect_whole();
}

TEST_F(ArrayTest, AnEngineThatIsAwayForgetsLater) {
  const std::string uuid = world.configuration().volumes[0].identity.uuid;
  world.must_change([](Configuration& next) { ASSERT_TRUE(recycle(next, "db1", begin_of_time, 24, "1")); });
  world.engine.set_away(true);
  world.must_change([](Configuration& next) { next.recycle_bin.clear(); });
  EXPECT_THAT(world.files_in_pool(), IsEmpty()) << "the pool is there";
  ASSERT_TRUE(world.open()) << "another life of the agent";
  EXPECT_THAT(world.engine.forgotten(), IsEmpty());
  world.engine.set_away(false);
  ASSERT_TRUE(world.array().serve());
  EXPECT_THAT(world.engine.forgotten(), testing::ElementsAre(uuid));
  ASSERT_TRUE(world.open());
  ASSERT_TRUE(world.array().serve());
  EXPECT_THAT(world.engine.forgotten(), SizeIs(1)) << "once";
}

// Whoever imports what was exported with its identities has hosts that go on as before.
TEST_F(ArrayTest, WhatCameBackIsNotForgotten) {
  const api::Identity identity = world.configuration().volumes[0].identity;
  world.must_change([](Configuration& next) { ASSERT_TRUE(recycle(next, "db1", begin_of_time, 24, "1")); });
  world.engine.set_away(true);
  world.must_change([](Configuration& next) { next.recycle_bin.clear(); });
  world.engine.set_away(false);
  world.must_change([&identity](Configuration& next) {
    next.volumes.push_back(volume_of("db2"));
    next.volumes.back().identity = identity;
  });
  ASSERT_TRUE(world.array().serve());
  EXPECT_THAT(world.engine.forgotten(), IsEmpty());
}

TEST_F(ArrayTest, AKeyThatCameBackIsNotDestroyedWhileAnythingNeedsIt) {
  world.must_change([](Configuration& next) {
    next.volumes.push_back(volume_of("safe"));
    next.volumes.back().encrypted = true;
  });
  const std::string key = api::find_named(world.configuration().volumes, "safe")->key_id;
  world.must_change([](Configuration& next) { ASSERT_TRUE(recycle(next, "safe", begin_of_time, 24, "1")); });
  world.engine.set_away(true);
  world.must_change([](Configuration& next) { next.recycle_bin.clear(); });
  world.engine.set_away(false);
  world.must_change([&key](Configuration& next) {
    next.volumes.push_back(volume_of("safe2"));
    next.volumes.back().encrypted = true;
    next.volumes.back().key_id = key;
  });
  world.must_change([](Configuration& next) { ASSERT_TRUE(recycle(next, "safe2", begin_of_time, 24, "2")); });
  EXPECT_THAT(world.engine.destroyed_keys(), IsEmpty()) << "it can be recovered";
  world.must_change([](Configuration& next) { next.recycle_bin.clear(); });
  EXPECT_THAT(world.engine.destroyed_keys(), testing::ElementsAre(key));
}

TEST_F(ArrayTest, StorageThatCameBackIsNotDeleted) {
  const std::string file = world.configuration().volumes[0].backing;
  world.must_change([](Configuration& next) { ASSERT_TRUE(recycle(next, "db1", begin_of_time, 24, "1")); });
  world.pools.faults.plant_next(Faults::Kind::refuse);
  world.must_change([](Configuration& next) { next.recycle_bin.clear(); });
  world.pools.faults.clear();
  ASSERT_THAT(world.files_in_pool(), testing::ElementsAre(file)) << "it could not be deleted then";
  world.must_change([&file](Configuration& next) {
    next.volumes.push_back(volume_of("db2"));
    next.volumes.back().backing = file;
  });
  EXPECT_THAT(world.files_in_pool(), testing::ElementsAre(file));
  ASSERT_TRUE(world.array().serve());
  expect_whole();
}

TEST_F(ArrayTest, TheKeyOfAnEncryptedVolumeLivesAsLongAsAnythingNeedsIt) {
  world.must_change([](Configuration& next) {
    next.volumes.push_back(volume_of("safe"));
    next.volumes.back().encrypted = true;
  });
  const auto served = [&](const std::string& name) {
    const auto volumes = world.engine.served().volumes;
    const auto found = std::ranges::find(volumes, name, &rpc::VolumeDocument::name);
    return found == volumes.end() ? rpc::VolumeDocument{} : *found;
  };
  const std::string key = served("safe").identity->uuid;
  EXPECT_TRUE(served("safe").encrypted);
  EXPECT_EQ(served("safe").key_id, key);
  EXPECT_FALSE(served("safe").key_shared);
  world.must_change([](Configuration& next) { next.snapshots.push_back({.name = "safe@a"}); });
  EXPECT_TRUE(served("safe").key_shared) << "a host that erased the key would take the snapshot with it";
  world.must_change(
      [](Configuration& next) {
        std::erase_if(next.snapshots, [](const auto& each) { return each.name == "safe@a"; });
      },
      true);
  EXPECT_FALSE(served("safe").key_shared);
  world.must_change(
      [](Configuration& next) {
        std::erase_if(next.volumes, [](const auto& each) { return each.name == "safe"; });
      },
      true);
  EXPECT_THAT(world.engine.destroyed_keys(), testing::ElementsAre(key));
  expect_whole();
}

}  // namespace
}  // namespace ashlar::agent
