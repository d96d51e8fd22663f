#include "unit/rewrite_record.h"

#include <gtest/gtest.h>

namespace ashlar::unit {
namespace {

using Phase = Rewriting::Phase;

TEST(RewriteRecord, BeginningsAreFailuresUntilTheyEnd) {
  for (const Phase phase :
       {Phase::sanitize_failed, Phase::sanitize_failed_restricted, Phase::format_corrupt}) {
    for (const bool erases_key : {false, true}) {
      const RecalledRewrite recalled = parse_rewrite_record(record_of_beginning(phase, erases_key));
      EXPECT_EQ(recalled.phase, phase);
      EXPECT_EQ(recalled.erases_key, erases_key);
      EXPECT_EQ(recalled.sanitized.outcome,
                phase == Phase::format_corrupt ? SanitizeOutcome::never : SanitizeOutcome::failed);
    }
  }
  EXPECT_EQ(record_of_beginning(Phase::sanitize_failed, true), "erasing_key, sanitize_failed");
}

TEST(RewriteRecord, ASanitizeThatEndedComesBack) {
  SanitizeRecord record{.outcome = SanitizeOutcome::succeeded,
                        .action = SanitizeAction::overwrite,
                        .passes = 3,
                        .passes_done = 3,
                        .invert = true,
                        .keeps_allocation = true};
  const RecalledRewrite recalled = parse_rewrite_record(record_of_end(record));
  EXPECT_EQ(recalled.phase, Phase::idle);
  EXPECT_EQ(recalled.sanitized, record);
  record.outcome = SanitizeOutcome::failed;
  EXPECT_EQ(record_of_end(record), "");
  EXPECT_EQ(parse_rewrite_record("").phase, Phase::idle);
}

TEST(RewriteRecord, WhatNobodyUnderstandsHasFailed) {
  for (const char* text :
       {"?", "sanitized", "sanitized 2 1", "sanitized 2 1 0 9", "sanitized 2 300 0", "sanitize"})
    EXPECT_EQ(parse_rewrite_record(text).phase, Phase::sanitize_failed) << text;
}

}  // namespace
}  // namespace ashlar::unit
