// Decisions of a host with several paths, event by event.
#include "initiator/multipath_state.h"

#include <gtest/gtest.h>

namespace ashlar::initiator {
namespace {

using block::Status;
using loop::Instant;
using Kind = MultipathState::Action::Kind;

constexpr Disposition answered_well{};
constexpr Disposition was_lost{.verdict = Verdict::lost, .status = Status::aborted};

class MultipathStateTest : public testing::Test {
 protected:
  explicit MultipathStateTest(bool alone = true)
      : state_({.slots = 8, .paths = 3, .channel = 2, .alone = alone}, doubts_,
               {loop::seconds(5), loop::seconds(5), loop::seconds(5)}) {}

  std::vector<MultipathState::Action> apply(const MultipathState::Event& event) {
    const auto actions = state_.apply(event, now_);
    return {actions.begin(), actions.end()};
  }
  void up(uint16_t path, PathAccess access = PathAccess::optimized) {
    apply(MultipathState::PathUp{path, access});
  }
  /// The path that the command takes; -1: it waits.
  int submit(uint16_t slot, uint64_t begin = 0, uint64_t end = 8, bool changes = true) {
    return path_of(apply(MultipathState::Submitted{slot, changes, {begin, end}}), slot);
  }
  std::vector<MultipathState::Action> answer(uint16_t slot, const Disposition& disposition) {
    return apply(MultipathState::Answered{slot, disposition});
  }
  static int path_of(const std::vector<MultipathState::Action>& actions, uint16_t slot) {
    for (const auto& action : actions) {
      if (action.kind == Kind::send && action.slot == slot) return action.path;
    }
    return -1;
  }
  static bool has(const std::vector<MultipathState::Action>& actions, Kind kind, uint16_t slot,
                  Status status = Status::ok) {
    for (const auto& action : actions) {
      if (action.kind == kind && action.slot == slot && action.status == status) return true;
    }
    return false;
  }
  void pass(loop::Nanoseconds span) { now_ = now_ + span; }

  DoubtfulRanges doubts_;
  Instant now_{1'000'000'000};
  MultipathState state_;
};

TEST_F(MultipathStateTest, TheBestAccessThenTheLeastLoaded) {
  up(0, PathAccess::non_optimized);
  up(1);
  up(2);
  EXPECT_EQ(submit(0, 0, 8), 1);
  EXPECT_EQ(submit(1, 8, 16), 2);
  EXPECT_EQ(submit(2, 16, 24), 1);
  answer(1, answered_well);
  EXPECT_EQ(submit(1, 24, 32), 2);
  apply(MultipathState::PathUp{1, PathAccess::standby});
  apply(MultipathState::PathUp{2, PathAccess::transitioning});
  EXPECT_EQ(submit(3, 32, 40), 0);
}

TEST_F(MultipathStateTest, WaitsForAPathAndThenGivesUp) {
  EXPECT_EQ(submit(0), -1);
  EXPECT_EQ(submit(1, 8, 16), -1);
  pass(loop::seconds(30));
  EXPECT_EQ(path_of(apply(MultipathState::PathUp{2, PathAccess::non_optimized}), 1), 2);
  apply(MultipathState::PathDown{2});
  answer(0, disposition_of_loss(false));
  pass(loop::seconds(31));
  EXPECT_TRUE(has(apply(MultipathState::Tick{}), Kind::finish, 0, Status::aborted));
  EXPECT_TRUE(has(answer(1, answered_well), Kind::finish, 1)) << "what was sent is not given up";
}

TEST_F(MultipathStateTest, AnUnansweredCommandGoesByAnotherPath) {
  up(0);
  up(1, PathAccess::non_optimized);
  ASSERT_EQ(submit(0), 0);
  apply(MultipathState::PathDown{0});
  EXPECT_EQ(path_of(answer(0, was_lost), 0), 1);
  EXPECT_EQ(state_.failovers, 1u);
  EXPECT_TRUE(has(answer(0, answered_well), Kind::finish, 0));
}

TEST_F(MultipathStateTest, OverlappingChangesGoOneByOneInOrder) {
  up(0);
  EXPECT_EQ(submit(0, 0, 8), 0);
  EXPECT_EQ(submit(1, 4, 12), -1);
  EXPECT_EQ(submit(2, 8, 16), -1) << "it overlaps what waits";
  EXPECT_EQ(submit(3, 4, 12, false), 0) << "reads wait for nothing";
  EXPECT_EQ(submit(4, 16, 24), 0);
  EXPECT_EQ(path_of(answer(0, answered_well), 1), 0);
  EXPECT_EQ(path_of(answer(1, answered_well), 2), 0);
}

// The heart of it: what was lost may still land, and nothing later may be under it.
TEST_F(MultipathStateTest, ALaterChangeWaitsUntilTheLostOneCannotComeAnyMore) {
  up(0);
  up(1, PathAccess::non_optimized);
  submit(0, 0, 8);
  apply(MultipathState::PathDown{0});
  answer(0, was_lost);
  EXPECT_TRUE(has(answer(0, answered_well), Kind::finish, 0)) << "acknowledged by the copy";
  EXPECT_EQ(submit(1, 4, 12), -1);
  EXPECT_EQ(submit(2, 4, 12, false), 1);
  EXPECT_EQ(submit(3, 8, 16), -1) << "behind the one that waits";
  EXPECT_EQ(submit(4, 16, 24), 1);
  pass(loop::seconds(4));
  EXPECT_EQ(path_of(apply(MultipathState::Tick{}), 1), -1);
  // A new session that does not end the old one helps nothing; one that does, does.
  EXPECT_EQ(path_of(apply(MultipathState::PathUp{0, PathAccess::optimized, false}), 1), -1);
  EXPECT_EQ(path_of(apply(MultipathState::PathUp{0, PathAccess::optimized, true}), 1), 0);
  EXPECT_EQ(state_.held, 1u);
}

TEST_F(MultipathStateTest, ADoubtEndsWithItsTime) {
  up(0);
  up(1);
  ASSERT_EQ(submit(0, 0, 8), 0);
  answer(0, was_lost);
  answer(0, answered_well);
  EXPECT_EQ(submit(1, 0, 8), -1);
  pass(loop::seconds(6));
  EXPECT_NE(path_of(apply(MultipathState::Tick{}), 1), -1);
  EXPECT_TRUE(doubts_.none());
}

TEST_F(MultipathStateTest, ADoubtOfAnotherShardHoldsToo) {
  up(0);
  doubts_.add({0, 8}, 77, now_ + loop::seconds(3));
  EXPECT_EQ(submit(0, 7, 9), -1);
  doubts_.lift(77);
  EXPECT_EQ(path_of(apply(MultipathState::Tick{}), 0), 0);
}

TEST_F(MultipathStateTest, ElsewhereMeansElsewhereAndThenAPause) {
  up(0);
  up(1);
  const Disposition elsewhere{
      .verdict = Verdict::retry_elsewhere, .status = Status::aborted, .pause = loop::milliseconds(100)};
  const int first = submit(0);
  EXPECT_EQ(path_of(answer(0, elsewhere), 0), 1 - first);
  EXPECT_EQ(path_of(answer(0, elsewhere), 0), -1) << "both said no: wait";
  pass(loop::milliseconds(101));
  EXPECT_NE(path_of(apply(MultipathState::Tick{}), 0), -1);
}

TEST_F(MultipathStateTest, APathInTransitionIsLeftAloneUntilItWasLookedAt) {
  up(0);
  up(1, PathAccess::non_optimized);
  submit(0);
  const Disposition closed = disposition_of(
      Outcome::answered, 0x02, std::array<uint8_t, 18>{0x70, 0, 2, 0, 0, 0, 0, 10, 0, 0, 0, 0, 4, 0x0a});
  ASSERT_TRUE(closed.closed);
  EXPECT_EQ(path_of(answer(0, closed), 0), 1);
  EXPECT_EQ(submit(1, 8, 16), 1);
  up(0);
  EXPECT_EQ(submit(2, 16, 24), 0);
}

TEST_F(MultipathStateTest, AgainHasAnEnd) {
  up(0);
  const Disposition again{.verdict = Verdict::retry_here, .status = Status::aborted};
  submit(0);
  int times = 1;
  while (path_of(answer(0, again), 0) == 0) ++times;
  EXPECT_EQ(times, 33);
  EXPECT_FALSE(state_.busy());
}

TEST_F(MultipathStateTest, APathThatDoesNotAnswerIsDropped) {
  up(0);
  submit(0);
  pass(loop::seconds(31));
  const auto actions = apply(MultipathState::Tick{});
  ASSERT_EQ(actions.size(), 1u);
  EXPECT_EQ(actions[0].kind, Kind::drop);
  EXPECT_EQ(actions[0].path, 0);
}

TEST_F(MultipathStateTest, FailureIsTold) {
  up(0);
  submit(0);
  EXPECT_TRUE(has(answer(0, {.verdict = Verdict::fail, .status = Status::medium_error}), Kind::finish, 0,
                  Status::medium_error));
}

class MultipathOfManyShards : public MultipathStateTest {
 protected:
  MultipathOfManyShards() : MultipathStateTest(false) {}
};

TEST_F(MultipathOfManyShards, ALostChangeIsSentAgainOnlyWhenNobodyElseChangedItsRange) {
  up(0);
  up(1);
  submit(0);
  const auto asked = answer(0, was_lost);
  EXPECT_TRUE(has(asked, Kind::ask, 0));
  EXPECT_EQ(path_of(asked, 0), -1);
  EXPECT_EQ(doubts_.size(), 1u) << "the doubt stands before the others are asked";
  EXPECT_NE(path_of(apply(MultipathState::Cleared{0, false}), 0), -1);
  answer(0, was_lost);
  EXPECT_TRUE(has(apply(MultipathState::Cleared{0, true}), Kind::finish, 0, Status::aborted));
}

TEST_F(MultipathOfManyShards, TellsWhatItChanged) {
  up(0);
  const Instant before = now_;
  submit(0, 0, 8);
  EXPECT_TRUE(state_.changed_since({7, 9}, before)) << "under way";
  EXPECT_FALSE(state_.changed_since({8, 16}, before));
  pass(loop::seconds(1));
  answer(0, answered_well);
  EXPECT_TRUE(state_.changed_since({7, 9}, before));
  EXPECT_FALSE(state_.changed_since({7, 9}, now_ + loop::seconds(1)));
  submit(1, 0, 8, false);
  answer(1, answered_well);
  for (int i = 0; i < 5000; ++i) {
    pass(loop::milliseconds(1));
    submit(0, 100, 108);
    answer(0, answered_well);
  }
  EXPECT_TRUE(state_.changed_since({0, 8}, before)) << "too long ago to know";
}

TEST_F(MultipathOfManyShards, WhatHadBegunIsAskedForToo) {
  up(0);
  submit(0);
  EXPECT_TRUE(has(answer(0, {.verdict = Verdict::retry_here, .status = Status::aborted, .maybe_done = true}),
                  Kind::ask, 0));
  EXPECT_TRUE(doubts_.none()) << "it is over";
}

TEST(DoubtfulRanges, PastTheirBoundTheyAreEverything) {
  DoubtfulRanges doubts;
  for (uint64_t i = 0; i <= DoubtfulRanges::max_ranges; ++i)
    doubts.add({i * 10, i * 10 + 1}, 1, Instant{static_cast<int64_t>(i) + 100});
  EXPECT_EQ(doubts.size(), 1u);
  doubts.lift(1);
  EXPECT_TRUE(doubts.overlaps({5, 6}, Instant{50}));
  EXPECT_TRUE(doubts.overlaps({5, 6}, Instant{100 + DoubtfulRanges::max_ranges - 1}));
  EXPECT_FALSE(doubts.overlaps({5, 6}, Instant{100 + DoubtfulRanges::max_ranges}));
}

}  // namespace
}  // namespace ashlar::initiator
