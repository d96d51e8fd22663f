#include "notify/alert_machine.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <limits>

#include "notify/alert_rule.h"

namespace ashlar::notify {
namespace {

constexpr double unknown = std::numeric_limits<double>::quiet_NaN();

api::AlertRule rule(std::string name, std::string comparison, double threshold, uint32_t for_seconds = 0) {
  return {.name = std::move(name),
          .metric = "pool_used_percent",
          .comparison = std::move(comparison),
          .threshold = threshold,
          .for_seconds = for_seconds,
          .severity = "warning",
          .message = "{name} is at {value}",
          .channels = {"mail"}};
}
std::vector<Reading> pool(double value) { return {{"pool_used_percent", "pools/p0", value}}; }

/// "p0:raised!" for a change that is told, without "!" for one that is not.
std::string shown(const std::vector<AlertChange>& changes) {
  std::string text;
  for (const AlertChange& change : changes) {
    text += fmt::format("{}{}:{}{}", text.empty() ? "" : " ", change.alert.id, name_of(change.alert.state),
                        change.tell ? "!" : "");
  }
  return text;
}

const std::string raised = "full~pools~p0:raised!";
const std::string cleared = "full~pools~p0:cleared!";

TEST(AlertMachine, RaisesOnceAndClearsOnce) {
  AlertMachine machine;
  machine.set_rules({rule("full", "above", 80)});
  EXPECT_EQ(shown(machine.apply(pool(80), 100)), "");
  const auto changes = machine.apply(pool(83), 101);
  ASSERT_EQ(shown(changes), raised);
  const Alert expected{.id = "full~pools~p0",
                       .rule = "full",
                       .subject = "pools/p0",
                       .severity = "warning",
                       .message = "p0 is at 83",
                       .raised_at = 101,
                       .value = 83};
  EXPECT_EQ(changes[0].alert, expected);
  EXPECT_EQ(changes[0].channels, std::vector<std::string>{"mail"});
  EXPECT_EQ(shown(machine.apply(pool(90), 102)), "");
  EXPECT_EQ(machine.alerts().at(0).value, 90);
  EXPECT_EQ(shown(machine.apply(pool(70), 103)), cleared);
  EXPECT_EQ(machine.alerts().at(0).cleared_at, 103);
  EXPECT_EQ(shown(machine.apply(pool(70), 104)), "");
  EXPECT_EQ(shown(machine.apply(pool(81), 105)), raised);  // a new telling
  EXPECT_EQ(machine.alerts().at(0).raised_at, 105);
  EXPECT_EQ(machine.alerts().at(0).cleared_at, 0);
}

TEST(AlertMachine, HoveringAtTheThresholdIsOneAlert) {
  AlertMachine machine;
  machine.set_rules({rule("full", "above", 80)});
  EXPECT_EQ(shown(machine.apply(pool(81), 1)), raised);
  for (int i = 0; i < 20; ++i) EXPECT_EQ(shown(machine.apply(pool(i % 2 == 0 ? 79 : 81), 2 + i)), "");
  EXPECT_EQ(shown(machine.apply(pool(76), 30)), cleared);
}

TEST(AlertMachine, WaitsUntilItHasHeldLongEnough) {
  AlertMachine machine;
  machine.set_rules({rule("full", "above", 80, 10)});
  EXPECT_EQ(shown(machine.apply(pool(90), 100)), "");
  EXPECT_EQ(shown(machine.apply(pool(90), 109)), "");
  EXPECT_EQ(shown(machine.apply(pool(79), 110)), "");  // not held: begins again, without hysteresis
  EXPECT_EQ(shown(machine.apply(pool(90), 111)), "");
  EXPECT_EQ(shown(machine.apply(pool(unknown), 115)), "");
  EXPECT_EQ(shown(machine.apply(pool(90), 120)), "");
  EXPECT_EQ(shown(machine.apply(pool(90), 121)), raised);
}

TEST(AlertMachine, AClockThatGoesBackDoesNotRaiseEarly) {
  AlertMachine machine;
  machine.set_rules({rule("full", "above", 80, 10)});
  EXPECT_EQ(shown(machine.apply(pool(90), 1000)), "");
  EXPECT_EQ(shown(machine.apply(pool(90), 500)), "");
  EXPECT_EQ(shown(machine.apply(pool(90), 509)), "");
  EXPECT_EQ(shown(machine.apply(pool(90), 510)), raised);
}

TEST(AlertMachine, ASubjectThatIsGoneClears) {
  AlertMachine machine;
  machine.set_rules({rule("full", "above", 80)});
  machine.apply(pool(90), 1);
  EXPECT_EQ(shown(machine.apply(pool(unknown), 2)), "");  // there, but not known
  EXPECT_EQ(shown(machine.apply({}, 3)), cleared);
  EXPECT_EQ(shown(machine.apply({}, 4)), "");
}

TEST(AlertMachine, ARuleThatIsGoneOrDisabledClears) {
  for (const bool gone : {true, false}) {
    AlertMachine machine;
    machine.set_rules({rule("full", "above", 80)});
    machine.apply(pool(90), 1);
    api::AlertRule off = rule("full", "above", 80);
    off.enabled = false;
    machine.set_rules(gone ? std::vector<api::AlertRule>{} : std::vector{off});
    const auto changes = machine.apply(pool(90), 2);
    EXPECT_EQ(shown(changes), cleared);
    EXPECT_EQ(changes.at(0).channels, std::vector<std::string>{"mail"});  // who heard of it hears the end
    EXPECT_EQ(shown(machine.apply(pool(90), 3)), "");
  }
}

TEST(AlertMachine, AChangedThresholdIsJudgedAfresh) {
  AlertMachine machine;
  machine.set_rules({rule("full", "above", 80)});
  machine.apply(pool(83), 1);
  machine.set_rules({rule("full", "above", 85)});
  EXPECT_EQ(shown(machine.apply(pool(83), 2)), cleared);  // within the hysteresis of 85, but never above it
  machine.set_rules({rule("full", "above", 82)});
  EXPECT_EQ(shown(machine.apply(pool(83), 3)), raised);
  machine.set_rules({rule("full", "above", 82)});
  EXPECT_EQ(shown(machine.apply(pool(81), 4)), "");  // the same rule: hysteresis counts
}

TEST(AlertMachine, AChangedSeverityIsKeptButNotTold) {
  AlertMachine machine;
  machine.set_rules({rule("full", "above", 80)});
  machine.apply(pool(83), 1);
  api::AlertRule worse = rule("full", "above", 80);
  worse.severity = "critical";
  worse.channels = {"pager"};
  machine.set_rules({worse});
  const auto changes = machine.apply(pool(83), 2);
  EXPECT_EQ(shown(changes), "full~pools~p0:raised");
  EXPECT_EQ(changes.at(0).alert.severity, "critical");
  EXPECT_EQ(changes.at(0).channels, std::vector<std::string>{"pager"});
}

TEST(AlertMachine, OnlyWhatIsRaisedCanBeAcknowledged) {
  AlertMachine machine;
  machine.set_rules({rule("full", "above", 80)});
  EXPECT_EQ(machine.acknowledge("full~pools~p0", "alice", 1).error().code, ErrorCode::not_found);
  machine.apply(pool(90), 2);
  const auto change = machine.acknowledge("full~pools~p0", "alice", 3);
  ASSERT_TRUE(change);
  EXPECT_FALSE(change->tell);
  EXPECT_EQ(change->alert.acknowledged_by, "alice");
  EXPECT_EQ(change->alert.acknowledged_at, 3);
  EXPECT_EQ(machine.acknowledge("full~pools~p0", "bob", 4).error().code, ErrorCode::already_exists);
  EXPECT_EQ(shown(machine.apply(pool(95), 5)), "");
  EXPECT_EQ(shown(machine.apply(pool(10), 6)), cleared);
  EXPECT_EQ(machine.acknowledge("full~pools~p0", "bob", 7).error().code, ErrorCode::invalid_argument);
  machine.apply(pool(90), 8);
  EXPECT_EQ(machine.alerts().at(0).acknowledged_by, "");
}

TEST(AlertMachine, ARestartTellsNothingAgain) {
  AlertMachine before;
  before.set_rules({rule("full", "above", 80)});
  before.apply(pool(90), 1);
  before.set_alarm("lockout", "users/alice", "warning", "locked", true, 1);
  AlertMachine after;
  after.restore(before.alerts());
  EXPECT_EQ(after.alerts(), before.alerts());
  EXPECT_EQ(shown(after.apply({}, 2)), "");  // no rules yet: nothing is judged
  after.set_rules({rule("full", "above", 80)});
  EXPECT_EQ(shown(after.apply(pool(79), 3)), "");
  const auto changes = after.apply(pool(10), 4);
  EXPECT_EQ(shown(changes), cleared);
  EXPECT_EQ(changes.at(0).channels, std::vector<std::string>{"mail"});
  EXPECT_EQ(shown(after.set_alarm("lockout", "users/alice", "warning", "locked", true, 5)), "");
  EXPECT_EQ(shown(after.set_alarm("lockout", "users/alice", "warning", "", false, 6)),
            "alarm:lockout~users~alice:cleared!");
}

TEST(AlertMachine, AlarmsAreTheCallers) {
  AlertMachine machine;
  machine.set_rules({});
  EXPECT_EQ(shown(machine.set_alarm("job", "jobs/7", "warning", "failed", false, 1)), "");
  EXPECT_EQ(shown(machine.set_alarm("job", "jobs/7", "warning", "failed", true, 2)),
            "alarm:job~jobs~7:raised!");
  EXPECT_EQ(shown(machine.apply({}, 3)), "");  // no rule clears it
  EXPECT_EQ(shown(machine.set_alarm("job", "jobs/7", "critical", "failed", true, 4)),
            "alarm:job~jobs~7:raised");
  EXPECT_TRUE(machine.acknowledge("alarm:job~jobs~7", "alice", 5));
  EXPECT_EQ(shown(machine.set_alarm("job", "jobs/7", "critical", "failed", true, 6)), "");
  EXPECT_EQ(shown(machine.set_alarm("job", "jobs/7", "", "", false, 7)), "alarm:job~jobs~7:cleared!");
  EXPECT_EQ(machine.alerts().at(0).rule, "job");
}

TEST(AlertMachine, WhatIsReadTwiceCountsByItsWorse) {
  AlertMachine machine;
  machine.set_rules({rule("full", "above", 80), rule("low", "below", 20), rule("odd", "equal", 50)});
  std::vector<Reading> twice = {{"pool_used_percent", "pools/p0", 90}, {"pool_used_percent", "pools/p0", 10}};
  EXPECT_EQ(machine.apply(twice, 1).size(), 2u);
  std::ranges::reverse(twice);
  EXPECT_EQ(machine.apply(twice, 2).size(), 0u);
}

TEST(AlertMachine, ClearedOnesAreForgottenAfterAWeek) {
  AlertMachine machine;
  machine.set_rules({rule("full", "above", 80)});
  machine.apply(pool(90), 1000);
  machine.apply(pool(10), 2000);
  machine.apply(pool(10), 2000 + 7 * 86'400 - 1);
  EXPECT_EQ(machine.alerts().size(), 1u);
  machine.apply(pool(10), 2000 + 7 * 86'400);
  EXPECT_EQ(machine.alerts().size(), 0u);
}

std::vector<Reading> many(size_t first, size_t count, double value) {
  std::vector<Reading> readings;
  for (size_t i = first; i < first + count; ++i)
    readings.push_back({"pool_used_percent", fmt::format("pools/{:05}", i), value});
  return readings;
}

TEST(AlertMachine, IsBounded) {
  AlertMachine machine;
  machine.set_rules({rule("full", "above", 80)});
  EXPECT_EQ(machine.apply(many(0, most_alerts + 5, 90), 1).size(), most_alerts);
  EXPECT_EQ(machine.alerts().size(), most_alerts);
  EXPECT_TRUE(machine.set_alarm("job", "jobs/7", "warning", "failed", true, 2).empty());
  // The first ten clear: their places go to the five that waited, and five are remembered.
  std::vector<Reading> fewer = many(10, most_alerts - 5, 90);
  EXPECT_EQ(machine.apply(fewer, 3).size(), 15u);
  EXPECT_EQ(machine.alerts().size(), most_alerts);
  EXPECT_EQ(machine.set_alarm("job", "jobs/7", "warning", "failed", true, 4).size(), 1u);
  std::vector<Alert> kept = machine.alerts();
  kept.push_back({.id = "old", .rule = "full", .state = AlertState::cleared, .cleared_at = 1});
  AlertMachine other;
  other.restore(kept);
  EXPECT_EQ(other.alerts(), machine.alerts());
}

struct Step {
  std::vector<Reading> readings;
  int pass = 1;     // seconds
  int rule_of = 0;  // which rules from now on
  bool acknowledge = false;
};

rc::Gen<Step> any_step() {
  const auto value = rc::gen::elementOf(std::vector<double>{0, 70, 76, 79, 80, 81, 85, 86, 95, 100, unknown});
  const auto subject = rc::gen::elementOf(std::vector<std::string>{"pools/a", "pools/b", "pools/c"});
  const auto reading = rc::gen::build<Reading>(
      rc::gen::set(&Reading::metric,
                   rc::gen::elementOf(std::vector<std::string>{"pool_used_percent", "session_count"})),
      rc::gen::set(&Reading::subject, subject), rc::gen::set(&Reading::value, value));
  return rc::gen::build<Step>(
      rc::gen::set(&Step::readings, rc::gen::container<std::vector<Reading>>(reading)),
      rc::gen::set(&Step::pass, rc::gen::elementOf(std::vector<int>{0, 1, 5, 400'000, -3})),
      rc::gen::set(&Step::rule_of, rc::gen::inRange(0, 8)), rc::gen::set(&Step::acknowledge));
}

void choose_rules(AlertMachine& machine, int which) {
  api::AlertRule off = rule("full", "above", 80);
  off.enabled = false;
  switch (which) {
    case 0: machine.set_rules({rule("full", "above", 80), rule("late", "above", 80, 5)}); break;
    case 1: machine.set_rules({rule("full", "above", 85), rule("same", "equal", 95)}); break;
    case 2: machine.set_rules({off}); break;
    case 3: machine.set_rules({rule("other", "below", 79)}); break;
    default: break;  // as before
  }
}

RC_GTEST_PROP(AlertMachineProperty, TellsRaisedAndClearedInTurn, ()) {
  const auto steps = *rc::gen::container<std::vector<Step>>(any_step());
  AlertMachine machine;
  choose_rules(machine, 0);
  std::map<std::string, AlertState> told;
  int64_t now = 1'000'000'000;
  for (const Step& step : steps) {
    choose_rules(machine, step.rule_of);
    now += step.pass;
    for (const AlertChange& change : machine.apply(step.readings, now)) {
      if (!change.tell) continue;
      const auto before = told.find(change.alert.id);
      const AlertState last = before == told.end() ? AlertState::cleared : before->second;
      RC_ASSERT(change.alert.state != AlertState::acknowledged);
      RC_ASSERT(change.alert.state != last);
      told[change.alert.id] = change.alert.state;
    }
    for (const Alert& alert : machine.alerts()) {
      if (alert.state == AlertState::cleared) RC_ASSERT(told[alert.id] == AlertState::cleared);
      if (alert.state != AlertState::cleared) RC_ASSERT(told[alert.id] == AlertState::raised);
      if (step.acknowledge && alert.state == AlertState::raised)
        RC_ASSERT(!machine.acknowledge(alert.id, "alice", now)->tell);
    }
  }
}

RC_GTEST_PROP(AlertMachineProperty, TheOrderOfReadingsDoesNotMatter, ()) {
  const auto steps = *rc::gen::container<std::vector<Step>>(any_step());
  AlertMachine one, other;
  choose_rules(one, 0);
  choose_rules(other, 0);
  int64_t now = 1'000'000'000;
  for (const Step& step : steps) {
    choose_rules(one, step.rule_of);
    choose_rules(other, step.rule_of);
    now += step.pass;
    std::vector<Reading> turned = step.readings;
    std::ranges::reverse(turned);
    std::ranges::rotate(turned, turned.begin() + static_cast<ptrdiff_t>(turned.size() / 3));
    RC_ASSERT(one.apply(step.readings, now) == other.apply(turned, now));
    RC_ASSERT(one.alerts() == other.alerts());
  }
}

RC_GTEST_PROP(AlertMachineProperty, ARestartBetweenStepsChangesNothing, ()) {
  const auto steps = *rc::gen::container<std::vector<Step>>(any_step());
  AlertMachine whole;
  const std::vector<api::AlertRule> rules = {rule("full", "above", 80), rule("low", "below", 79)};
  whole.set_rules(rules);
  int64_t now = 1'000'000'000;
  for (const Step& step : steps) {
    now += std::abs(step.pass);
    AlertMachine restarted;
    restarted.restore(whole.alerts());
    restarted.set_rules(rules);
    RC_ASSERT(whole.apply(step.readings, now) == restarted.apply(step.readings, now));
    RC_ASSERT(whole.alerts() == restarted.alerts());
  }
}

}  // namespace
}  // namespace ashlar::notify
