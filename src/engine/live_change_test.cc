// Changes while hosts are logged in: what concerns one of them leaves the others alone.
#include <gmock/gmock.h>

#include "engine/engine.h"
#include "engine/engine_world_test.h"

namespace ashlar::engine {
namespace {

using initiator::Answer;
using initiator::BlockUnit;
using initiator::Session;
using testing::Contains;
using testing::Not;

const std::string quiet_host = "iqn.2026-11.com.example:quiet";
const std::string changed_host = "iqn.2026-11.com.example:changed";

rpc::Document two_hosts() {
  rpc::Document document;
  document.volumes = {file_volume("demo"), file_volume("other")};
  document.hosts.push_back({.name = "quiet", .initiators = {quiet_host}});
  document.hosts.push_back({.name = "changed",
                            .initiators = {changed_host},
                            .chap = rpc::ChapDocument{"u", "a secret of old", "", ""}});
  document.portals.push_back({.name = "p", .address = "10.0.0.1"});
  document.targets.push_back({.name = demo_target});
  document.mappings.push_back({.host = "quiet", .target = demo_target, .volume = "demo"});
  document.mappings.push_back({.host = "changed", .target = demo_target, .volume = "other"});
  return document;
}

loop::Task<bool> reads(Session& session, uint16_t lun) {
  BlockUnit unit(session, lun);
  auto becoming = unit.become_ready();
  const Result<void> ready = co_await becoming;
  if (!ready) co_return false;
  std::vector<uint8_t> back(4096);
  auto reading = unit.read(0, 8, back);
  const Answer read = co_await reading;
  co_return read.good();
}

class LiveChange : public testing::TestWithParam<uint32_t> {
 protected:
  LiveChange() {
    document = two_hosts();
    EXPECT_TRUE(world.apply(document));
    auto quiet_login = world.log_in(quiet_host);
    EXPECT_TRUE(quiet_login);
    quiet = std::move(*quiet_login);
    auto changed_login = log_in("a secret of old");
    EXPECT_TRUE(changed_login) << changed_login.error().text();
    changed = std::move(*changed_login);
    quiet_id = session_of("quiet").id;
  }
  ~LiveChange() override {
    if (changed != nullptr) world.leave(std::move(changed));
    world.leave(std::move(quiet));
  }
  Result<std::unique_ptr<Session>> log_in(const std::string& secret, uint8_t isid = 1) {
    initiator::LoginOptions options;
    options.endpoint = {"10.0.0.1", 3260};
    options.initiator_name = changed_host;
    options.target_name = demo_target;
    options.isid[5] = isid;
    options.chap.emplace();
    options.chap->user = "u";
    options.chap->secret = secret;
    return world.run_as_host([&] { return initiator::login(world.host.loop(0), options); });
  }
  rpc::SessionStatus session_of(const std::string& host) {
    for (const rpc::SessionStatus& each : world.run([&] { return world.engine->sessions(); })) {
      if (each.host == host) return each;
    }
    return {};
  }
  void apply() {
    const auto report = world.apply(document);
    ASSERT_TRUE(report) << report.error().text();
    ASSERT_TRUE(report->changed);
    world.world.run_for(loop::seconds(1));
  }
  void expect_quiet_untouched() {
    EXPECT_TRUE(quiet->open());
    EXPECT_EQ(session_of("quiet").id, quiet_id);
    EXPECT_TRUE(world.run_as_host([&] { return reads(*quiet, 0); }));
  }
  EngineWorld world{GetParam()};
  rpc::Document document;
  std::unique_ptr<Session> quiet, changed;
  uint64_t quiet_id = 0;
};
INSTANTIATE_TEST_SUITE_P(Shards, LiveChange, testing::Values(1u, 3u));

TEST_P(LiveChange, ASecretCountsFromTheNextLoginOn) {
  document.hosts[1].chap->secret = "a secret of new";
  apply();
  EXPECT_TRUE(changed->open()) << "who is in stays in";
  EXPECT_TRUE(world.run_as_host([&] { return reads(*changed, 0); }));
  expect_quiet_untouched();
  EXPECT_FALSE(log_in("a secret of old", 2));
  auto again = log_in("a secret of new", 2);
  ASSERT_TRUE(again) << again.error().text();
  EXPECT_THAT(world.event_kinds(), Not(Contains("session.dropped")));
  world.leave(std::move(*again));
}

TEST_P(LiveChange, ALunMovesForItsHostAlone) {
  document.mappings[1].lun = 5;
  apply();
  EXPECT_TRUE(changed->open());
  EXPECT_TRUE(world.run_as_host([&] { return reads(*changed, 5); }));
  EXPECT_FALSE(world.run_as_host([&] { return reads(*changed, 0); }));
  expect_quiet_untouched();
  EXPECT_THAT(world.event_kinds(), Not(Contains("session.dropped")));
}

TEST_P(LiveChange, PortalsAndTargetsComeAndGo) {
  document.portals.push_back({.name = "q", .address = "10.0.0.1", .port = 3261});
  document.targets.push_back({.name = "iqn.2026-11.io.ashlar:second", .portals = {"q"}});
  apply();
  expect_quiet_untouched();
  document.portals.pop_back();
  document.targets.pop_back();
  apply();
  expect_quiet_untouched();
  EXPECT_TRUE(changed->open());
  EXPECT_THAT(world.event_kinds(), Not(Contains("session.dropped")));
}

TEST_P(LiveChange, AHostIsShutOutByItsAddressAlone) {
  document.hosts[1].addresses = {"203.0.113.0/24"};
  apply();
  EXPECT_TRUE(world.world.run_until([&] { return !changed->open(); }, loop::seconds(5)));
  expect_quiet_untouched();
  world.leave(std::move(changed));
  const auto refused = log_in("a secret of old");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::not_found) << refused.error().text();
  document.hosts[1].addresses = {"10.0.0.0/24"};
  apply();
  auto again = log_in("a secret of old");
  ASSERT_TRUE(again) << again.error().text();
  changed = std::move(*again);
}

TEST_P(LiveChange, ARedirectIsForNewLogins) {
  document.targets[0].redirect = "192.0.2.9:3260";
  apply();
  expect_quiet_untouched();
  EXPECT_FALSE(log_in("a secret of old", 2));
  EXPECT_THAT(world.event_kinds(), Contains("login.refused"));
}

TEST_P(LiveChange, ABoundOnSessionsIsForNewLogins) {
  document.targets[0].max_sessions = 2;
  apply();
  expect_quiet_untouched();
  EXPECT_FALSE(log_in("a secret of old", 2));
  document.targets[0].max_sessions = 0;
  document.hosts[1].max_sessions = 2;
  apply();
  auto second = log_in("a secret of old", 2);
  ASSERT_TRUE(second) << second.error().text();
  EXPECT_FALSE(log_in("a secret of old", 3));
  world.leave(std::move(*second));
}

loop::Task<std::string> management_page(Session& session, bool* told) {
  BlockUnit unit(session, 0);
  const initiator::Cdb ready = {0x00};
  auto asking = unit.execute(ready, {}, {});
  const Answer first = co_await asking;
  *told = !first.good();
  std::vector<uint8_t> page(64);
  const initiator::Cdb inquiry = {0x12, 1, 0x85, 0, 64, 0};
  auto inquiring = unit.execute(inquiry, {}, page);
  const Answer answer = co_await inquiring;
  co_return answer.good() && load_be16(&page[2]) > 0 ? reinterpret_cast<const char*>(&page[8]) : "";
}

TEST_P(LiveChange, WhereTheArrayIsManagedIsInquiryData) {
  bool told = false;
  const auto url = [&] { return world.run_as_host([&] { return management_page(*quiet, &told); }); };
  EXPECT_TRUE(world.run_as_host([&] { return reads(*quiet, 0); }));
  EXPECT_EQ(url(), "");
  EXPECT_FALSE(told);
  document.targets[0].management_addresses = {"https://192.0.2.1:8443/"};
  apply();
  EXPECT_EQ(url(), "https://192.0.2.1:8443/");
  EXPECT_TRUE(told) << "INQUIRY DATA HAS CHANGED";
  EXPECT_EQ(url(), "https://192.0.2.1:8443/");
  EXPECT_FALSE(told);
  expect_quiet_untouched();
}

// What grows with the document is not done in a turn of the shard, which in this world takes no time.
TEST(Change, IsWorkedOutBesideTheShard) {
  EngineWorld world;
  const auto done_at_once = [&world](auto& task) {
    world.world.run_for(loop::microseconds(2));
    return task->done();
  };
  std::optional<loop::Task<Result<void>>> small;
  world.enter([&] { small.emplace(world.engine->clear_reservations("none")); });
  EXPECT_TRUE(done_at_once(small));
  std::optional<loop::Task<Result<rpc::ApplyReport>>> applying;
  world.enter([&] { applying.emplace(world.engine->apply(demo_document(), true)); });
  EXPECT_FALSE(done_at_once(applying));
  EXPECT_TRUE(world.world.run_until([&] { return applying->done(); }, loop::seconds(1)));
  EXPECT_TRUE(applying->take());
}

}  // namespace
}  // namespace ashlar::engine
