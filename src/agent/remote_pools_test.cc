// Pools of units of other arrays: how their secrets get to the engine, and nowhere else.
#include <gmock/gmock.h>

#include "agent/telemetry.h"
#include "agent/world_test.h"
#include "api/lists.h"

namespace ashlar::agent {
namespace {

using api::Configuration;
using testing::AllOf;
using testing::Contains;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;
using testing::StartsWith;

constexpr char our_secret[] = "the secret of the near one", far_secret[] = "the secret of the far one";
constexpr char our_key[] = "DHHC-1:00:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh+KfiaR:";
constexpr char far_key[] = "DHHC-1:03:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh+KfiaR:";
constexpr char tls_key[] = "NVMeTLSkey-1:01:VRLbtnN9AQb2WXW3c9+wEf/DRLz0QuLdbYvEhwtdWwNf9LrZ:";
const std::string by_iscsi = "iscsi://192.0.2.7/iqn.2026-01.com.example:array/0";
const std::string by_nvme = "nvme-tcp://192.0.2.7/nqn.2026-01.com.example:array/1";

void add_far(Configuration& next) {
  api::Pool pool{.name = "far", .kind = "remote", .devices = {by_iscsi + " " + by_nvme}};
  pool.initiator = "iqn.2026-11.com.example:near";
  pool.chap =
      api::Chap{.user = "near", .secret = our_secret, .mutual_user = "far", .mutual_secret = far_secret};
  pool.dhchap = api::Dhchap{.key = our_key, .controller_key = far_key, .hashes = {}, .groups = {"null"}};
  pool.tls_key = tls_key;
  next.pools.push_back(std::move(pool));
  next.volumes.push_back({.name = "db2", .pool = "far", .device = by_iscsi + " " + by_nvme});
}

api::Pool& far_of(Configuration& configuration) { return *api::find_named(configuration.pools, "far"); }

MATCHER(TellsASecret, "") {
  const std::string text = arg;
  return text.contains("of the near one") || text.contains("of the far one") || text.contains("AAECAwQF") ||
         text.contains("VRLbtnN9");
}

class RemotePools : public FurnishedArray {
 protected:
  std::map<std::string, std::string> options() const {
    for (const rpc::VolumeDocument& each : world.engine.served().volumes)
      if (each.name == "db2") return each.store.options;
    return {};
  }
  std::string refused(const ArrayWorld::Edit& edit) {
    return why(world.change([&](Configuration& next) {
      add_far(next);
      edit(next);
    }));
  }
};

TEST_F(RemotePools, SecretsGoToTheEngineAlone) {
  const Outcome made = world.must_change(add_far);
  EXPECT_EQ(options().at("user"), "near");
  EXPECT_EQ(options().at("secret"), our_secret);
  EXPECT_EQ(options().at("mutual_user"), "far");
  EXPECT_EQ(options().at("mutual_secret"), far_secret);
  EXPECT_EQ(options().at("dhchap_key"), our_key);
  EXPECT_EQ(options().at("dhchap_controller_key"), far_key);
  EXPECT_EQ(options().at("dhchap_groups"), "null");
  EXPECT_EQ(options().at("tls_key"), tls_key);
  EXPECT_EQ(options().at("initiator"), "iqn.2026-11.com.example:near");
  const api::Pool& pool = *api::find_named(world.configuration().pools, "far");
  for (const std::string& kept : {pool.chap->secret, pool.chap->mutual_secret, pool.dhchap->key,
                                  pool.dhchap->controller_key, pool.tls_key})
    EXPECT_THAT(kept, StartsWith("secret:"));
  EXPECT_THAT(api::print_json(api::encode(made.plan)), Not(TellsASecret()));
  EXPECT_THAT(api::print_json(api::write_configuration(world.configuration(), api::Secrets::redact)),
              AllOf(Not(TellsASecret()), Not(HasSubstr(pool.tls_key))));
  for (const auto& [path, entry] : world.disk.view()) {
    if (const auto text = world.files.read(path); text && !path.contains("/secrets/"))
      EXPECT_THAT(*text, Not(TellsASecret())) << path;
  }
  // They are there in the next life, and stay as long as the pool.
  ASSERT_TRUE(world.open());
  world.engine.forget();
  ASSERT_TRUE(world.array().serve());
  EXPECT_EQ(world.served_text(), world.wanted_text());
  EXPECT_EQ(options().at("secret"), our_secret);
  EXPECT_THAT(world.kept_secrets(), SizeIs(6));
}

TEST_F(RemotePools, ASecretChangesWhileVolumesAreServed) {
  world.must_change(add_far);
  const Outcome changed =
      world.must_change([](Configuration& next) { far_of(next).chap->secret = "the next secret"; }, false);
  EXPECT_EQ(options().at("secret"), "the next secret");
  std::vector<std::string> kinds;
  for (const api::PlanStep& each : changed.plan.steps) kinds.push_back(each.kind);
  EXPECT_THAT(kinds, AllOf(Contains("set credentials"), Contains("serve"), Not(Contains("reopen"))));
  EXPECT_THAT(api::print_json(api::encode(changed.plan)), Not(HasSubstr("the next secret")));
  EXPECT_FALSE(
      world.must_change([](Configuration& next) { far_of(next).chap->secret = "the next secret"; }).applied);
  EXPECT_FALSE(
      world.must_change([](Configuration& next) { far_of(next).chap->secret = "(redacted)"; }).applied);
  world.must_change([](Configuration& next) {
    far_of(next).chap.reset();
    far_of(next).dhchap.reset();
    far_of(next).tls_key.clear();
  });
  EXPECT_FALSE(options().contains("secret") || options().contains("dhchap_key") ||
               options().contains("tls_key"));
  EXPECT_THAT(why(world.change([](Configuration& next) { far_of(next).initiator = "iqn.2026-11.x:y"; })),
              AllOf(HasSubstr("pools/far/initiator"), HasSubstr("cannot change")));
}

TEST_F(RemotePools, ErrorsNameTheFieldAndNoSecret) {
  const std::string volume_pool = "pools/p0/chap";
  EXPECT_THAT(
      refused([](Configuration& next) { next.pools[0].chap = api::Chap{.user = "u", .secret = our_secret}; }),
      HasSubstr(volume_pool));
  const struct {
    const char* place;
    void (*edit)(api::Pool& pool);
  } mistakes[] = {
      {"pools/far/chap/secret", [](api::Pool& pool) { pool.chap->secret = "of the near"; }},
      {"pools/far/chap/secret", [](api::Pool& pool) { pool.chap->secret.clear(); }},
      {"pools/far/chap/user", [](api::Pool& pool) { pool.chap->user.clear(); }},
      {"pools/far/chap/mutual_secret", [](api::Pool& pool) { pool.chap->mutual_secret.clear(); }},
      {"pools/far/chap/mutual_secret", [](api::Pool& pool) { pool.chap->mutual_secret = our_secret; }},
      {"pools/far/chap/secret", [](api::Pool& pool) { pool.chap->secret = "(redacted)"; }},
      {"pools/far/dhchap/key", [](api::Pool& pool) { pool.dhchap->key = "DHHC-1:00:AAAA:"; }},
      {"pools/far/dhchap/controller_key", [](api::Pool& pool) { pool.dhchap->controller_key = our_key; }},
      {"pools/far/dhchap/groups", [](api::Pool& pool) { pool.dhchap->groups = {"ffdhe1024"}; }},
      {"pools/far/tls_key", [](api::Pool& pool) { pool.tls_key = "NVMeTLSkey-1:01:AAAA:"; }},
      {"pools/far/initiator", [](api::Pool& pool) { pool.initiator = "IQN.2026-11.com.example:near"; }},
      {"pools/far/host_nqn", [](api::Pool& pool) { pool.host_nqn = "near"; }},
      {"pools/far/chap",
       [](api::Pool& pool) {
         pool.devices = {by_nvme};
         pool.initiator.clear();
       }},
      {"pools/far/dhchap", [](api::Pool& pool) { pool.devices = {by_iscsi}; }},
  };
  for (const auto& mistake : mistakes) {
    const std::string said = refused([&](Configuration& next) {
      mistake.edit(far_of(next));
      api::find_named(next.volumes, "db2")->device = far_of(next).devices[0];
    });
    EXPECT_THAT(said, AllOf(HasSubstr(mistake.place), Not(TellsASecret())));
  }
  EXPECT_EQ(world.generation(), 1u);
}

TEST_F(RemotePools, ALostSecretTakesItsVolumesAlone) {
  world.must_change(add_far);
  const std::string lost = api::find_named(world.configuration().pools, "far")->dhchap->key;
  ASSERT_TRUE(world.files.remove("./secrets/" + lost.substr(lost.find(':') + 1)));
  world.engine.forget();
  ASSERT_TRUE(world.array().serve());
  EXPECT_THAT(world.array().failures(), AllOf(SizeIs(1), Contains(testing::Key("volumes/db2"))));
  EXPECT_THAT(options(), IsEmpty());
  EXPECT_THAT(world.engine.served().volumes, SizeIs(1));
}

class RemotePaths : public testing::Test {
 protected:
  RemotePaths() {
    world.furnish();
    world.must_change(add_far);
  }
  ApiWorld world;
};

TEST_F(RemotePaths, AreToldWithTheVolumeAndAsMetrics) {
  const Answered volume = world.ask(ApiWorld::root(), "GET", "/volumes/db2");
  ASSERT_EQ(volume.status, 200);
  const api::Json& paths = volume.body["status"]["remote"]["paths"];
  ASSERT_EQ(paths.size(), 1u);
  EXPECT_EQ(paths[0]["state"], "down");
  EXPECT_EQ(paths[0]["last_error"], "login: refused");
  EXPECT_EQ(paths[0]["reconnects"], 3);
  EXPECT_FALSE(world.ask(ApiWorld::root(), "GET", "/volumes/db1").body["status"].contains("remote"));
  EXPECT_THAT(api::print_json(world.ask(ApiWorld::root(), "GET", "/pools/far").body), Not(TellsASecret()));
  const std::string text = world.service().telemetry.exposition({}, 0, "0");
  const std::string labels = "volume=\"db2\",path=\"" + by_iscsi + "\"";
  EXPECT_THAT(text,
              AllOf(HasSubstr("ashlar_volume_path_up{" + labels + "} 0"),
                    HasSubstr("ashlar_volume_path_state{" + labels + ",state=\"down\"} 1"),
                    HasSubstr("ashlar_volume_path_state{" + labels + ",state=\"optimized\"} 0"),
                    HasSubstr("ashlar_volume_path_reconnects_total{" + labels + "} 3"), Not(TellsASecret())));
}

}  // namespace
}  // namespace ashlar::agent
