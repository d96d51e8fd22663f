// Plans: what a change would do, asked before it is made, and made by the id of that.
#include <gmock/gmock.h>

#include "agent/array_test.h"

namespace ashlar::agent {
namespace {

using api::Configuration;

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

}  // namespace
}  // namespace ashlar::agent
