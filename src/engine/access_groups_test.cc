#include "engine/access_groups.h"

#include <gmock/gmock.h>

#include "engine/engine_world_test.h"

namespace ashlar::engine {
namespace {

using initiator::Answer;
using initiator::BlockUnit;
using initiator::Session;
using testing::Contains;
using testing::ElementsAre;
using testing::Not;

using Ways = std::vector<rpc::PortGroupDocument>;

// Volumes `demo` (LUN 0) and `second` (LUN 1), by two portals with the tags 1 and 2.
rpc::Document two_ways(Ways access, bool explicit_changes = false) {
  rpc::Document document = demo_document();
  document.volumes.push_back(file_volume("second"));
  document.portals.push_back({.name = "q", .address = "10.0.0.1", .port = 3261, .group_tag = 2});
  document.mappings.push_back({.host = "all", .target = demo_target, .volume = "second", .lun = 1});
  document.groups.push_back(
      {.name = "g", .volumes = {"demo"}, .explicit_changes = explicit_changes, .access = std::move(access)});
  return document;
}

Ways ways(std::string one, std::string two) {
  return {{.group_tag = 1, .state = std::move(one)}, {.group_tag = 2, .state = std::move(two)}};
}

loop::Task<Answer> set_states(Session& session, uint8_t one, uint8_t two) {
  BlockUnit unit(session, 0);
  initiator::Cdb cdb{0xa4, 0x0a};
  cdb[9] = 12;
  const std::vector<uint8_t> list = {0, 0, 0, 0, one, 0, 0, 1, two, 0, 0, 2};
  auto asking = unit.execute(cdb, list, Bytes());
  co_return co_await asking;
}

loop::Task<Answer> read_one(Session& session, bool* done) {
  BlockUnit unit(session, 0);
  std::vector<uint8_t> data(512);
  auto reading = unit.read(0, 1, data);
  Answer answer = co_await reading;
  *done = true;
  co_return answer;
}

class AccessGroupsTest : public testing::TestWithParam<uint32_t> {
 protected:
  ~AccessGroupsTest() override {
    for (auto* session : {&first, &second}) {
      if (*session) world.leave(std::move(*session));
    }
  }
  void log_in_by_both() {
    auto by_first = world.log_in();
    ASSERT_TRUE(by_first) << by_first.error().text();
    auto by_second = world.log_in("iqn.2026-11.com.example:h2", 3261);
    ASSERT_TRUE(by_second) << by_second.error().text();
    first = std::move(*by_first);
    second = std::move(*by_second);
    for (Session* session : {first.get(), second.get()}) {
      for (const uint16_t lun : {0, 1}) {
        while (test(*session, lun) == 0x2900) {
        }
      }
    }
  }
  // ASC and ASCQ; 0: it is ready.
  uint16_t test(Session& session, uint16_t lun = 0) {
    BlockUnit unit(session, lun);
    const Answer answer = world.run_as_host([&] { return unit.test_unit_ready(); });
    EXPECT_EQ(answer.outcome, initiator::Outcome::answered);
    return answer.additional_code();
  }
  std::vector<std::string> steps(const rpc::Document& document) {
    const auto report = world.apply(document);
    if (!report) return {report.error().text()};
    std::vector<std::string> kinds;
    for (const rpc::StepReport& step : report->steps) kinds.push_back(step.kind);
    world.world.run_for(loop::seconds(1));
    return kinds;
  }
  std::vector<std::string> states() {
    std::vector<std::string> told;
    for (const rpc::PortGroupStatus& each : world.status().groups.at(0).access)
      told.push_back(fmt::format("{} {}{}", each.group_tag, each.state,
                                 each.changed_by.empty() ? "" : " by " + each.changed_by));
    return told;
  }
  EngineWorld world{GetParam()};
  std::unique_ptr<Session> first, second;
};
INSTANTIATE_TEST_SUITE_P(Shards, AccessGroupsTest, testing::Values(1u, 3u));

TEST_P(AccessGroupsTest, AStandbyWayRefusesAndTheOtherServes) {
  ASSERT_THAT(steps(two_ways(ways("optimized", "standby"))), Contains("set group"));
  log_in_by_both();
  EXPECT_EQ(test(*first), 0);
  EXPECT_EQ(test(*second), 0x040b);
  EXPECT_EQ(test(*second, 1), 0) << "a volume without a group is optimized by every way";
  EXPECT_THAT(states(), ElementsAre("1 optimized", "2 standby by document"));
  EXPECT_EQ(world.status().groups[0].volumes, std::vector<std::string>{"demo"});
  const rpc::EngineStatus alone = world.run([&] { return world.engine->status("groups/g"); });
  EXPECT_EQ(alone.groups.size(), 1u);
  EXPECT_TRUE(alone.volumes.empty());
}

TEST_P(AccessGroupsTest, AChangeTouchesNothingElse) {
  ASSERT_TRUE(world.apply(two_ways(ways("optimized", "standby"))));
  log_in_by_both();
  EXPECT_THAT(steps(two_ways(ways("non_optimized", "optimized"))), ElementsAre("set group", "publish"));
  for (Session* session : {first.get(), second.get()}) {
    EXPECT_EQ(test(*session), 0x2a06);
    EXPECT_EQ(test(*session), 0);
    EXPECT_EQ(test(*session, 1), 0);
  }
  EXPECT_EQ(world.status().sessions, 2u);
  EXPECT_THAT(world.event_kinds(), Not(Contains("session.dropped")));
  EXPECT_THAT(states(), ElementsAre("1 non_optimized by document", "2 optimized by document"));
  // Without its group the volume is optimized again.
  rpc::Document none = two_ways({});
  none.groups.clear();
  EXPECT_THAT(steps(none), ElementsAre("remove group", "publish"));
  for (Session* session : {first.get(), second.get()}) {
    EXPECT_EQ(test(*session), 0x2a06) << "a way became better, its own or the other";
    EXPECT_EQ(test(*session), 0);
  }
  EXPECT_TRUE(world.status().groups.empty());
}

TEST_P(AccessGroupsTest, WhatAHostSetsStandsUntilTheGroupChanges) {
  ASSERT_TRUE(world.apply(two_ways(ways("optimized", "standby"), true)));
  log_in_by_both();
  EXPECT_TRUE(world.run_as_host([&] { return set_states(*second, 2, 0); }).good());
  world.world.run_for(loop::seconds(1));
  EXPECT_EQ(test(*second), 0);
  EXPECT_EQ(test(*first), 0x2a06);
  EXPECT_EQ(test(*first), 0x040b);
  EXPECT_THAT(states(), ElementsAre("1 standby by host", "2 optimized by host"));
  EXPECT_THAT(world.status().groups[0].changed_by, testing::StartsWith("iqn.2026-11.com.example:h2,i,"));
  EXPECT_THAT(world.event_kinds(), Contains("group.changed"));
  // The same document changes nothing, and one more volume comes as the group is now.
  EXPECT_THAT(steps(two_ways(ways("optimized", "standby"), true)), ElementsAre());
  rpc::Document more = two_ways(ways("optimized", "standby"), true);
  more.groups[0].volumes = {"demo", "second"};
  EXPECT_THAT(steps(more), ElementsAre("set group", "publish"));
  EXPECT_THAT(states(), ElementsAre("1 standby by host", "2 optimized by host"));
  EXPECT_EQ(test(*first, 1), 0x2a06);
  EXPECT_EQ(test(*first, 1), 0x3f03) << "hosts may change it now";
  EXPECT_EQ(test(*first, 1), 0x040b);
  // The group's own change is stronger.
  more.groups[0].access = ways("optimized", "non_optimized");
  EXPECT_THAT(steps(more), ElementsAre("set group", "publish"));
  EXPECT_EQ(test(*first), 0x2a06);
  EXPECT_EQ(test(*first), 0);
  EXPECT_THAT(states(), ElementsAre("1 optimized by document", "2 non_optimized by document"));
  EXPECT_EQ(world.status().groups[0].changed_by, "");
}

TEST_P(AccessGroupsTest, AVolumeMovesBetweenGroups) {
  rpc::Document document = two_ways(ways("optimized", "standby"));
  document.groups.push_back({.name = "h", .volumes = {"second"}, .access = ways("optimized", "unavailable")});
  ASSERT_TRUE(world.apply(document));
  log_in_by_both();
  EXPECT_EQ(test(*second, 1), 0x040c);
  document.groups[0].volumes = {"demo", "second"};
  document.groups[1].volumes.clear();
  EXPECT_THAT(steps(document), ElementsAre("set group", "set group", "publish"));
  EXPECT_EQ(test(*second, 1), 0x2a06);
  EXPECT_EQ(test(*second, 1), 0x040b);
  EXPECT_EQ(test(*second), 0x040b) << "the other volume was not touched";
  std::swap(document.groups[0].volumes, document.groups[1].volumes);
  EXPECT_THAT(steps(document), ElementsAre("set group", "set group", "publish"));
  EXPECT_EQ(test(*second), 0x2a06);
  EXPECT_EQ(test(*second), 0x040c);
}

TEST_P(AccessGroupsTest, CommandsWaitWhileAWayIsInTransition) {
  ASSERT_TRUE(world.apply(two_ways(ways("optimized", "standby"))));
  log_in_by_both();
  ASSERT_TRUE(world.apply(two_ways(ways("transitioning", "transitioning"))));
  bool done = false;
  std::optional<loop::Task<Answer>> reading;
  world.host.loop(0).enter([&] { reading.emplace(read_one(*first, &done)); });
  world.world.run_for(loop::seconds(5));
  EXPECT_FALSE(done);
  EXPECT_EQ(test(*first), 0x040a);
  ASSERT_TRUE(world.apply(two_ways(ways("standby", "optimized"))));
  world.world.run_for(loop::seconds(1));
  ASSERT_TRUE(done);
  EXPECT_EQ(reading->take().additional_code(), 0x040b) << "it goes on by the new state";
  ASSERT_TRUE(world.apply(two_ways(ways("standby", "transitioning"))));
  EXPECT_EQ(test(*second), 0x2a06);
  done = false;
  world.host.loop(0).enter([&] { reading.emplace(read_one(*second, &done)); });
  world.world.run_for(loop::seconds(30));
  ASSERT_TRUE(done) << "20 s are enough";
  EXPECT_EQ(reading->take().additional_code(), 0x040a);
}

TEST_P(AccessGroupsTest, AVolumeThatComesBackForgetsItsGroup) {
  ASSERT_TRUE(world.apply(two_ways(ways("optimized", "standby"))));
  rpc::Document without = two_ways({});
  without.volumes.erase(without.volumes.begin());
  without.mappings.erase(without.mappings.begin());
  without.groups.clear();
  EXPECT_THAT(steps(without), ElementsAre("remove group", "publish", "close volume"));
  rpc::Document back = two_ways({});
  back.groups.clear();
  ASSERT_TRUE(world.apply(back));
  log_in_by_both();
  EXPECT_EQ(test(*second), 0);
}

TEST_P(AccessGroupsTest, AFailedDocumentLeavesTheStates) {
  ASSERT_TRUE(world.apply(two_ways(ways("optimized", "standby"))));
  log_in_by_both();
  rpc::Document wrong = two_ways(ways("optimized", "optimized"));
  wrong.volumes.push_back(file_volume("third"));
  wrong.volumes.back().store = {"null", {{"size", "wrong"}}};
  EXPECT_FALSE(world.apply(wrong));
  EXPECT_EQ(test(*second), 0x040b);
  EXPECT_THAT(states(), ElementsAre("1 optimized", "2 standby by document"));
}

}  // namespace
}  // namespace ashlar::engine
