#include "notify/alert_rule.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <limits>
#include <set>

#include "notify/clean_text.h"
#include "notify/metric.h"

namespace ashlar::notify {
namespace {

api::AlertRule rule(std::string metric, std::string comparison, double threshold) {
  return {
      .name = "r", .metric = std::move(metric), .comparison = std::move(comparison), .threshold = threshold};
}

TEST(AlertRule, TheOnesThatShipAreSound) {
  std::set<std::string> names;
  for (const api::AlertRule& each : default_rules()) {
    const auto checked = check_rule(each);
    EXPECT_TRUE(checked) << each.name << ": " << checked.error().text();
    EXPECT_TRUE(each.enabled);
    EXPECT_FALSE(each.message.empty());
    EXPECT_TRUE(names.insert(each.name).second) << each.name;
  }
}

TEST(AlertRule, MetricsAreSortedAndTold) {
  std::string before;
  for (const MetricInfo& info : known_metrics()) {
    EXPECT_LT(before, info.name);
    EXPECT_FALSE(info.help.empty());
    EXPECT_EQ(find_metric(info.name), &info);
    before = info.name;
  }
  EXPECT_EQ(find_metric("pool_used"), nullptr);
}

TEST(AlertRule, FaultsNameTheField) {
  struct Case {
    void (*spoil)(api::AlertRule&);
    const char* place;
    const char* says;
  };
  const Case cases[] = {
      {[](auto& r) { r.metric = "pool_used_percnt"; }, "metric", "did you mean \"pool_used_percent\""},
      {[](auto& r) { r.metric = ""; }, "metric", "not known"},
      {[](auto& r) { r.comparison = ">"; }, "comparison", "above"},
      {[](auto& r) { r.severity = "criticl"; }, "severity", "did you mean \"critical\""},
      {[](auto& r) { r.threshold = std::numeric_limits<double>::infinity(); }, "threshold", "finite"},
      {[](auto& r) { r.threshold = std::numeric_limits<double>::quiet_NaN(); }, "threshold", "finite"},
      {[](auto& r) { r.for_seconds = 86'401; }, "for_seconds", "86400"},
      {[](auto& r) { r.message = "{nam} is full"; }, "message", "did you mean \"name\""},
      {[](auto& r) { r.message = "{} is full"; }, "message", "not known"},
      {[](auto& r) { r.message = "{name is full"; }, "message", "no }"},
      {[](auto& r) { r.message = "two\nlines"; }, "message", "one line"},
      {[](auto& r) { r.message = "\xff"; }, "message", "UTF-8"},
      {[](auto& r) { r.message = std::string(513, 'a'); }, "message", "at most 512"},
  };
  for (const Case& each : cases) {
    api::AlertRule spoiled = default_rules().front();
    each.spoil(spoiled);
    const auto checked = check_rule(spoiled);
    ASSERT_FALSE(checked) << each.says;
    EXPECT_EQ(checked.error().place, each.place);
    EXPECT_TRUE(checked.error().message.contains(each.says)) << checked.error().message;
  }
}

TEST(AlertRule, HysteresisFitsTheMetric) {
  struct Case {
    api::AlertRule rule;
    double value;
    bool breaks, still;
  };
  const Case cases[] = {
      {rule("pool_used_percent", "above", 80), 80.5, true, true},
      {rule("pool_used_percent", "above", 80), 80, false, true},
      {rule("pool_used_percent", "above", 80), 76.01, false, true},
      {rule("pool_used_percent", "above", 80), 76, false, false},
      {rule("pool_used_percent", "above", 0), 0, false, false},
      {rule("pool_used_percent", "below", 99), 99.5, false, true},
      {rule("pool_used_percent", "below", 99), 100, false, false},  // it cannot go on to 103.95
      {rule("certificate_days_left", "below", 21), 21, false, true},
      {rule("certificate_days_left", "below", 21), 22, false, false},
      {rule("session_count", "below", 4), 4, false, false},  // a host with its four sessions is well
      {rule("volume_online", "below", 1), 1, false, false},
      {rule("volume_online", "below", 1), 0, true, true},
      {rule("volume_online", "equal", 0), 0, true, true},
      {rule("volume_online", "equal", 0), 1, false, false},
      {rule("session_count", "not_equal", 2), 3, true, true},
      {rule("session_count", "not_equal", 2), 2, false, false},
      {rule("certificate_days_left", "above", -100), -105, false, false},
      {rule("certificate_days_left", "above", -100), -104, false, true},
      {rule("session_count", "strange", 2), 3, false, false},
  };
  for (const Case& each : cases) {
    const std::string what =
        fmt::format("{} {} {}: {}", each.rule.metric, each.rule.comparison, each.rule.threshold, each.value);
    EXPECT_EQ(breaches(each.rule, each.value), each.breaks) << what;
    EXPECT_EQ(still_breaches(each.rule, each.value), each.still) << what;
  }
}

TEST(AlertRule, MessagesAreFilledIn) {
  api::AlertRule each = rule("pool_used_percent", "above", 80);
  const auto fill = [&](const char* message) {
    each.message = message;
    return rule_message(each, "pools/p0", 83.456);
  };
  EXPECT_EQ(fill("pool {name} is {value} % full (above {threshold} %)"),
            "pool p0 is 83.46 % full (above 80 %)");
  EXPECT_EQ(fill("{subject}{subject}"), "pools/p0pools/p0");
  EXPECT_EQ(fill("{nobody} {name} } {"), "{nobody} p0 } {");
  EXPECT_EQ(fill("{{name}}"), "{p0}");
  EXPECT_EQ(fill(""), "r: pool_used_percent is 83.46 on pools/p0 (above 80)");
  each.message = "{name}";
  EXPECT_EQ(rule_message(each, "engine", 0), "engine");
  EXPECT_EQ(rule_message(each, "pools/a\nb{value}", 0), "a b{value}");  // what is filled in is not read again
  EXPECT_EQ(rule_message(each, "pools/" + std::string(2000, 'x'), 0).size(), 512u);
}

TEST(AlertRule, NumbersAreShort) {
  EXPECT_EQ(number_text(83), "83");
  EXPECT_EQ(number_text(-3), "-3");
  EXPECT_EQ(number_text(-0.0), "0");
  EXPECT_EQ(number_text(0.5), "0.5");
  EXPECT_EQ(number_text(99.999), "100");
  EXPECT_EQ(number_text(0.0042), "0.0042");
  EXPECT_EQ(number_text(std::numeric_limits<double>::quiet_NaN()), "unknown");
  EXPECT_EQ(number_text(1e300), "1e+300");
}

RC_GTEST_PROP(AlertRuleProperty, WhatBreaksStillBreaks, ()) {
  const auto metric = *rc::gen::elementOf(
      std::vector<std::string>{"pool_used_percent", "session_count", "volume_online", "volume_error_rate"});
  const auto comparison =
      *rc::gen::elementOf(std::vector<std::string>{"above", "below", "equal", "not_equal"});
  const double threshold = *rc::gen::inRange(-200, 200);
  const double value = *rc::gen::inRange(-200, 200);
  const api::AlertRule each = rule(metric, comparison, threshold);
  if (breaches(each, value)) RC_ASSERT(still_breaches(each, value));
}

RC_GTEST_PROP(AlertRuleProperty, AnyMessageEndsAsOneCleanLine, (const std::string& message)) {
  api::AlertRule each = rule("pool_used_percent", "above", 80);
  each.message = message;
  const std::string text = rule_message(each, "pools/" + message, 1);
  RC_ASSERT(!has_control_characters(text));
  RC_ASSERT(text.size() <= most_rule_message_bytes);
}

}  // namespace
}  // namespace ashlar::notify
