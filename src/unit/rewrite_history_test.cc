#include "unit/rewrite_history.h"

#include <gtest/gtest.h>

#include "unit/rewrite_record.h"

namespace ashlar::unit {
namespace {

using Kind = RewriteEvent::Kind;
using Step = RewriteEvent::Step;

RewriteEvent sanitize_event(Step step, uint64_t milliseconds = 1'796'000'000'123) {
  RewriteEvent event{.kind = Kind::sanitize, .step = step, .milliseconds = milliseconds};
  event.sanitized = {.outcome = SanitizeOutcome::running,
                     .action = SanitizeAction::overwrite,
                     .passes = 3,
                     .passes_done = 1,
                     .invert = true,
                     .unrestricted_exit = true};
  if (step != Step::began) event.sanitized.outcome = SanitizeOutcome::failed;
  if (step == Step::ended) event.sanitized.outcome = SanitizeOutcome::succeeded;
  event.pattern = 0xdeadbeef;
  event.progress = 21845;
  event.asker = {"nqn.2014-08.org.nvmexpress:uuid:1", "web1"};
  return event;
}

TEST(RewriteHistory, ComesBackAsItWas) {
  std::vector<RewriteEvent> events;
  for (const Step step : {Step::began, Step::ended, Step::failed, Step::cut_short}) {
    events.push_back(sanitize_event(step));
    events.push_back({.kind = Kind::format, .step = step, .milliseconds = 7, .secure_erase = 2});
  }
  events.back().reason = "device failed, and no more is known";
  for (const char* state : {"", "format_corrupt", "erasing_key, sanitize_failed", "sanitized 2 0 2"}) {
    const std::string record = with_history(state, events);
    EXPECT_EQ(history_in(record), events);
    EXPECT_EQ(parse_rewrite_record(record).phase, parse_rewrite_record(state).phase);
    EXPECT_EQ(parse_rewrite_record(record).sanitized, parse_rewrite_record(state).sanitized);
  }
  EXPECT_TRUE(history_in("sanitized 2 0 2").empty()) << "as engines wrote it that kept no history";
}

TEST(RewriteHistory, NamesOfHostsStayInTheirLine) {
  RewriteEvent event = sanitize_event(Step::began);
  event.asker = {"iqn.a b\nformat ended", ""};
  event.reason = "one\ntwo";
  const std::vector<RewriteEvent> found = history_in(with_history("", {event}));
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].asker, (RewriteAsker{"iqn.a_b_format_ended", ""}));
  EXPECT_EQ(found[0].reason, "one two");
}

TEST(RewriteHistory, LinesThatNobodyUnderstandsAreLeftOut) {
  const std::string good = with_history("", {sanitize_event(Step::ended)});
  for (const char* line : {"", "sanitize", "sanitize ended", "verify ended 1 2 3 4 5 6 7 8 a b",
                           "sanitize began x 0 0 0 0 0 0 0 a b", "sanitize began 1 300 0 0 0 0 0 0 a b",
                           "sanitize began 1 2 3 4 5 6 7 99999 a b"})
    EXPECT_EQ(history_in("?\n" + std::string(line) + good).size(), 1u) << line;
}

TEST(RewriteHistory, HasABound) {
  std::vector<RewriteEvent> events;
  for (uint64_t i = 0; i < 3 * most_rewrite_events; ++i)
    events = with_event(std::move(events), sanitize_event(Step::ended, i));
  EXPECT_EQ(events.size(), most_rewrite_events);
  EXPECT_EQ(events.back().milliseconds, 3 * most_rewrite_events - 1);
  std::string record = with_history("", events);
  for (uint64_t i = 0; i < 3; ++i) record += with_history("", events);
  EXPECT_EQ(history_in(record).size(), most_rewrite_events);
}

TEST(RewriteHistory, WhatBeganAndWasNotHeardOfWasCutShort) {
  EXPECT_FALSE(cut_short("", 5));
  EXPECT_FALSE(cut_short("sanitize_failed", 5));
  EXPECT_FALSE(cut_short(with_history("", {sanitize_event(Step::began), sanitize_event(Step::ended)}), 5));
  const std::vector<RewriteEvent> before = {sanitize_event(Step::ended), sanitize_event(Step::began)};
  const std::optional<CutShort> cut = cut_short(with_history("sanitize_failed", before), 5);
  ASSERT_TRUE(cut);
  EXPECT_EQ(cut->event.step, Step::cut_short);
  EXPECT_EQ(cut->event.milliseconds, 5u);
  EXPECT_EQ(cut->event.asker, before[1].asker);
  EXPECT_EQ(cut->event.sanitized.outcome, SanitizeOutcome::failed);
  EXPECT_EQ(parse_rewrite_record(cut->record).phase, Rewriting::Phase::sanitize_failed);
  const std::vector<RewriteEvent> after = history_in(cut->record);
  ASSERT_EQ(after.size(), 3u);
  EXPECT_EQ(after[2], cut->event);
  EXPECT_FALSE(cut_short(cut->record, 6)) << "once";
}

}  // namespace
}  // namespace ashlar::unit
