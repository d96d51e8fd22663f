// From one configuration to the next: the steps, the work, and whom it disturbs.
#include "agent/planner.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agent/compile.h"
#include "agent/world_test.h"
#include "api/lists.h"

namespace ashlar::agent {
namespace {

using api::Configuration;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::UnorderedElementsAre;
using Kind = StorageWork::Kind;

api::Volume kept_volume(const std::string& name) {
  api::Volume volume = volume_of(name);
  volume.backing = name + ".img";
  volume.identity = {.naa = "3" + std::string(15, '1'), .serial = name};
  return volume;
}

Configuration base() {
  Configuration all;
  all.pools = {{.name = "p0", .kind = "dir", .path = pool_folder}};
  all.volumes = {kept_volume("db1"), kept_volume("db2")};
  all.snapshots = {{.name = "db1@monday", .volume = "db1", .size_bytes = 1u << 30, .backing = "monday.img"}};
  all.hosts = {host_of("web1"), host_of("web2"), {.name = "rest", .any = true}};
  all.host_groups = {{.name = "web", .hosts = {"web1", "web2"}}};
  all.portals = {{.name = "san-a", .address = "192.0.2.10"},
                 {.name = "san-b", .address = "::", .port = 3261}};
  all.targets = {{.name = target_name}};
  all.maps = {{.name = "db1.web1", .volume = "db1", .target = target_name, .host = "web1", .lun = 0},
              {.name = "db2.web", .volume = "db2", .target = target_name, .host_group = "web", .lun = 1}};
  return all;
}

struct Case {
  Configuration before = base(), after = base();
  Moment moment;
  Result<Planned> plan() const { return make_plan(before, after, moment); }
  Planned must_plan() const {
    auto planned = plan();
    EXPECT_TRUE(planned) << planned.error().text();
    return planned ? std::move(*planned) : Planned{};
  }
  void fresh(const std::string& backing) { moment.fresh_backings.insert(backing_key("p0", backing)); }
};

std::vector<std::string> kinds(const Planned& planned) {
  std::vector<std::string> kinds;
  kinds.reserve(planned.plan.steps.size());
  for (const api::PlanStep& each : planned.plan.steps) kinds.push_back(each.kind);
  return kinds;
}

std::vector<std::string> reasons(const Planned& planned) {
  std::vector<std::string> all;
  all.reserve(planned.plan.interruptions.size());
  for (const api::Interruption& each : planned.plan.interruptions)
    all.push_back(fmt::format("{} {}", each.session, each.reason));
  return all;
}

TEST(Planner, NothingToDo) {
  const Planned planned = Case().must_plan();
  EXPECT_FALSE(planned.plan.changed());
  EXPECT_THAT(planned.plan.steps, IsEmpty());
  EXPECT_FALSE(planned.work.engine);
}

TEST(Planner, ANewVolumeIsMadeFirst) {
  Case each;
  each.after.volumes.push_back(kept_volume("db3"));
  each.fresh("db3.img");
  const Planned planned = each.must_plan();
  ASSERT_EQ(planned.work.before.size(), 1u);
  EXPECT_EQ(planned.work.before[0].kind, Kind::create);
  EXPECT_EQ(planned.work.before[0].backing, "db3.img");
  EXPECT_THAT(kinds(planned), ElementsAre("create storage", "serve"));
  EXPECT_EQ(planned.plan.steps[0].undo, "remove it");
  EXPECT_FALSE(planned.plan.needs_force || planned.plan.destroys_data);
  EXPECT_TRUE(planned.work.engine);
}

TEST(Planner, WhatIsNamedIsAdopted) {
  Case each;
  each.after.volumes.push_back(kept_volume("old"));
  const Planned planned = each.must_plan();
  ASSERT_EQ(planned.work.before.size(), 1u);
  EXPECT_EQ(planned.work.before[0].kind, Kind::adopt);
  EXPECT_THAT(kinds(planned), ElementsAre("adopt storage", "serve"));
}

TEST(Planner, ASnapshotIsACloneOfItsVolume) {
  Case each;
  each.after.snapshots.push_back({.name = "db2@now", .volume = "db2", .backing = "now.img"});
  each.fresh("now.img");
  const Planned planned = each.must_plan();
  ASSERT_EQ(planned.work.before.size(), 1u);
  EXPECT_EQ(planned.work.before[0], (StorageWork{Kind::clone, "p0", "now.img", "db2.img", {}}));
  EXPECT_FALSE(planned.work.engine) << "the engine does not know snapshots";
  EXPECT_FALSE(planned.plan.needs_force);
}

TEST(Planner, ASnapshotTogetherWithItsVolumeIsRefused) {
  Case each;
  each.after.volumes.push_back(kept_volume("db3"));
  each.after.snapshots.push_back({.name = "db3@now", .volume = "db3", .backing = "now.img"});
  each.fresh("db3.img");
  each.fresh("now.img");
  EXPECT_EQ(each.plan().error().code, ErrorCode::unsupported);
}

TEST(Planner, ACloneOfASnapshot) {
  Case each;
  api::Volume copy = kept_volume("copy");
  copy.origin = "db1@monday";
  each.after.volumes.push_back(copy);
  each.fresh("copy.img");
  const Planned planned = each.must_plan();
  ASSERT_EQ(planned.work.before.size(), 1u);
  EXPECT_EQ(planned.work.before[0].from, "monday.img");
  each.after.volumes.back().origin = "db1@never";
  EXPECT_EQ(each.plan().error().place, "volumes/copy/origin");
}

TEST(Planner, ARestoreLosesDataAndReopens) {
  Case each;
  each.after.volumes[0].backing = "db1-2.img";
  each.after.volumes[0].origin = "db1@monday";
  each.fresh("db1-2.img");
  const Planned planned = each.must_plan();
  EXPECT_EQ(planned.work.before[0], (StorageWork{Kind::clone, "p0", "db1-2.img", "monday.img", {}}));
  EXPECT_THAT(planned.work.reopen, ElementsAre("db1"));
  ASSERT_EQ(planned.work.after.size(), 1u);
  EXPECT_EQ(planned.work.after[0].backing, "db1.img") << "the old storage goes, after the commit";
  EXPECT_TRUE(planned.plan.needs_force && planned.plan.destroys_data);
  EXPECT_THAT(kinds(planned), ElementsAre("restore", "reopen", "serve", "delete storage"));
}

TEST(Planner, Sizes) {
  Case each;
  each.after.volumes[0].size_bytes *= 2;
  Planned planned = each.must_plan();
  EXPECT_THAT(kinds(planned), ElementsAre("grow", "serve"));
  EXPECT_THAT(planned.plan.steps[0].detail, HasSubstr("1 GiB -> 2 GiB"));
  EXPECT_FALSE(planned.plan.needs_force);
  each.after.volumes[0].size_bytes = 512;
  planned = each.must_plan();
  EXPECT_THAT(kinds(planned), ElementsAre("shrink", "serve"));
  EXPECT_EQ(planned.work.shrinks, (std::vector<Shrink>{{"db1", uint64_t{1} << 30, 512}}));
  EXPECT_TRUE(planned.plan.needs_force && planned.plan.destroys_data);
}

TEST(Planner, WhatTheEngineFixesIsReopened) {
  for (const auto& edit : std::vector<std::function<void(api::Volume&)>>{
           [](api::Volume& volume) { volume.read_only = true; },
           [](api::Volume& volume) { volume.removable = true; },
           [](api::Volume& volume) { volume.layers = {{"fault", {}}}; }}) {
    Case each;
    edit(each.after.volumes[0]);
    const Planned planned = each.must_plan();
    EXPECT_THAT(planned.work.reopen, ElementsAre("db1"));
    EXPECT_FALSE(planned.plan.needs_force) << "nobody is logged in";
  }
  Case cache;
  cache.after.volumes[0].write_cache = true;
  EXPECT_THAT(cache.must_plan().work.reopen, IsEmpty());
}

TEST(Planner, AKeyGoesWithTheLastThatNeedsIt) {
  Case each;
  for (Configuration* all : {&each.before, &each.after}) {
    all->volumes[0].encrypted = true;
    all->volumes[0].key_id = "key-1";
  }
  EXPECT_THAT(shared_keys(each.before), ElementsAre("key-1")) << "db1 and its snapshot";
  each.after.snapshots.clear();
  Planned planned = each.must_plan();
  EXPECT_TRUE(planned.work.engine) << "hosts may erase the key now";
  EXPECT_THAT(shared_keys(each.after), IsEmpty());
  EXPECT_THAT(planned.work.keys_gone, IsEmpty());
  each.after.recycle_bin = {{.name = "db1.1", .volume = each.after.volumes[0]}};
  each.after.volumes.erase(each.after.volumes.begin());
  each.after.maps.erase(each.after.maps.begin());
  EXPECT_THAT(each.must_plan().work.keys_gone, IsEmpty()) << "it may come back";
  each.after.recycle_bin.clear();
  planned = each.must_plan();
  EXPECT_THAT(planned.work.keys_gone, ElementsAre("key-1"));
  EXPECT_THAT(kinds(planned), testing::Contains("destroy key"));
}

TEST(Planner, ACloneIsEncryptedAsItsOrigin) {
  Case each;
  for (Configuration* all : {&each.before, &each.after}) {
    all->volumes[0].encrypted = true;
    all->volumes[0].key_id = "key-1";
  }
  api::Volume copy = kept_volume("copy");
  copy.origin = "db1@monday";
  each.after.volumes.push_back(copy);
  each.fresh("copy.img");
  EXPECT_EQ(each.plan().error().place, "volumes/copy/encrypted");
  each.after.volumes.back().encrypted = true;
  each.after.volumes.back().key_id = "key-1";
  EXPECT_TRUE(each.plan());
}

TEST(Planner, WhatIsFixedForEverIsRefusedByItsPlace) {
  const std::vector<std::pair<const char*, std::function<void(api::Volume&)>>> fixed = {
      {"pool", [](api::Volume& volume) { volume.pool = "p1"; }},
      {"device", [](api::Volume& volume) { volume.device = "/dev/disk/by-id/x"; }},
      {"block_bytes", [](api::Volume& volume) { volume.block_bytes = 4096; }},
      {"physical_block_bytes", [](api::Volume& volume) { volume.physical_block_bytes = 512; }},
      {"thin", [](api::Volume& volume) { volume.thin = false; }},
      {"encrypted", [](api::Volume& volume) { volume.encrypted = true; }},
      {"identity", [](api::Volume& volume) { volume.identity.serial = "other"; }}};
  for (const auto& [field, edit] : fixed) {
    Case each;
    edit(each.after.volumes[0]);
    const auto planned = each.plan();
    ASSERT_FALSE(planned) << field;
    EXPECT_EQ(planned.error().code, ErrorCode::unsupported);
    EXPECT_EQ(planned.error().place, std::string("volumes/db1/") + field);
  }
}

TEST(Planner, APoolInUseStaysWhereItIs) {
  Case each;
  each.after.pools[0].path = "/pools/other";
  EXPECT_EQ(each.plan().error().place, "pools/p0/path");
  // What waits in the recycle bin is in the pool as well.
  for (Configuration* all : {&each.before, &each.after}) {
    for (const api::Volume& volume : all->volumes)
      all->recycle_bin.push_back({.name = volume.name + ".1", .volume = volume});
    all->volumes.clear();
    all->snapshots.clear();
    all->maps.clear();
  }
  EXPECT_EQ(each.plan().error().place, "pools/p0/path");
  for (Configuration* all : {&each.before, &each.after}) all->recycle_bin.clear();
  EXPECT_TRUE(each.plan());
  Case added;
  added.after.pools.push_back({.name = "p1", .kind = "memory"});
  EXPECT_THAT(kinds(added.must_plan()), ElementsAre("add pool"));
}

TEST(Planner, IntoTheBinAndOut) {
  Case each;
  each.after.recycle_bin = {{.name = "db1.1",
                             .volume = each.before.volumes[0],
                             .snapshots = each.before.snapshots,
                             .purge_at = "soon"}};
  each.after.volumes.erase(each.after.volumes.begin());
  each.after.snapshots.clear();
  each.after.maps.erase(each.after.maps.begin());
  Planned planned = each.must_plan();
  EXPECT_THAT(planned.work.after, IsEmpty()) << "the storage stays";
  EXPECT_THAT(kinds(planned), ElementsAre("serve", "recycle"));
  EXPECT_FALSE(planned.plan.destroys_data);
  std::swap(each.before, each.after);
  planned = each.must_plan();
  EXPECT_THAT(planned.work.before, IsEmpty());
  EXPECT_THAT(kinds(planned), ElementsAre("recover", "serve"));
}

TEST(Planner, APurgeDeletesTheVolumeAndItsSnapshots) {
  Case each;
  each.before.recycle_bin = {{.name = "gone.1",
                              .volume = kept_volume("gone"),
                              .snapshots = {{.name = "gone@a", .volume = "gone", .backing = "a.img"}}}};
  const Planned planned = each.must_plan();
  std::vector<std::string> backings;
  backings.reserve(planned.work.after.size());
  for (const StorageWork& work : planned.work.after) backings.push_back(work.backing);
  EXPECT_THAT(backings, UnorderedElementsAre("gone.img", "a.img"));
  EXPECT_TRUE(planned.plan.destroys_data);
  EXPECT_FALSE(planned.work.engine);
}

/// One session of web1 by san-a, one of web2 by san-b.
Case with_sessions() {
  Case each;
  each.moment.sessions = {
      session_of(1, "web1", initiator_name, target_name),
      session_of(2, "web2", "iqn.1993-08.org.debian:01:web2", target_name, "[2001:db8::1]:3261"),
      session_of(3, "web1", initiator_name, "")};
  return each;
}

TEST(Interruptions, TheLastActiveWayIsMissed) {
  Case each = with_sessions();
  each.before.portals[1].group_tag = each.after.portals[1].group_tag = 2;
  each.before.groups = {{.name = "ha", .volumes = {"db1"}}};
  each.after.groups = {{.name = "ha", .volumes = {"db1"}, .access = {{.group_tag = 1, .state = "standby"}}}};
  EXPECT_THAT(reasons(each.must_plan()), IsEmpty()) << "the other way stays";
  EXPECT_TRUE(each.must_plan().work.engine);
  each.after.groups[0].access.push_back({.group_tag = 2, .state = "transitioning"});
  EXPECT_THAT(reasons(each.must_plan()), IsEmpty()) << "hosts wait for it";
  each.after.groups[0].access[1].state = "offline";
  EXPECT_THAT(reasons(each.must_plan()), ElementsAre("1 no way to volume db1 stays active"));
  each.after.targets[0].portals = {"san-a"};
  each.after.groups[0].access.pop_back();
  EXPECT_THAT(reasons(each.must_plan()), testing::Contains("1 no way to volume db1 stays active"));
  each.before = each.after;
  each.after.groups[0].comment = "out of reach already";
  EXPECT_THAT(reasons(each.must_plan()), IsEmpty());
}

TEST(Interruptions, WhatIsNotTouchedDisturbsNobody) {
  Case each = with_sessions();
  each.after.hosts.push_back(host_of("web3"));
  each.after.volumes.push_back(kept_volume("db3"));
  each.after.volumes[0].size_bytes *= 2;
  each.after.volumes[1].comment = "new";
  EXPECT_THAT(reasons(each.must_plan()), IsEmpty());
}

TEST(Interruptions, AHostOrItsInitiator) {
  Case each = with_sessions();
  each.after.hosts[0].initiators = {"iqn.2000-01.example:other"};
  const Planned planned = each.must_plan();
  EXPECT_THAT(reasons(planned), ElementsAre("1 host web1 no longer has this initiator"));
  EXPECT_TRUE(planned.plan.needs_force);
  each.after.hosts[0].any = true;
  EXPECT_THAT(reasons(each.must_plan()), IsEmpty());
  each.after.hosts.erase(each.after.hosts.begin());
  EXPECT_THAT(reasons(each.must_plan()), ElementsAre("1 host web1 is deleted"));
}

TEST(Interruptions, ATargetOrAPortal) {
  Case each = with_sessions();
  each.after.portals.erase(each.after.portals.begin());
  EXPECT_THAT(reasons(each.must_plan()), ElementsAre("1 the portal 192.0.2.10:3260 is taken away"));
  each.after.portals = {{.name = "all", .address = "0.0.0.0"}};
  EXPECT_THAT(reasons(each.must_plan()), ElementsAre("2 the portal [2001:db8::1]:3261 is taken away"));
  each.after.targets.clear();
  EXPECT_THAT(reasons(each.must_plan()), ElementsAre(HasSubstr("1 target"), HasSubstr("2 target")));
}

/// One controller of web1 in the clear (1), one by TLS (2).
Case with_controllers() {
  constexpr const char* subsystem = "nqn.2026-11.io.ashlar:one";
  constexpr const char* name = "nqn.2014-08.org.nvmexpress:uuid:web1";
  Case each;
  each.before.hosts[0].initiators = {name};
  each.before.hosts[0].chap.reset();
  each.before.portals.push_back(
      {.name = "n", .protocol = "nvme-tcp", .address = "192.0.2.10", .port = 4420, .tls = "allowed"});
  each.before.targets.push_back({.name = subsystem, .protocol = "nvme-tcp"});
  each.before.maps.push_back({.name = "m", .volume = "db1", .target = subsystem, .host = "web1", .lun = 0});
  each.after = each.before;
  each.moment.sessions = {session_of(1, "web1", name, subsystem, "192.0.2.10:4420"),
                          session_of(2, "web1", name, subsystem, "192.0.2.10:4420")};
  each.moment.sessions[0].authentication = "none";
  each.moment.sessions[1].authentication = "DH-HMAC-CHAP sha-256 null, TLS PSK";
  return each;
}

TEST(Interruptions, WhatAHostOfNvmeMustProveNow) {
  Case each = with_controllers();
  each.after.hosts[0].tls_key = "secret:1";
  EXPECT_THAT(reasons(each.must_plan()), ElementsAre("1 host web1 must come by TLS"));
  each.after.hosts[0].chap = api::Chap{.user = "u", .secret = "secret:2"};
  EXPECT_THAT(reasons(each.must_plan()), ElementsAre("1 host web1 must come by TLS"))
      << "which is proof enough";
  each.after.hosts[0].tls_optional = true;
  EXPECT_THAT(reasons(each.must_plan()), ElementsAre(HasSubstr("1 host web1 has CHAP, and no key"),
                                                     HasSubstr("2 host web1 has CHAP, and no key")));
  each.after.hosts[0].chap.reset();
  EXPECT_THAT(reasons(each.must_plan()), IsEmpty());
  each.after.portals.back().tls = "required";
  EXPECT_THAT(reasons(each.must_plan()), ElementsAre("1 portal n takes TLS alone"));
}

TEST(Interruptions, AVolumeOrItsMap) {
  Case each = with_sessions();
  each.after.maps.erase(each.after.maps.begin());
  EXPECT_THAT(reasons(each.must_plan()), ElementsAre("1 volume db1 is no longer mapped to host web1"));
  each.after.maps.clear();
  EXPECT_THAT(reasons(each.must_plan()),
              UnorderedElementsAre("1 volume db1 is no longer mapped to host web1",
                                   "1 volume db2 is no longer mapped to host web1",
                                   "2 volume db2 is no longer mapped to host web2"));
  each.after.volumes.erase(each.after.volumes.begin());
  each.after.snapshots.clear();
  EXPECT_THAT(reasons(each.must_plan()), testing::Contains("1 volume db1 is deleted"));
  Case away = with_sessions();
  away.after.volumes[1].read_only = true;
  EXPECT_THAT(reasons(away.must_plan()),
              UnorderedElementsAre("1 volume db2 is away for a moment", "2 volume db2 is away for a moment"));
  Case less = with_sessions();
  less.after.volumes[0].size_bytes = 512;
  EXPECT_THAT(reasons(less.must_plan()), ElementsAre("1 volume db1 becomes smaller"));
}

TEST(Interruptions, AVolumeThatMovesToAnotherLun) {
  Case each = with_sessions();
  each.after.maps[0].lun = 7;
  EXPECT_THAT(reasons(each.must_plan()), ElementsAre("1 volume db1 moves from LUN 0 to 7"));
}

TEST(Interruptions, AGroupThatLosesAHost) {
  Case each = with_sessions();
  each.after.host_groups[0].hosts = {"web1"};
  EXPECT_THAT(reasons(each.must_plan()), ElementsAre("2 volume db2 is no longer mapped to host web2"));
  // Mapped by itself instead: nothing is lost.
  each.after.maps.push_back(
      {.name = "db2.web2", .volume = "db2", .target = target_name, .host = "web2", .lun = 1});
  EXPECT_THAT(reasons(each.must_plan()), IsEmpty());
}

}  // namespace
}  // namespace ashlar::agent
