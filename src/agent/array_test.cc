// The one desired state: changes, refusals and plans.
#include "agent/array.h"

#include <gmock/gmock.h>

#include "agent/completion.h"
#include "agent/merging.h"
#include "agent/recycling.h"
#include "agent/world_test.h"
#include "api/lists.h"

namespace ashlar::agent {
namespace {

using api::Configuration;
using testing::AllOf;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

class ArrayTest : public FurnishedArray {
 protected:
  void snapshot_db1() {
    world.must_change([](Configuration& next) { next.snapshots.push_back({.name = "db1@a"}); });
  }
  static void restore_db1(Configuration& next) {
    api::Volume& volume = *api::find_named(next.volumes, "db1");
    volume.backing = std::string(new_backing);
    volume.origin = "db1@a";
  }
  void log_in() { world.engine.set_sessions({session_of(1, "web1", initiator_name, target_name)}); }
};

TEST_F(ArrayTest, AChangeIsKeptMadeAndServed) {
  EXPECT_EQ(world.generation(), 1u);
  expect_whole();
  EXPECT_THAT(world.files_in_pool(), SizeIs(1));
  EXPECT_EQ(world.engine.served().hosts[0].chap->secret, chap_secret);
  EXPECT_THAT(world.configuration().hosts[0].chap->secret, HasSubstr("secret:"));
  EXPECT_THAT(world.committed(), SizeIs(1));
  // The same wish again is no change.
  const Outcome outcome = world.must_change([](Configuration& next) { resize_db1(next, uint64_t{1} << 30); });
  EXPECT_FALSE(outcome.applied);
  EXPECT_EQ(world.generation(), 1u);
  // A new life finds it all.
  const Configuration before = world.configuration();
  ASSERT_TRUE(world.open());
  EXPECT_EQ(world.configuration(), before);
  EXPECT_EQ(world.generation(), 1u);
  world.engine.forget();
  ASSERT_TRUE(world.array().serve());
  expect_whole();
}

TEST_F(ArrayTest, KeysAreSecretsLikeOthers) {
  const std::string key = "DHHC-1:00:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh+KfiaR:";
  world.must_change([&](Configuration& next) { next.hosts[0].dhchap = api::Dhchap{.key = key}; });
  EXPECT_EQ(world.engine.served().hosts[0].dhchap->key, key);
  EXPECT_THAT(world.configuration().hosts[0].dhchap->key, testing::StartsWith("secret:"));
  EXPECT_EQ(
      api::print_json(api::write_configuration(world.configuration(), api::Secrets::redact)).find("DHHC"),
      std::string::npos);
  EXPECT_FALSE(world.change([](Configuration& next) { next.hosts[0].dhchap->key = "DHHC-1:00:AAAA:"; }));
  ASSERT_TRUE(world.open());
  EXPECT_THAT(world.kept_secrets(), SizeIs(2));
  world.must_change([](Configuration& next) { next.hosts[0].dhchap.reset(); });
  EXPECT_FALSE(world.engine.served().hosts[0].dhchap);
}

TEST_F(ArrayTest, WhomItDisturbsIsSaidAndForceDoesIt) {
  log_in();
  const auto unmap = [](Configuration& next) { next.maps.clear(); };
  const auto refused = world.change(unmap);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().error.code, ErrorCode::busy);
  EXPECT_THAT(refused.error().error.message,
              AllOf(HasSubstr("web1"), HasSubstr("db1"), HasSubstr("say force")));
  ASSERT_TRUE(refused.error().plan);
  EXPECT_THAT(refused.error().plan->interruptions, SizeIs(1));
  EXPECT_EQ(world.generation(), 1u);
  expect_whole();
  ASSERT_TRUE(world.change(unmap, true));
  EXPECT_THAT(world.engine.served().mappings, IsEmpty());
  // Data that would be lost needs it as well, though nobody is there.
  world.engine.set_sessions({});
  EXPECT_THAT(why(world.change([](Configuration& next) { resize_db1(next, 512); })),
              HasSubstr("data would be lost"));
}

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

TEST_F(ArrayTest, ADryRunLeavesNothingBehind) {
  const auto disk = world.disk.view();
  const auto pools = world.pools.folders();
  const uint64_t applies = world.engine.applies();
  const auto outcome = world.change(
      [](Configuration& next) {
        next.volumes.push_back(volume_of("db2"));
        next.hosts.push_back(host_of("web2"));
        next.hosts.back().chap = api::Chap{.user = "web2", .secret = "another chap secret"};
        next.users.push_back({.name = "bob", .password = "correct horse battery"});
      },
      false, true);
  ASSERT_TRUE(outcome) << why(outcome);
  EXPECT_FALSE(outcome->applied);
  EXPECT_FALSE(outcome->plan.id.empty());
  EXPECT_EQ(world.disk.view(), disk);
  EXPECT_EQ(world.pools.folders(), pools);
  EXPECT_EQ(world.engine.applies(), applies);
  const std::string text = api::print_json(api::encode(outcome->plan));
  EXPECT_EQ(text.find("another chap"), std::string::npos);
  EXPECT_EQ(text.find("correct horse"), std::string::npos);
  // Applied by its id, with the secret that it had.
  const auto applied = world.array().apply_plan(outcome->plan.id, "bob", access::Role::admin, false);
  ASSERT_TRUE(applied) << why(applied);
  EXPECT_EQ(world.engine.served().hosts[1].chap->secret, "another chap secret");
  EXPECT_EQ(world.committed().back().author, "bob");
  expect_whole();
  EXPECT_EQ(world.array().find_plan(outcome->plan.id).error().code, ErrorCode::not_found) << "once";
}

TEST_F(ArrayTest, ComparingAsksNobody) {
  const auto disk = world.disk.view();
  const uint64_t verbs = world.pools.faults.calls();
  const uint64_t asked = world.engine.faults.calls();
  const auto differences = world.array().compare([](Configuration& next) -> Result<void> {
    next.pools.push_back({.name = "p1", .kind = "dir", .path = "/pools/none"});
    next.volumes.push_back(volume_of("db2"));
    next.hosts[0].chap->secret = "another chap secret";
    return {};
  });
  ASSERT_TRUE(differences) << differences.error().text();
  std::vector<std::string> paths;
  for (const api::Difference& each : *differences) paths.push_back(each.path);
  EXPECT_THAT(paths, testing::UnorderedElementsAre("pools/p1", "volumes/db2", "hosts/web1/chap/secret"));
  EXPECT_EQ(world.disk.view(), disk);
  EXPECT_EQ(world.pools.faults.calls(), verbs);
  EXPECT_EQ(world.engine.faults.calls(), asked);
}

TEST_F(ArrayTest, PlansGoStaleAndOld) {
  const auto add = [](const char* name) {
    return [name](Configuration& next) { next.hosts.push_back(host_of(name)); };
  };
  const std::string stale = world.change(add("web2"), false, true)->plan.id;
  const std::string old = world.change(add("web3"), false, true)->plan.id;
  EXPECT_EQ(world.array().find_plan(stale)->id, stale);
  world.must_change(add("web4"));
  const auto refused = world.array().apply_plan(stale, "alice", access::Role::admin, true);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().error.code, ErrorCode::stale);
  world.now += 15 * 60 + 1;
  EXPECT_EQ(world.array().find_plan(old).error().code, ErrorCode::not_found);
  EXPECT_EQ(world.array().apply_plan(old, "alice", access::Role::admin, true).error().error.code,
            ErrorCode::not_found);
  // A bound: the oldest make room.
  const std::string first = world.change(add("web5"), false, true)->plan.id;
  world.now += 1;
  for (int i = 0; i < 100; ++i) ASSERT_TRUE(world.change(add("web6"), false, true));
  EXPECT_FALSE(world.array().find_plan(first));
}

TEST_F(ArrayTest, APlanIsNoWayToWhatOneMayNotDo) {
  Change change;
  change.dry_run = true;
  change.edit = [](Configuration& next) -> Result<void> {
    next.users.push_back({.name = "eve", .role = "admin"});
    return {};
  };
  const std::string id = world.array().change(change)->plan.id;
  const auto refused = world.array().apply_plan(id, "eve", access::Role::operator_, true);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().error.code, ErrorCode::permission_denied);
  EXPECT_TRUE(world.array().apply_plan(id, "alice", access::Role::admin, false));
}

TEST_F(ArrayTest, APlanThatDisturbsNeedsForceToo) {
  log_in();
  const auto plan = world.change([](Configuration& next) { next.maps.clear(); }, false, true);
  ASSERT_TRUE(plan);
  EXPECT_TRUE(plan->plan.needs_force);
  EXPECT_EQ(world.array().apply_plan(plan->plan.id, "alice", access::Role::admin, false).error().error.code,
            ErrorCode::busy);
  EXPECT_TRUE(world.array().apply_plan(plan->plan.id, "alice", access::Role::admin, true))
      << "it is still there";
}

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

TEST_F(ArrayTest, TheSameSecretAgainIsNoChange) {
  world.must_change([](Configuration& next) {
    next.users.push_back({.name = "bob", .role = "viewer", .password = "a long enough password"});
  });
  const uint64_t generation = world.generation();
  const auto again = [](const std::string& chap, const std::string& password) {
    return [=](Configuration& next) {
      next.hosts[0].chap->secret = chap;
      for (api::User& each : next.users) {
        if (each.name == "bob") each.password = password;
      }
    };
  };
  EXPECT_FALSE(world.must_change(again(chap_secret, "a long enough password")).applied);
  EXPECT_EQ(world.generation(), generation);
  EXPECT_TRUE(world.must_change(again(chap_secret, "another long password")).applied);
  EXPECT_TRUE(world.must_change(again("another chap secret", "another long password")).applied);
  EXPECT_EQ(world.engine.served().hosts[0].chap->secret, "another chap secret");
}

TEST_F(ArrayTest, ARollbackBringsSecretsBack) {
  const uint64_t old = world.generation();
  world.must_change([](Configuration& next) { next.hosts[0].chap->secret = "a new chap secret"; });
  world.must_change([](Configuration& next) {
    next.maps.clear();
    next.hosts.clear();
  });
  const auto generation = world.array().generation(old);
  ASSERT_TRUE(generation);
  const auto back = world.change(
      [&](Configuration& next) { ASSERT_TRUE(roll_back(next, generation->configuration, old, world.now)); });
  ASSERT_TRUE(back) << why(back);
  EXPECT_EQ(world.engine.served().hosts[0].chap->secret, chap_secret);
  expect_whole();
}

TEST_F(ArrayTest, ATriedPoolDoesNotTakeThePlaceOfTheOther) {
  world.pools.set_folders([&] {
    auto folders = world.pools.folders();
    folders["/pools/other"] = {};
    return folders;
  }());
  const auto move = [](Configuration& next) { next.pools[0].path = "/pools/other"; };
  EXPECT_FALSE(world.change(move)) << "it is in use";
  const auto driver = world.array().pool("p0");
  ASSERT_TRUE(driver);
  EXPECT_THAT(*(*driver)->list(), SizeIs(1)) << "the driver is that of the pool as it is";
  EXPECT_TRUE(world.change([](Configuration& next) { next.volumes.push_back(volume_of("db2")); }));
  expect_whole();
}

TEST_F(ArrayTest, DevicesAreGivenOutOnce) {
  for (const char* id : {"/dev/disk/by-id/one", "/dev/disk/by-id/two"}) world.pools.add_device(id, 1u << 30);
  world.must_change([](Configuration& next) {
    next.pools.push_back(
        {.name = "raw", .kind = "device", .devices = {"/dev/disk/by-id/one", "/dev/disk/by-id/two"}});
  });
  const auto add = [](const char* name) {
    return [name](Configuration& next) {
      next.volumes.push_back({.name = name, .pool = "raw", .size_bytes = 1u << 20});
    };
  };
  for (const char* name : {"r1", "r2"}) {
    const auto made = world.change(add(name));
    ASSERT_TRUE(made) << name << ": " << why(made);
  }
  const auto& volumes = world.configuration().volumes;
  EXPECT_NE(api::find_named(volumes, "r1")->backing, api::find_named(volumes, "r2")->backing);
  EXPECT_THAT(why(world.change(add("r3"))), HasSubstr("no_space"));
}

TEST_F(ArrayTest, SecretsOfNoGenerationGoAtTheNextStart) {
  EXPECT_FALSE(world.change([](Configuration& next) {
    next.hosts[0].chap->secret = "never to be used";
    next.maps[0].host = "nobody";
  }));
  const std::string used = world.configuration().hosts[0].chap->secret;
  ASSERT_TRUE(world.open());
  EXPECT_EQ(world.kept_secrets(), std::set<std::string>{used});
}

}  // namespace
}  // namespace ashlar::agent
