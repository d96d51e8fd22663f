// SANITIZE where somebody keeps what has begun.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "scsi/sanitize_test.h"

namespace ashlar::scsi::test {
namespace {

class SanitizeKept : protected WithKeeper, public Sanitize {
 protected:
  SanitizeKept() : Sanitize(512, 2, &keeper) {}
  const std::string& whole_record() { return keeper.rewrites[medium->identity.uuid]; }
  /// Without the history behind it.
  std::string record() { return whole_record().substr(0, whole_record().find('\n')); }
  bool sanitized() { return record().starts_with("sanitized "); }
  // A volume that an engine before this one left so.
  NexusState& recalled(const std::string& text) {
    const std::string name = fmt::format("volume{}", target.volumes.size());
    target.add_volume(name, 64);
    target.domains[0]->recall(name, target.unit(name),
                              {.reservations = {}, .mode_parameters = "", .rewrite = text});
    return login({{0, name}}, 1);
  }
};

TEST_F(SanitizeKept, ItIsWrittenDownBeforeTheAnswerAndUntilTheEnd) {
  keeper.hold = true;
  const auto immediately = start(*host, sanitize(block_erase | immediate | unrestricted_exit));
  EXPECT_EQ(ending(*immediately), "pending");
  EXPECT_EQ(end(test_unit_ready), "2/04/1b");
  target.unit("v").hold = true;
  keeper.hold = false;
  target.shards.at(0).in_turn([&] { keeper.released.set(); });
  target.shards.run();
  EXPECT_EQ(ending(*immediately), "GOOD");
  EXPECT_EQ(record(), "sanitize_failed");
  target.unit("v").hold = false;
  target.release("v");
  EXPECT_EQ(record(), "sanitized 2 0 2");
  EXPECT_EQ(end(test_unit_ready), "GOOD");
}

TEST_F(SanitizeKept, WhatCannotBeWrittenDownDoesNotBegin) {
  std::ranges::fill(medium->data, uint8_t{7});
  keeper.refuse = true;
  for (const Cdb& cdb : {sanitize(block_erase), sanitize(block_erase | immediate), cdb6(0x04)})
    EXPECT_EQ(end(cdb), "4/44/00");
  EXPECT_EQ(overwrite_with(overwrite_list(1, {1})), "4/44/00");
  EXPECT_EQ(end(test_unit_ready), "GOOD");
  EXPECT_TRUE(all_of(7));
}

TEST_F(SanitizeKept, FailuresStayWrittenDown) {
  fail_next();
  EXPECT_EQ(erase(), "3/31/03");
  EXPECT_EQ(record(), "sanitize_failed_restricted");
  EXPECT_EQ(erase(), "GOOD");
  EXPECT_TRUE(sanitized());
  fail_next();
  EXPECT_EQ(end(cdb6(0x04)), "3/31/00");
  EXPECT_EQ(record(), "format_corrupt");
  fail_next();
  EXPECT_EQ(erase(unrestricted_exit), "3/31/03");
  EXPECT_EQ(record(), "sanitize_failed");
  keeper.refuse = true;
  EXPECT_EQ(end(sanitize(exit_failure_mode)), "4/44/00");
  EXPECT_EQ(end(test_unit_ready), "3/31/03");
  keeper.refuse = false;
  EXPECT_EQ(end(sanitize(exit_failure_mode)), "GOOD");
  EXPECT_EQ(record(), "");
  EXPECT_EQ(end(test_unit_ready), "GOOD");
}

TEST_F(SanitizeKept, TheHistoryTellsWhatWasDoneAndByWhom) {
  using Step = unit::RewriteEvent::Step;
  std::vector<std::string> heard;
  target.domains[0]->on_rewrite([&](const std::string& volume, const unit::RewriteEvent& event) {
    heard.push_back(
        fmt::format("{} {} {} {}", volume, name_of(event.kind), static_cast<int>(event.step), event.reason));
  });
  EXPECT_EQ(overwrite_with(overwrite_list(2, {0x11, 0x22, 0x33})), "GOOD");
  EXPECT_EQ(end(cdb6(0x04)), "GOOD");
  fail_next();
  EXPECT_EQ(end(cdb6(0x04)), "3/31/00");
  EXPECT_THAT(heard, testing::ElementsAre("v sanitize 0 ", "v sanitize 1 ", "v format 0 ", "v format 1 ",
                                          "v format 0 ", "v format 2 medium_error"));
  const std::vector<unit::RewriteEvent> events = unit::history_in(whole_record());
  ASSERT_EQ(events.size(), 6u);
  EXPECT_EQ(events[0].sanitized.outcome, unit::SanitizeOutcome::running);
  EXPECT_EQ(events[1].sanitized.outcome, unit::SanitizeOutcome::succeeded);
  EXPECT_EQ(events[1].sanitized.passes_done, 2);
  EXPECT_EQ(events[1].pattern, 0x11332211u);
  EXPECT_EQ(events[1].asker.initiator, host->nexus().initiator_name);
  EXPECT_EQ(events[5].step, Step::failed);
  EXPECT_EQ(events, unit::history_in(unit::with_history("", events)));
  // What begins and is not written down has not happened.
  keeper.refuse = true;
  EXPECT_EQ(end(cdb6(0x04)), "4/44/00");
  EXPECT_EQ(heard.size(), 6u);
}

TEST_F(SanitizeKept, NothingBeginsWhileAFailureIsLeft) {
  fail_next();
  EXPECT_EQ(erase(unrestricted_exit), "3/31/03");
  keeper.hold = true;
  const auto leaving = start(*host, sanitize(exit_failure_mode));
  EXPECT_EQ(ending(*leaving), "pending");
  EXPECT_EQ(ending(*start(login(), sanitize(block_erase))), "2/04/1b") << "its record would be taken back";
  keeper.hold = false;
  target.shards.at(0).in_turn([&] { keeper.released.set(); });
  target.shards.run();
  EXPECT_EQ(ending(*leaving), "GOOD");
  EXPECT_EQ(record(), "");
  EXPECT_EQ(end(test_unit_ready), "GOOD");
}

TEST_F(SanitizeKept, TheEndOfAKeyIsWrittenDownAsSuch) {
  medium->limits.erasable_key = true;
  target.unit("v").hold = true;
  const auto erasing = start(*host, sanitize(cryptographic_erase));
  EXPECT_EQ(record(), "erasing_key, sanitize_failed_restricted");
  target.unit("v").hold = false;
  target.release("v");
  EXPECT_EQ(ending(*erasing), "GOOD");
  EXPECT_TRUE(sanitized());
}

TEST_F(SanitizeKept, OneThatBeganToEraseTheKeyGoesOn) {
  for (const bool erasable : {true, false}) {
    const std::string text = "erasing_key, sanitize_failed";
    NexusState& late = recalled(text);
    EXPECT_EQ(ending(*run(late, test_unit_ready)), "3/31/03") << "until it is told to";
    const std::string name = fmt::format("volume{}", target.volumes.size() - 1);
    const TestTarget::Volume& volume = target.volumes.at(name);
    volume.medium->limits.erasable_key = erasable;
    keeper.rewrites[volume.medium->identity.uuid] = text;
    target.shards.at(0).in_turn([&] { target.domains[0]->resume_rewrite(name, volume.units[0], text); });
    target.shards.run();
    EXPECT_EQ(ending(*run(late, test_unit_ready)), erasable ? "GOOD" : "3/31/03");
    EXPECT_EQ(volume.medium->keys_erased, erasable ? 1u : 0u);
    EXPECT_TRUE(keeper.rewrites[volume.medium->identity.uuid].starts_with(erasable ? "sanitized 4" : text));
  }
}

TEST_F(SanitizeKept, OneThatAnEarlierEngineDidNotEndHasFailed) {
  const std::pair<const char*, const char*> cases[] = {{"", "GOOD"},
                                                       {"sanitize_failed", "3/31/03"},
                                                       {"sanitize_failed_restricted", "3/31/03"},
                                                       {"format_corrupt", "3/31/00"},
                                                       {"erasing_key, sanitize_failed", "3/31/03"},
                                                       {"?", "3/31/03"}};
  for (const auto& [text, expected] : cases) {
    NexusState& late = recalled(text);
    EXPECT_EQ(ending(*run(late, test_unit_ready)), expected) << text;
  }
  NexusState& unknown = recalled("what a later version wrote");
  EXPECT_EQ(ending(*run(unknown, sanitize(exit_failure_mode))), "GOOD") << "left without harm";
  EXPECT_EQ(ending(*run(unknown, test_unit_ready)), "GOOD");
}

}  // namespace
}  // namespace ashlar::scsi::test
