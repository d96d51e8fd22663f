#include "unit/access.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ashlar::unit {
namespace {

using State = AccessState;
using testing::ElementsAre;

constexpr State every_state[] = {State::active_optimized, State::active_non_optimized,
                                 State::standby,          State::unavailable,
                                 State::offline,          State::transitioning};

AccessStates two_groups(State one, State two) {
  AccessStates states;
  states.group = "g";
  states.explicit_changes = true;
  states.port_groups = {{.tag = 1, .state = one}, {.tag = 2, .state = two}};
  return states;
}

HostAccessChange asks(std::vector<std::pair<uint16_t, State>> wishes) {
  return {.initiator_port = "iqn.x:h,i,0x1", .wishes = std::move(wishes), .known_tags = {1, 2, 7}};
}

TEST(Access, StatesByNeeds) {
  struct Row {
    State state;
    bool medium, parameters, steering, nothing;
  };
  // SPC-4 5.15.2.4.
  constexpr Row rows[] = {
      {State::active_optimized, true, true, true, true},
      {State::active_non_optimized, true, true, true, true},
      {State::standby, false, true, true, true},
      {State::unavailable, false, false, true, true},
      {State::offline, false, false, false, true},
      {State::transitioning, false, false, false, true},
  };
  static_assert(std::size(rows) == std::size(every_state));
  for (const Row& row : rows) {
    EXPECT_EQ(allows(row.state, AccessNeed::medium), row.medium) << int(row.state);
    EXPECT_EQ(allows(row.state, AccessNeed::parameters), row.parameters) << int(row.state);
    EXPECT_EQ(allows(row.state, AccessNeed::steering), row.steering) << int(row.state);
    EXPECT_EQ(allows(row.state, AccessNeed::nothing), row.nothing) << int(row.state);
  }
}

TEST(Access, NumbersThatAreStates) {
  std::vector<int> states;
  for (int number = 0; number < 256; ++number) {
    if (is_access_state(static_cast<uint8_t>(number))) states.push_back(number);
  }
  EXPECT_THAT(states, ElementsAre(0, 1, 2, 3, 14, 15));
}

TEST(Access, APortGroupThatIsNotListedIsOptimized) {
  const AccessStates states = two_groups(State::standby, State::offline);
  EXPECT_EQ(states.of(1).state, State::standby);
  EXPECT_EQ(states.of(2).state, State::offline);
  EXPECT_EQ(states.of(7), PortGroupAccess{.tag = 7});
}

TEST(Access, AHostChangesWhatItMay) {
  const AccessStates now = two_groups(State::active_optimized, State::standby);
  const AccessOutcome outcome = apply(now, asks({{2, State::active_optimized}, {1, State::standby}}));
  ASSERT_EQ(outcome.status, AccessStatus::good);
  EXPECT_EQ(outcome.after.of(1),
            (PortGroupAccess{.tag = 1, .state = State::standby, .changer = AccessChanger::host}));
  EXPECT_EQ(outcome.after.of(2).state, State::active_optimized);
  EXPECT_EQ(outcome.after.of(2).changer, AccessChanger::host);
  EXPECT_EQ(outcome.after.changed_by, "iqn.x:h,i,0x1");
  EXPECT_TRUE(news(now, outcome.after).states);
  EXPECT_FALSE(news(now, outcome.after).identity);
}

TEST(Access, AHostMayListAPortGroupThatWasNotListed) {
  const AccessOutcome outcome =
      apply(two_groups(State::active_optimized, State::standby), asks({{7, State::active_non_optimized}}));
  ASSERT_EQ(outcome.status, AccessStatus::good);
  ASSERT_EQ(outcome.after.port_groups.size(), 3u);
  EXPECT_EQ(outcome.after.port_groups[2].tag, 7);
  EXPECT_EQ(outcome.after.of(7).state, State::active_non_optimized);
}

TEST(Access, WhatStandsAlreadyIsNoChange) {
  const AccessStates now = two_groups(State::active_optimized, State::standby);
  const AccessOutcome outcome = apply(now, asks({{1, State::active_optimized}, {2, State::standby}}));
  EXPECT_EQ(outcome.status, AccessStatus::good);
  EXPECT_EQ(outcome.after, now);
  EXPECT_FALSE(news(now, outcome.after).states);
}

TEST(Access, WhatAHostMayNot) {
  const AccessStates now = two_groups(State::active_optimized, State::standby);
  const auto refused = [&](const AccessStates& states, const HostAccessChange& change) {
    const AccessOutcome outcome = apply(states, change);
    EXPECT_EQ(outcome.after, states);
    return std::pair(outcome.status, outcome.wrong);
  };
  using Status = AccessStatus;
  EXPECT_EQ(refused(now, asks({{1, State::standby}, {3, State::standby}})),
            std::pair(Status::unknown_group, size_t{1}));
  EXPECT_EQ(refused(now, asks({{2, State::standby}, {2, State::active_optimized}})),
            std::pair(Status::unknown_group, size_t{1}));
  EXPECT_EQ(refused(now, asks({{2, State::offline}})), std::pair(Status::invalid_state, size_t{0}));
  EXPECT_EQ(refused(now, asks({{2, State::transitioning}})), std::pair(Status::invalid_state, size_t{0}));
  EXPECT_EQ(refused(now, asks({{1, State::standby}, {7, State::standby}})),
            std::pair(Status::invalid_combination, size_t{1}));
  AccessStates implicit = now;
  implicit.explicit_changes = false;
  EXPECT_EQ(refused(implicit, asks({{2, State::active_optimized}})),
            std::pair(Status::not_allowed, size_t{0}));
  EXPECT_EQ(refused({}, asks({})), std::pair(Status::not_allowed, size_t{0}));
}

TEST(Access, WhatTheArrayKeepsOutStaysOut) {
  for (const State state : {State::unavailable, State::offline, State::transitioning}) {
    const AccessStates now = two_groups(State::active_optimized, state);
    EXPECT_EQ(apply(now, asks({{2, State::active_optimized}})).status, AccessStatus::failed) << int(state);
  }
  const AccessStates now = two_groups(State::active_optimized, State::standby);
  const AccessOutcome away = apply(now, asks({{2, State::unavailable}}));
  ASSERT_EQ(away.status, AccessStatus::good);
  EXPECT_EQ(apply(away.after, asks({{2, State::active_optimized}})).status, AccessStatus::good)
      << "a host brings back what a host took away";
}

TEST(Access, TheDocumentChangesImplicitly) {
  AccessStates now = two_groups(State::active_optimized, State::standby);
  now.port_groups[0].changer = AccessChanger::host;
  now.changed_by = "someone";
  AccessStates wish = two_groups(State::active_optimized, State::active_non_optimized);
  wish.port_groups.push_back({.tag = 3, .state = State::active_optimized, .preferred = true});
  const AccessStates after = apply(now, wish);
  EXPECT_EQ(after.of(1).changer, AccessChanger::host) << "its state is as it was";
  EXPECT_EQ(after.of(2).changer, AccessChanger::array);
  EXPECT_TRUE(after.of(3).preferred);
  EXPECT_EQ(after.of(3).changer, AccessChanger::nobody);
  EXPECT_EQ(after.changed_by, "");
  // What is not listed any more goes back to optimized, and that is a change.
  wish.port_groups = {};
  const AccessStates gone = apply(now, wish);
  EXPECT_EQ(gone.of(2).state, State::active_optimized);
  EXPECT_EQ(gone.of(2).changer, AccessChanger::array);
  EXPECT_TRUE(news(now, gone).states);
}

TEST(Access, ATransitionIsToldAtItsEnd) {
  const AccessStates before = two_groups(State::active_optimized, State::standby);
  const AccessStates between = two_groups(State::transitioning, State::transitioning);
  EXPECT_FALSE(news(before, between).states);
  EXPECT_TRUE(news(between, two_groups(State::standby, State::transitioning)).states);
  EXPECT_TRUE(news(between, before).states);
}

TEST(Access, ATransitionThatEndsWhereItBeganHasFailed) {
  const AccessStates before = two_groups(State::active_optimized, State::standby);
  const AccessStates begun = apply(before, two_groups(State::transitioning, State::standby));
  const AccessStates further = apply(begun, two_groups(State::transitioning, State::transitioning));
  EXPECT_FALSE(news(begun, further).failed);
  EXPECT_TRUE(news(further, apply(further, before)).failed);
  const AccessStates half = apply(further, two_groups(State::active_optimized, State::transitioning));
  EXPECT_FALSE(news(further, half).failed) << "it is not over yet";
  EXPECT_TRUE(news(half, apply(half, before)).failed);
  const AccessStates done = apply(further, two_groups(State::standby, State::active_optimized));
  EXPECT_TRUE(news(further, done).states);
  EXPECT_FALSE(news(further, done).failed);
  EXPECT_FALSE(done.before_transition);
  EXPECT_FALSE(news(done, apply(done, before)).failed) << "that was no transition";
  const AccessStates nothing;
  const AccessStates only = apply(nothing, two_groups(State::transitioning, State::active_optimized));
  EXPECT_TRUE(news(only, apply(only, nothing)).failed) << "what is not listed is optimized";
}

TEST(Access, PreferenceAndExplicitChangesAreNews) {
  const AccessStates before = two_groups(State::active_optimized, State::standby);
  AccessStates after = before;
  after.port_groups[1].preferred = true;
  EXPECT_TRUE(news(before, after).states);
  after = before;
  after.explicit_changes = false;
  EXPECT_FALSE(news(before, after).states);
  EXPECT_TRUE(news(before, after).identity);
  after = before;
  after.changed_by = "x";
  EXPECT_FALSE(news(before, after).states);
}

}  // namespace
}  // namespace ashlar::unit
