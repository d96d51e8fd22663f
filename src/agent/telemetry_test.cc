#include "agent/telemetry.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "agent/world_test.h"

namespace ashlar::agent {
namespace {

class TelemetryTest : public testing::Test {
 protected:
  TelemetryTest() { world.furnish(); }
  /// -1: there is no such reading.
  double reading(const std::string& metric, const std::string& subject) {
    for (const notify::Reading& each : world.service().telemetry.readings()) {
      if (each.metric == metric && each.subject == subject) return each.value;
    }
    return -1;
  }
  /// Of the pool's TiB.
  void fill(double percent) {
    constexpr double size = uint64_t{1} << 40;
    world.pools.set_available(static_cast<uint64_t>(size * (1 - percent / 100)));
  }
  ApiWorld world;
};

// A default rule of a metric that nobody reads would never say a word.
TEST_F(TelemetryTest, EveryMetricOfADefaultRuleIsRead) {
  world.service().telemetry.verify_audit();
  world.service().telemetry.sample();
  world.must_change(
      [](api::Configuration& next) { next.isns_servers = {{.name = "isns-a", .address = "192.0.2.53"}}; });
  std::set<std::string> read;
  for (const notify::Reading& each : world.service().telemetry.readings()) read.insert(each.metric);
  for (const api::AlertRule& rule : notify::default_rules())
    EXPECT_THAT(read, testing::Contains(rule.metric));
}

TEST_F(TelemetryTest, AVolumeTellsWhomItIsFor) {
  world.must_change([](api::Configuration& next) { next.volumes[0].profile = "esxi"; });
  const std::string name = world.service().array.view()->configuration.volumes[0].name;
  EXPECT_THAT(world.service().telemetry.exposition({}, 0, "1"),
              testing::ContainsRegex("ashlar_volume_info.volume=\"" + name + "\".*profile=\"esxi\""));
}

TEST_F(TelemetryTest, APoolHasItsOwnThresholds) {
  world.must_change([](api::Configuration& next) {
    next.pools[0].warn_percent = 60;
    next.pools[0].critical_percent = 90;
  });
  fill(59);
  EXPECT_EQ(reading("pool_above_warning", "pools/p0"), 0);
  fill(61);
  EXPECT_EQ(reading("pool_above_warning", "pools/p0"), 1);
  EXPECT_EQ(reading("pool_above_critical", "pools/p0"), 0);
  fill(91);
  EXPECT_EQ(reading("pool_above_critical", "pools/p0"), 1);
  // Two points of grace on the way back.
  fill(59);
  EXPECT_EQ(reading("pool_above_warning", "pools/p0"), 1);
  EXPECT_EQ(reading("pool_above_critical", "pools/p0"), 0);
  fill(57);
  EXPECT_EQ(reading("pool_above_warning", "pools/p0"), 0);
}

TEST_F(TelemetryTest, TheEngineIsToldHowFullThePoolsOfThinVolumesAre) {
  world.must_change([](api::Configuration& next) { next.pools[0].warn_percent = 60; });
  fill(75);
  world.service().telemetry.tell_pool_levels();
  const auto levels = world.engine.pool_levels();
  ASSERT_EQ(levels.size(), 1u);
  EXPECT_EQ(levels[0].size_bytes, uint64_t{1} << 40);
  EXPECT_EQ(levels[0].available_bytes, uint64_t{1} << 38);
  EXPECT_EQ(levels[0].threshold_bytes, (uint64_t{1} << 40) / 100 * 40);
  const api::Configuration& now = world.service().array.view()->configuration;
  std::set<std::string> thin, told;
  for (const api::Volume& each : now.volumes) {
    if (each.thin && each.pool == now.pools[0].name) thin.insert(each.name);
  }
  for (const rpc::PoolVolume& each : levels[0].volumes) told.insert(each.name);
  EXPECT_FALSE(thin.empty());
  EXPECT_EQ(told, thin);
}

TEST_F(TelemetryTest, ASeriesIsToldOnce) {
  const std::string text = world.service().telemetry.exposition({}, 0, "0");
  std::set<std::string> told;
  for (size_t at = 0; at < text.size(); at = text.find('\n', at) + 1) {
    const std::string line = text.substr(at, text.find('\n', at) - at);
    if (!line.starts_with("#")) EXPECT_TRUE(told.insert(line.substr(0, line.rfind(' '))).second) << line;
    if (text.find('\n', at) == std::string::npos) break;
  }
  EXPECT_GT(told.size(), 10u);
}

TEST_F(TelemetryTest, TheStatesOfGroupsAreMetrics) {
  world.must_change([](api::Configuration& next) {
    next.portals.push_back({.name = "group-portal", .address = "192.0.2.77", .group_tag = 9});
    next.groups = {{.name = "ha", .access = {{.group_tag = 9, .state = "standby", .preferred = true}}}};
  });
  const std::string text = world.service().telemetry.exposition({}, 0, "0");
  using testing::HasSubstr;
  EXPECT_THAT(text, HasSubstr(R"(ashlar_group_access_state{group="ha",group_tag="9",state="standby"} 1)"));
  EXPECT_THAT(text, HasSubstr(R"(ashlar_group_access_state{group="ha",group_tag="9",state="optimized"} 0)"));
  EXPECT_THAT(text, HasSubstr(R"(ashlar_group_access_preferred{group="ha",group_tag="9"} 1)"));
}

TEST_F(TelemetryTest, AnAuditIsWholeOnceItWasLookedAt) {
  EXPECT_EQ(reading("audit_intact", "audit"), -1);
  world.service().telemetry.verify_audit();
  EXPECT_EQ(reading("audit_intact", "audit"), 1);
  EXPECT_EQ(reading("helper_up", "helper"), 1);
  EXPECT_EQ(reading("state_writable", "state"), 1);
}

}  // namespace
}  // namespace ashlar::agent
