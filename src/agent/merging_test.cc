// Parts of a configuration, older configurations, and the recycle bin, made into the next configuration.
#include "agent/merging.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agent/clock.h"
#include "agent/recycling.h"
#include "agent/world_test.h"
#include "api/lists.h"

namespace ashlar::agent {
namespace {

using api::Configuration;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

Configuration base() {
  Configuration all;
  all.pools = {{.name = "p0", .kind = "memory"}};
  for (const char* name : {"db1", "db2"}) {
    api::Volume volume = volume_of(name);
    volume.backing = volume.name;
    all.volumes.push_back(volume);
  }
  all.snapshots = {{.name = "db1@a", .volume = "db1", .backing = "a"}};
  all.hosts = {host_of("web1"), host_of("web2")};
  all.targets = {{.name = target_name}};
  all.maps = {{.name = "db1.web1", .volume = "db1", .target = target_name, .host = "web1", .lun = 0}};
  all.users = {{.name = "alice"}};
  return all;
}

std::vector<std::string> names(const auto& list) {
  std::vector<std::string> names;
  for (const auto& each : list) names.push_back(each.name);
  return names;
}

api::Json json(const char* text) {
  auto parsed = api::parse_json(text);
  EXPECT_TRUE(parsed) << parsed.error().text();
  return parsed.value_or(api::Json());
}

TEST(Merging, ReplacesAndAdds) {
  Configuration next = base();
  const api::Json wish = json(R"({"hosts":[{"name":"web2","os":"linux"},{"name":"web3"}]})");
  ASSERT_TRUE(merge_wish(next, wish, false, 0));
  EXPECT_THAT(names(next.hosts), ElementsAre("web1", "web2", "web3"));
  EXPECT_EQ(next.hosts[1].os, "linux");
  EXPECT_THAT(next.hosts[1].initiators, IsEmpty()) << "a resource is replaced as a whole";
  EXPECT_EQ(next.volumes, base().volumes) << "kinds that are not named stay";
}

TEST(Merging, PruneTakesTheOthersOfThoseKinds) {
  Configuration next = base();
  ASSERT_TRUE(merge_wish(next, json(R"({"hosts":[{"name":"web2"}],"maps":[]})"), true, 0));
  EXPECT_THAT(names(next.hosts), ElementsAre("web2"));
  EXPECT_THAT(next.maps, IsEmpty());
  EXPECT_THAT(next.volumes, SizeIs(2));
  next = base();
  ASSERT_TRUE(
      merge_wish(next, json(R"({"volumes":[{"name":"db2","pool":"p0","size_bytes":1073741824}]})"), true, 5));
  EXPECT_THAT(names(next.volumes), ElementsAre("db2"));
  ASSERT_THAT(next.recycle_bin, SizeIs(1)) << "volumes go to the recycle bin";
  EXPECT_EQ(next.recycle_bin[0].volume, base().volumes[0]);
  EXPECT_EQ(next.recycle_bin[0].deleted_at, rfc3339(5));
  EXPECT_THAT(next.snapshots, IsEmpty());
  EXPECT_THAT(next.maps, IsEmpty());
}

TEST(Merging, WhatIsNotPortableIsRefused) {
  Configuration next = base();
  for (const char* text :
       {R"({"users":[{"name":"eve","role":"admin"}]})", R"({"tokens":[{"name":"t","user":"u"}]})",
        R"({"nonsense":[]})", R"({"hosts":7})", R"([])"}) {
    EXPECT_FALSE(merge_wish(next, json(text), true, 0)) << text;
    EXPECT_EQ(next, base()) << text;
  }
  EXPECT_TRUE(merge_wish(next, json(R"({"users":[]})"), true, 0));
  EXPECT_EQ(next, base());
}

TEST(RollBack, BringsBackWhatTheBinHas) {
  const Configuration old = base();
  Configuration next = base();
  ASSERT_TRUE(recycle(next, "db1", 0, 24, "00000001"));
  next.hosts.clear();
  next.volumes.push_back(volume_of("later"));
  next.users = {{.name = "bob"}};
  ASSERT_TRUE(roll_back(next, old, 7, 100));
  EXPECT_THAT(names(next.volumes), ElementsAre("db1", "db2"));
  EXPECT_THAT(names(next.snapshots), ElementsAre("db1@a"));
  EXPECT_EQ(next.maps, old.maps);
  EXPECT_EQ(next.hosts, old.hosts);
  EXPECT_THAT(names(next.users), ElementsAre("bob")) << "users stay as they are today";
  ASSERT_THAT(next.recycle_bin, SizeIs(1));
  EXPECT_EQ(next.recycle_bin[0].volume.name, "later");
}

TEST(RollBack, KeepsDataOfToday) {
  const Configuration old = base();
  Configuration next = base();
  next.volumes[0].size_bytes *= 4;
  next.volumes[0].backing = "restored";
  next.volumes[0].comment = "today";
  next.volumes[1].size_bytes /= 2;
  ASSERT_TRUE(roll_back(next, old, 7, 100));
  EXPECT_EQ(next.volumes[0].backing, "restored");
  EXPECT_EQ(next.volumes[0].size_bytes, uint64_t{4} << 30) << "a rollback cuts nothing off";
  EXPECT_EQ(next.volumes[0].comment, "");
  EXPECT_EQ(next.volumes[1].size_bytes, uint64_t{1} << 30);
}

TEST(RollBack, WhatWasDeletedForGoodIsNamed) {
  const Configuration old = base();
  Configuration next = base();
  ASSERT_TRUE(recycle(next, "db1", 0, 0, "00000001"));
  EXPECT_THAT(next.recycle_bin, IsEmpty());
  const auto done = roll_back(next, old, 7, 100);
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code, ErrorCode::unsupported);
  EXPECT_EQ(done.error().place, "volumes/db1");
  EXPECT_THAT(done.error().message, HasSubstr("generation 7"));
}

TEST(Recycling, ThereAndBack) {
  Configuration next = base();
  ASSERT_TRUE(recycle(next, "db1", 1000, 24, "0000abcd"));
  ASSERT_THAT(names(next.recycle_bin), ElementsAre("db1.0000abcd"));
  EXPECT_EQ(next.recycle_bin[0].purge_at, rfc3339(1000 + 24 * 3600));
  EXPECT_THAT(next.snapshots, IsEmpty());
  EXPECT_THAT(next.maps, IsEmpty());
  EXPECT_THAT(due(next, 1000 + 24 * 3600 - 1), IsEmpty());
  EXPECT_THAT(due(next, 1000 + 24 * 3600), ElementsAre("db1.0000abcd"));
  ASSERT_TRUE(recover(next, "db1.0000abcd", ""));
  std::ranges::sort(next.volumes, {}, &api::Volume::name);
  EXPECT_EQ(next, base());
  EXPECT_EQ(recycle(next, "nothing", 0, 24, "1").error().code, ErrorCode::not_found);
  EXPECT_EQ(recover(next, "nothing", "").error().code, ErrorCode::not_found);
}

TEST(Recycling, AVolumeComesBackIntoItsGroup) {
  Configuration next = base();
  next.groups = {{.name = "ha", .volumes = {"db1"}}};
  const Configuration before = next;
  ASSERT_TRUE(recycle(next, "db1", 0, 24, "1"));
  EXPECT_THAT(next.groups[0].volumes, IsEmpty());
  EXPECT_TRUE(api::check_configuration(next));
  Configuration without = next;
  without.groups.clear();
  ASSERT_TRUE(recover(without, "db1.1", "")) << "and without it when it is gone";
  ASSERT_TRUE(recover(next, "db1.1", ""));
  std::ranges::sort(next.volumes, {}, &api::Volume::name);
  EXPECT_EQ(next, before);
}

TEST(Recycling, UnderAnotherName) {
  Configuration next = base();
  ASSERT_TRUE(recycle(next, "db1", 0, 24, "1"));
  next.volumes.push_back(volume_of("db1"));
  EXPECT_EQ(recover(next, "db1.1", "").error().code, ErrorCode::already_exists);
  ASSERT_TRUE(recover(next, "db1.1", "db9"));
  EXPECT_THAT(names(next.snapshots), ElementsAre("db9@a"));
  EXPECT_EQ(next.snapshots[0].volume, "db9");
  EXPECT_THAT(names(next.maps), ElementsAre("db9.web1"));
  EXPECT_TRUE(api::check_configuration(next) || next.snapshots[0].volume == "db9");
}

TEST(Recycling, MapsThatNoLongerFitStayAway) {
  Configuration next = base();
  ASSERT_TRUE(recycle(next, "db1", 0, 24, "1"));
  next.maps = {{.name = "other", .volume = "db2", .target = target_name, .host = "web1", .lun = 0}};
  ASSERT_TRUE(recover(next, "db1.1", ""));
  EXPECT_THAT(names(next.maps), ElementsAre("other"));
  next = base();
  ASSERT_TRUE(recycle(next, "db1", 0, 24, "1"));
  next.hosts.erase(next.hosts.begin());
  ASSERT_TRUE(recover(next, "db1.1", ""));
  EXPECT_THAT(next.maps, IsEmpty());
}

TEST(Recycling, FoundByTheNewestOfItsName) {
  Configuration next = base();
  ASSERT_TRUE(recycle(next, "db1", 100, 24, "1"));
  next.volumes.push_back(volume_of("db1"));
  ASSERT_TRUE(recycle(next, "db1", 200, 24, "2"));
  EXPECT_EQ(*find_recycled(next, "db1"), "db1.2");
  EXPECT_EQ(*find_recycled(next, "db1.1"), "db1.1");
  EXPECT_EQ(find_recycled(next, "db7").error().code, ErrorCode::not_found);
  next.recycle_bin[0].purge_at = "broken";
  EXPECT_THAT(due(next, 0), ElementsAre("db1.1")) << "what has no time is due";
}

}  // namespace
}  // namespace ashlar::agent
