// The one desired state: changes, refusals, secrets.
#include "agent/array.h"

#include <gmock/gmock.h>

#include "agent/array_test.h"
#include "agent/merging.h"

namespace ashlar::agent {
namespace {

using api::Configuration;
using testing::AllOf;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

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
