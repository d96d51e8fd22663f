#include "agent/isns_clients.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agent/isns_fake_server_test.h"
#include "agent/world_test.h"

namespace ashlar::agent {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

class IsnsClientsTest : public FurnishedArray {
 protected:
  void SetUp() override {
    FurnishedArray::SetUp();
    clients = std::make_unique<IsnsClients>(
        world.array(), [] { return begin_of_time; }, quick_timing(), [this] { return interfaces; });
  }
  void TearDown() override {
    clients.reset();
    FurnishedArray::TearDown();
  }
  void add_server(const std::string& name, const FakeIsnsServer& server) {
    world.must_change([&](api::Configuration& next) {
      next.isns_servers.push_back({.name = name, .address = "127.0.0.1", .port = server.port()});
    });
  }
  void change_server(const std::function<void(api::IsnsServer&)>& edit) {
    world.must_change([&](api::Configuration& next) { edit(next.isns_servers[0]); });
  }
  /// As once a second, until it is so.
  bool follows_until(const std::function<bool()>& condition) {
    return comes_true([&] {
      clients->follow();
      return condition();
    });
  }
  bool holds(const FakeIsnsServer& server, const std::set<std::string>& targets) {
    return follows_until([&] { return server.targets() == targets; });
  }
  std::string entity() const { return world.configuration().isns_servers[0].entity; }

  FakeIsnsServer a, b;
  std::vector<IsnsAddress> interfaces = {isns_address("192.0.2.10")};
  std::unique_ptr<IsnsClients> clients;
};

TEST_F(IsnsClientsTest, EachServerIsToldOnItsOwn) {
  add_server("isns-a", a);
  add_server("isns-b", b);
  b.stop();
  EXPECT_TRUE(holds(a, {target_name}));
  EXPECT_TRUE(follows_until([&] { return clients->status("isns-b")->state == "unreachable"; }));
  b.start_anew();
  EXPECT_TRUE(holds(b, {target_name}));
  EXPECT_TRUE(
      follows_until([&] { return clients->status("isns-a")->well() && clients->status("isns-b")->well(); }));
  clients->stop();
  EXPECT_THAT(a.entities(), IsEmpty());
  EXPECT_THAT(b.entities(), IsEmpty());
  EXPECT_THAT(clients->statuses(), IsEmpty());
}

TEST_F(IsnsClientsTest, EveryChangeThatIsInForceIsTold) {
  add_server("isns-a", a);
  EXPECT_TRUE(holds(a, {target_name}));
  const std::string second = "iqn.2026-11.io.ashlar:two";
  world.must_change([&](api::Configuration& next) { next.targets.push_back({.name = second}); });
  EXPECT_TRUE(holds(a, {target_name, second}));
  world.must_change([&](api::Configuration& next) {
    std::erase_if(next.targets, [&](const auto& each) { return each.name == second; });
  });
  EXPECT_TRUE(holds(a, {target_name}));
  world.must_change([](api::Configuration& next) { next.portals[0].address = "0.0.0.0"; });
  interfaces = {isns_address("192.0.2.10"), isns_address("192.0.2.11")};
  EXPECT_TRUE(follows_until([&] { return a.entity(entity()).portals == 2; }));
}

TEST_F(IsnsClientsTest, TheEntityIsDrawnOnceAndStays) {
  add_server("isns-a", a);
  const std::string drawn = entity();
  EXPECT_THAT(drawn, HasSubstr("ashlar-"));
  EXPECT_TRUE(holds(a, {target_name}));
  EXPECT_EQ(a.entity(drawn).targets.size(), 1u);
  change_server([](api::IsnsServer& server) { server.entity = ""; });
  EXPECT_EQ(entity(), drawn);
  change_server([](api::IsnsServer& server) { server.entity = "rack-7"; });
  EXPECT_TRUE(
      follows_until([&] { return a.entity("rack-7").targets.size() == 1 && a.entities().size() == 1; }));
}

TEST_F(IsnsClientsTest, OneThatIsDisabledMovedOrDeletedIsTakenOut) {
  add_server("isns-a", a);
  EXPECT_TRUE(holds(a, {target_name}));
  change_server([](api::IsnsServer& server) { server.enabled = false; });
  EXPECT_TRUE(follows_until([&] { return a.entities().empty(); }));
  EXPECT_FALSE(clients->status("isns-a"));
  change_server([](api::IsnsServer& server) { server.enabled = true; });
  EXPECT_TRUE(holds(a, {target_name}));
  change_server([&](api::IsnsServer& server) { server.port = b.port(); });
  EXPECT_TRUE(holds(b, {target_name}));
  EXPECT_TRUE(follows_until([&] { return a.entities().empty(); }));
  world.must_change([](api::Configuration& next) { next.isns_servers.clear(); });
  EXPECT_TRUE(follows_until([&] { return b.entities().empty() && clients->statuses().empty(); }));
}

TEST_F(IsnsClientsTest, ACommentIsNothingThatAServerIsTold) {
  add_server("isns-a", a);
  EXPECT_TRUE(holds(a, {target_name}));
  change_server([](api::IsnsServer& server) { server.comment = "of the old rack"; });
  for (int i = 0; i < 10; ++i) clients->follow();
  EXPECT_TRUE(follows_until([&] { return clients->status("isns-a")->well(); }));
  EXPECT_EQ(a.connections(), 1u);
  EXPECT_EQ(a.registrations(), 1u);
}

TEST(IsnsApi, AServerHasItsStateReadingAndMetrics) {
  set_log_level(LogLevel::error);
  const FakeIsnsServer server;
  ApiWorld world;
  world.furnish();
  const auto ask = [&](const std::string& method, const std::string& path, const api::Json& body = nullptr,
                       http::Headers headers = {}) {
    return world.ask(method, path, body, std::move(headers));
  };
  EXPECT_EQ(
      ask("POST", "/isns-servers", {{"name", "a"}, {"address", "127.0.0.1"}, {"port", server.port()}}).status,
      201);
  EXPECT_EQ(ask("GET", "/isns-servers/a").body["status"]["state"], "starting");
  EXPECT_TRUE(comes_true([&] {
    world.service().isns.follow();
    return ask("GET", "/isns-servers/a").body["status"]["state"] == "registered";
  }));
  const api::Json status = ask("GET", "/isns-servers/a").body["status"];
  EXPECT_EQ(status["targets"], 1);
  EXPECT_EQ(status["portals"], 1);
  EXPECT_EQ(status["registrations"], 1);
  EXPECT_FALSE(status.contains("message"));
  const std::string metrics = world.service().telemetry.exposition({}, 0, "0");
  EXPECT_THAT(metrics, HasSubstr("ashlar_isns_registered{server=\"a\"} 1"));
  EXPECT_THAT(metrics, HasSubstr("ashlar_isns_registrations_total{server=\"a\"} 1"));
  double reading = -1;
  for (const auto& each : world.service().telemetry.readings()) {
    if (each.metric == "isns_registered" && each.subject == "isns-servers/a") reading = each.value;
  }
  EXPECT_EQ(reading, 1);
  EXPECT_EQ(
      ask("PATCH", "/isns-servers/a", {{"enabled", false}}, {{"If-Match", "*"}}).body["status"]["state"],
      "disabled");
  EXPECT_TRUE(comes_true([&] {
    world.service().isns.follow();
    return server.entities().empty();
  }));
  set_log_level(LogLevel::info);
}

}  // namespace
}  // namespace ashlar::agent
