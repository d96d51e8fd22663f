// What the engine is given of the configuration in force when a part of it cannot be served.
#include <gmock/gmock.h>

#include <thread>

#include "agent/recycling.h"
#include "agent/world_test.h"

namespace ashlar::agent {
namespace {

using api::Configuration;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

using ServeTest = FurnishedArray;

TEST_F(ServeTest, WhatIsBrokenIsLeftOutAndTheRestServed) {
  world.must_change([](Configuration& next) {
    next.volumes.push_back(volume_of("db2"));
    next.volumes.push_back(volume_of("db3"));
    next.maps.push_back({.volume = "db2", .target = target_name, .host = "web1"});
    next.portals.push_back({.name = "san-b", .address = "192.0.2.11"});
  });
  world.engine.forget();
  world.engine.set_broken({"db2", "san-b"});
  ASSERT_TRUE(world.array().serve());
  const auto failures = world.array().failures();
  EXPECT_THAT(failures, SizeIs(2));
  EXPECT_TRUE(failures.contains("volumes/db2") && failures.contains("portals/san-b"));
  EXPECT_THAT(world.engine.served().volumes, SizeIs(2));
  EXPECT_THAT(world.engine.served().mappings, SizeIs(1));
  // Changes go on meanwhile, and leave it out too.
  const auto grown = world.change([](Configuration& next) { resize_db1(next, uint64_t{2} << 30); });
  ASSERT_TRUE(grown) << why(grown);
  EXPECT_THAT(world.engine.served().volumes, SizeIs(2));
  // It is tried again with each change: what works again is served.
  world.engine.set_broken({});
  ASSERT_TRUE(world.change([](Configuration& next) { resize_db1(next, uint64_t{3} << 30); }));
  expect_whole();
  EXPECT_THAT(world.array().failures(), IsEmpty());
}

// By a way that it was not given, perhaps to a network that must not see it, nothing is served; and the rest goes on.
TEST_F(ServeTest, ATargetGoesWithItsOnlyPortal) {
  world.must_change([](Configuration& next) {
    next.portals.push_back({.name = "san-b", .address = "192.0.2.11"});
    next.portals.push_back({.name = "n", .protocol = "nvme-tcp", .address = "192.0.2.11", .port = 4420});
    next.targets.push_back({.name = "iqn.2026-11.io.ashlar:two", .portals = {"san-b"}});
    next.targets.push_back({.name = "nqn.2026-11.io.ashlar:one", .protocol = "nvme-tcp"});
    for (const char* target : {"iqn.2026-11.io.ashlar:two", "nqn.2026-11.io.ashlar:one"})
      next.maps.push_back({.name = target, .volume = "db1", .target = target, .host = "web1"});
  });
  ASSERT_THAT(world.engine.served().mappings, SizeIs(3));
  world.engine.forget();
  world.engine.set_broken({"n", "san-b"});
  const auto served = world.array().serve();
  ASSERT_TRUE(served) << served.error().text();
  EXPECT_THAT(world.array().failures(), SizeIs(2));
  ASSERT_THAT(world.engine.served().targets, SizeIs(1));
  EXPECT_EQ(world.engine.served().targets[0].name, target_name);
  EXPECT_THAT(world.engine.served().mappings, SizeIs(1));
  EXPECT_THAT(world.engine.served().portals, SizeIs(1));
  world.engine.set_broken({});
  ASSERT_TRUE(world.array().serve());
  expect_whole();
}

TEST_F(ServeTest, APoolThatIsGoneTakesItsVolumesAlone) {
  world.pools.set_folders([&] {
    auto folders = world.pools.folders();
    folders["/pools/p1"] = {};
    return folders;
  }());
  world.must_change([](Configuration& next) {
    next.pools.push_back({.name = "p1", .kind = "dir", .path = "/pools/p1"});
    next.volumes.push_back(volume_of("far"));
    next.volumes.back().pool = "p1";
  });
  auto folders = world.pools.folders();
  const auto kept = folders["/pools/p1"];
  folders.erase("/pools/p1");
  world.pools.set_folders(folders);
  ASSERT_TRUE(world.open());
  world.engine.forget();
  ASSERT_TRUE(world.array().serve());
  EXPECT_TRUE(world.array().failures().contains("volumes/far"));
  EXPECT_THAT(world.engine.served().volumes, SizeIs(1));
  // A disk that is away must not stop the work on all others.
  const auto other = world.change([](Configuration& next) {
    next.hosts.push_back(host_of("web2"));
    next.volumes.push_back(volume_of("near"));
  });
  ASSERT_TRUE(other) << why(other);
  EXPECT_THAT(world.engine.served().volumes, SizeIs(2));
  const auto into_it = world.change([](Configuration& next) {
    next.volumes.push_back(volume_of("far2"));
    next.volumes.back().pool = "p1";
  });
  EXPECT_THAT(why(into_it), HasSubstr("pools/p1/path"));
  // And the volume that it took can be given up.
  EXPECT_TRUE(world.change([](Configuration& next) { static_cast<void>(recycle(next, "far", 0, 24, "1")); }));
  folders = world.pools.folders();
  folders["/pools/p1"] = kept;
  world.pools.set_folders(folders);
  EXPECT_TRUE(world.change([](Configuration& next) { static_cast<void>(recover(next, "far.1", "")); }));
  EXPECT_EQ(world.served_text(), world.wanted_text());
}

TEST_F(ServeTest, WhatIsNotServedLeavesItsGroup) {
  world.must_change([](Configuration& next) {
    next.portals.push_back({.name = "san-b", .address = "192.0.2.11", .group_tag = 2});
    next.groups = {{.name = "ha", .volumes = {"db1"}, .access = {{.group_tag = 2, .state = "standby"}}}};
  });
  EXPECT_EQ(world.engine.served().groups.at(0).volumes, std::vector<std::string>{"db1"});
  // A volume that is opened anew goes and comes back.
  const auto plan = world.change([](Configuration& next) { next.volumes[0].read_only = true; }, true);
  ASSERT_TRUE(plan) << why(plan);
  expect_whole();
  world.engine.forget();
  world.engine.set_broken({"db1", "san-b"});
  ASSERT_TRUE(world.array().serve());
  EXPECT_THAT(world.engine.served().groups.at(0).volumes, IsEmpty());
  EXPECT_THAT(world.engine.served().groups.at(0).access, IsEmpty());
  world.engine.set_broken({});
  ASSERT_TRUE(world.array().serve());
  expect_whole();
}

TEST_F(ServeTest, ALostSecretTakesItsHostAlone) {
  world.must_change([](Configuration& next) {
    next.hosts.push_back(host_of("web2"));
    next.maps.push_back({.volume = "db1", .target = target_name, .host = "web2"});
  });
  const std::string reference = world.configuration().hosts[0].chap->secret;
  ASSERT_TRUE(world.disk.remove("./secrets/" + reference.substr(reference.find(':') + 1)));
  world.engine.forget();
  const auto served = world.array().serve();
  ASSERT_TRUE(served) << served.error().text();
  EXPECT_TRUE(world.array().failures().contains("hosts/web1"));
  ASSERT_THAT(world.engine.served().hosts, SizeIs(1));
  EXPECT_EQ(world.engine.served().hosts[0].name, "web2");
  EXPECT_THAT(world.engine.served().volumes, SizeIs(1));
  // A new secret mends it.
  world.must_change([](Configuration& next) { next.hosts[0].chap->secret = "a new chap secret"; });
  expect_whole();
  EXPECT_THAT(world.array().failures(), IsEmpty());
}

TEST_F(ServeTest, DiscoveryWhoseSecretIsLostStaysShut) {
  world.must_change([](Configuration& next) {
    next.portals[0].discovery_chap = api::Chap{.user = "finder", .secret = "a discovery secret"};
  });
  EXPECT_EQ(world.engine.served().portals[0].discovery_chap->secret, "a discovery secret");
  const std::string reference = world.configuration().portals[0].discovery_chap->secret;
  ASSERT_THAT(reference, testing::StartsWith("secret:"));
  ASSERT_TRUE(world.disk.remove("./secrets/" + reference.substr(reference.find(':') + 1)));
  world.engine.forget();
  ASSERT_TRUE(world.array().serve());
  EXPECT_TRUE(world.array().failures().contains("portals/" + world.configuration().portals[0].name));
  ASSERT_TRUE(world.engine.served().portals[0].discovery_chap);
  EXPECT_GE(world.engine.served().portals[0].discovery_chap->secret.size(), 32u);
  EXPECT_NE(world.engine.served().portals[0].discovery_chap->secret, "a discovery secret");
  // It is tried again every few seconds, and nothing has changed for the engine then.
  const rpc::Document served = world.engine.served();
  ASSERT_TRUE(world.array().serve());
  EXPECT_EQ(world.engine.served(), served);
}

TEST_F(ServeTest, TheKeeperNeverServesWhatIsNoLongerInForce) {
  std::atomic<bool> ended = false;
  std::thread keeper([&] {
    while (!ended) static_cast<void>(world.array().serve());
  });
  for (int i = 0; i < 100; ++i)
    world.must_change([i](Configuration& next) { next.hosts.push_back(host_of(fmt::format("h{}", i))); });
  ended = true;
  keeper.join();
  expect_whole();
}

}  // namespace
}  // namespace ashlar::agent
