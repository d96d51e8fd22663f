#include "unit/reservations.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <map>
#include <set>

namespace ashlar::unit {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::Pair;
using testing::SizeIs;
using testing::UnorderedElementsAre;
using Action = ReservationAction;
using Answer = ReservationStatus;
using Type = ReservationType;

const NexusName a{"a", 1, "t1"};
const NexusName b{"b", 1, "t1"};
const NexusName c{"c", 1, "t1"};  // never registered but where it says so
const NexusName a2{"a", 2, "t2"};
constexpr uint64_t key_a = 0xa, key_b = 0xb, key_c = 0xc;
constexpr Type all_types[] = {Type::write_exclusive,
                              Type::exclusive_access,
                              Type::write_exclusive_registrants_only,
                              Type::exclusive_access_registrants_only,
                              Type::write_exclusive_all_registrants,
                              Type::exclusive_access_all_registrants};

ReservationRequest request(Action action, const NexusName& nexus, uint64_t key, uint64_t new_key = 0,
                           Type type = Type::none) {
  ReservationRequest made;
  made.action = action;
  made.nexus = nexus;
  made.key = key;
  made.new_key = new_key;
  made.type = type;
  return made;
}

/// Two registered nexuses; what is asked of it stays done.
struct Machine {
  Machine() {
    EXPECT_EQ(ask(request(Action::register_key, a, 0, key_a)), Answer::good);
    EXPECT_EQ(ask(request(Action::register_key, b, 0, key_b)), Answer::good);
  }
  Answer ask(const ReservationRequest& request) {
    outcome = apply(state, request);
    state = outcome.after;
    return outcome.status;
  }
  Answer reserve(const NexusName& nexus, uint64_t key, Type type) {
    return ask(request(Action::reserve, nexus, key, 0, type));
  }
  std::vector<NexusName> registered() const {
    std::vector<NexusName> names;
    names.reserve(state.registrations.size());
    for (const Registration& each : state.registrations) names.push_back(each.nexus);
    return names;
  }
  Reservations state;
  ReservationOutcome outcome;
};

class EveryType : public testing::TestWithParam<Type> {};
INSTANTIATE_TEST_SUITE_P(Types, EveryType, testing::ValuesIn(all_types));

// SPC-4 table 46 and SBC-3 table 13: who passes, by role.
TEST_P(EveryType, KeepsOutWhomItShould) {
  Machine machine;
  ASSERT_EQ(machine.reserve(a, key_a, GetParam()), Answer::good);
  const bool exclusive = GetParam() == Type::exclusive_access ||
                         GetParam() == Type::exclusive_access_registrants_only ||
                         GetParam() == Type::exclusive_access_all_registrants;
  const bool registrant_out = !registrants_pass(GetParam());
  for (const NexusName& each : {a, b, c})
    EXPECT_FALSE(keeps_out(machine.state, each, CommandEffect::none)) << each.initiator_port;
  EXPECT_FALSE(keeps_out(machine.state, a, CommandEffect::writes));
  EXPECT_FALSE(keeps_out(machine.state, a, CommandEffect::reads));
  EXPECT_EQ(keeps_out(machine.state, b, CommandEffect::writes), registrant_out);
  EXPECT_EQ(keeps_out(machine.state, b, CommandEffect::reads), registrant_out && exclusive);
  EXPECT_TRUE(keeps_out(machine.state, c, CommandEffect::writes));
  EXPECT_EQ(keeps_out(machine.state, c, CommandEffect::reads), exclusive);
  // The same host by another port is another nexus.
  EXPECT_TRUE(keeps_out(machine.state, a2, CommandEffect::writes));
}

// Every action by who holds it, by another registrant and by a stranger. Wrong keys conflict whoever says them.
TEST_P(EveryType, AnswersEveryActionByEveryRole) {
  const Type type = GetParam();
  const bool of_all = all_registrants(type);
  struct Row {
    Action action;
    Answer holder, registrant, stranger;
  };
  const Row rows[] = {
      {Action::register_key, Answer::good, Answer::good, Answer::conflict},
      {Action::register_and_ignore_existing_key, Answer::good, Answer::good, Answer::good},
      {Action::reserve, Answer::good, of_all ? Answer::good : Answer::conflict, Answer::conflict},
      {Action::release, Answer::good, Answer::good, Answer::conflict},
      {Action::clear, Answer::good, Answer::good, Answer::conflict},
      {Action::preempt, Answer::good, Answer::good, Answer::conflict},
      {Action::preempt_and_abort, Answer::good, Answer::good, Answer::conflict},
      {Action::register_and_move, of_all ? Answer::conflict : Answer::good, Answer::conflict,
       Answer::conflict},
      {Action::replace_lost_reservation, Answer::invalid_release, Answer::invalid_release,
       Answer::invalid_release},
  };
  for (const Row& row : rows) {
    const auto answer = [&](const NexusName& nexus, uint64_t key) {
      Machine machine;
      EXPECT_EQ(machine.reserve(a, key_a, type), Answer::good);
      ReservationRequest asked = request(row.action, nexus, key, key_a, type);
      asked.destination = c;
      return machine.ask(asked);
    };
    const auto number = static_cast<int>(row.action);
    EXPECT_EQ(answer(a, key_a), row.holder) << "action " << number;
    EXPECT_EQ(answer(b, key_b), row.registrant) << "action " << number;
    EXPECT_EQ(answer(c, key_c), row.stranger) << "action " << number;
    const bool looks = row.action != Action::register_and_ignore_existing_key &&
                       row.action != Action::replace_lost_reservation;
    if (looks) EXPECT_EQ(answer(a, key_b), Answer::conflict) << "action " << number;
  }
}

TEST_P(EveryType, AReleaseTellsWhoMayCareAndNamesTheType) {
  Machine machine;
  ASSERT_EQ(machine.reserve(a, key_a, GetParam()), Answer::good);
  const Type other = GetParam() == Type::write_exclusive ? Type::exclusive_access : Type::write_exclusive;
  EXPECT_EQ(machine.ask(request(Action::release, a, key_a, 0, other)), Answer::invalid_release);
  EXPECT_TRUE(machine.state.holds(a));
  EXPECT_EQ(machine.ask(request(Action::release, a, key_a, 0, GetParam())), Answer::good);
  EXPECT_EQ(machine.state.type, Type::none);
  if (registrants_pass(GetParam())) {
    EXPECT_THAT(machine.outcome.tell, ElementsAre(Pair(b, Attention::reservations_released)));
  } else {
    EXPECT_THAT(machine.outcome.tell, IsEmpty());
  }
}

TEST_P(EveryType, TheAdministratorEndsItAll) {
  Machine machine;
  ASSERT_EQ(machine.reserve(a, key_a, GetParam()), Answer::good);
  EXPECT_EQ(machine.ask(request(Action::clear_for_administrator, {}, 0)), Answer::good);
  EXPECT_THAT(machine.outcome.tell, UnorderedElementsAre(Pair(a, Attention::reservations_preempted),
                                                         Pair(b, Attention::reservations_preempted)));
  EXPECT_THAT(machine.registered(), IsEmpty());
  EXPECT_FALSE(keeps_out(machine.state, c, CommandEffect::writes));
  machine.state.lost = true;
  EXPECT_EQ(machine.ask(request(Action::clear_for_administrator, {}, 0)), Answer::good);
  EXPECT_FALSE(machine.state.lost);
}

// SPC-4 5.12.11.3.
TEST_P(EveryType, AReservationEndsWithItsHoldersRegistration) {
  Machine machine;
  ASSERT_EQ(machine.reserve(a, key_a, GetParam()), Answer::good);
  ASSERT_EQ(machine.ask(request(Action::register_key, a, key_a, 0)), Answer::good);
  EXPECT_EQ(machine.state.type, all_registrants(GetParam()) ? GetParam() : Type::none);
  const bool told = registrants_pass(GetParam()) && !all_registrants(GetParam());
  EXPECT_THAT(machine.outcome.tell, SizeIs(told ? 1 : 0));
  ASSERT_EQ(machine.ask(request(Action::register_key, b, key_b, 0)), Answer::good);
  EXPECT_EQ(machine.state.type, Type::none) << "the last registrant of all registrants";
  EXPECT_THAT(machine.state.registrations, IsEmpty());
}

TEST_P(EveryType, APreemptTakesTheReservationAndItsHolderAway) {
  Machine machine;
  ASSERT_EQ(machine.reserve(a, key_a, GetParam()), Answer::good);
  const uint32_t generation = machine.state.generation;
  const uint64_t victim = all_registrants(GetParam()) ? 0 : key_a;
  ASSERT_EQ(machine.ask(request(Action::preempt_and_abort, b, key_b, victim, Type::exclusive_access)),
            Answer::good);
  EXPECT_TRUE(machine.state.holds(b));
  EXPECT_EQ(machine.state.type, Type::exclusive_access);
  EXPECT_THAT(machine.registered(), ElementsAre(b));
  EXPECT_THAT(machine.outcome.abort, ElementsAre(a));
  EXPECT_THAT(machine.outcome.tell, ElementsAre(Pair(a, Attention::registrations_preempted)));
  EXPECT_EQ(machine.state.generation, generation + 1);
  EXPECT_TRUE(keeps_out(machine.state, a, CommandEffect::writes));
}

TEST(Reservations, RegisterFollowsTable45) {
  Machine machine;
  const uint32_t generation = machine.state.generation;
  EXPECT_EQ(machine.ask(request(Action::register_key, c, key_c, key_c)), Answer::conflict);
  EXPECT_EQ(machine.ask(request(Action::register_key, c, 0, 0)), Answer::good);
  EXPECT_THAT(machine.registered(), ElementsAre(a, b));
  EXPECT_EQ(machine.state.generation, generation);
  EXPECT_EQ(machine.ask(request(Action::register_key, a, key_a, key_c)), Answer::good);
  EXPECT_EQ(machine.state.find(a)->key, key_c);
  EXPECT_EQ(machine.state.generation, generation + 1);
  EXPECT_EQ(machine.ask(request(Action::register_and_ignore_existing_key, a, 99, key_a)), Answer::good);
  EXPECT_EQ(machine.state.find(a)->key, key_a);
  EXPECT_EQ(machine.ask(request(Action::register_and_ignore_existing_key, a, 99, 0)), Answer::good);
  EXPECT_THAT(machine.registered(), ElementsAre(b));
}

TEST(Reservations, OnePortOrAllOfThem) {
  Machine machine;
  ReservationRequest all = request(Action::register_key, c, 0, key_c);
  all.all_target_ports = {{1, "t1"}, {2, "t2"}};
  EXPECT_EQ(machine.ask(all), Answer::good);
  EXPECT_TRUE(machine.state.find({"c", 2, "t2"})->all_target_ports);
  // Unregistered by one port, it stays at the other.
  EXPECT_EQ(machine.ask(request(Action::register_key, c, key_c, 0)), Answer::good);
  EXPECT_NE(machine.state.find({"c", 2, "t2"}), nullptr);
  EXPECT_EQ(machine.state.find(c), nullptr);
}

TEST(Reservations, OthersAreRegisteredTogetherOrNotAtAll) {
  Machine machine;
  ReservationRequest with = request(Action::register_key, c, 0, key_c);
  with.initiator_ports = {"d", "e"};
  EXPECT_EQ(machine.ask(with), Answer::good);
  EXPECT_EQ(machine.state.find({"e", 1, "t1"})->key, key_c);
  ReservationRequest again = request(Action::register_key, {"f", 1, "t1"}, 0, 7);
  again.initiator_ports = {"g", "d"};
  EXPECT_EQ(machine.ask(again), Answer::conflict) << "d has a key already";
  EXPECT_EQ(machine.state.find({"g", 1, "t1"}), nullptr);
  ReservationRequest late = request(Action::register_key, a, key_a, key_a);
  late.initiator_ports = {"h"};
  EXPECT_EQ(machine.ask(late), Answer::invalid_request) << "a is registered already";
}

TEST(Reservations, ClearForgetsEverybodyAndTellsThem) {
  Machine machine;
  ASSERT_EQ(machine.reserve(a, key_a, Type::exclusive_access), Answer::good);
  EXPECT_EQ(machine.ask(request(Action::clear, b, key_b)), Answer::good);
  EXPECT_THAT(machine.state.registrations, IsEmpty());
  EXPECT_EQ(machine.state.type, Type::none);
  EXPECT_THAT(machine.outcome.tell, ElementsAre(Pair(a, Attention::reservations_preempted)));
}

TEST(Reservations, APreemptOfRegistrationsLeavesTheReservation) {
  Machine machine;
  ASSERT_EQ(machine.ask(request(Action::register_key, c, 0, key_c)), Answer::good);
  ASSERT_EQ(machine.reserve(a, key_a, Type::write_exclusive_registrants_only), Answer::good);
  EXPECT_EQ(machine.ask(request(Action::preempt, b, key_b, key_c, Type::exclusive_access)), Answer::good);
  EXPECT_TRUE(machine.state.holds(a));
  EXPECT_EQ(machine.state.type, Type::write_exclusive_registrants_only);
  EXPECT_THAT(machine.registered(), ElementsAre(a, b));
  EXPECT_EQ(machine.ask(request(Action::preempt, b, key_b, key_c, Type::exclusive_access)), Answer::conflict);
  EXPECT_EQ(machine.ask(request(Action::preempt, b, key_b, 0, Type::exclusive_access)), Answer::invalid_key);
}

TEST(Reservations, APreemptTellsThoseWhoStayThatTheTypeChanged) {
  Machine machine;
  ASSERT_EQ(machine.ask(request(Action::register_key, c, 0, key_c)), Answer::good);
  ASSERT_EQ(machine.reserve(a, key_a, Type::write_exclusive_registrants_only), Answer::good);
  EXPECT_EQ(machine.ask(request(Action::preempt, b, key_b, key_a, Type::exclusive_access)), Answer::good);
  EXPECT_THAT(machine.outcome.tell, UnorderedElementsAre(Pair(a, Attention::registrations_preempted),
                                                         Pair(c, Attention::reservations_released)));
}

TEST(Reservations, AMoveRegistersItsDestination) {
  Machine machine;
  ASSERT_EQ(machine.reserve(a, key_a, Type::exclusive_access), Answer::good);
  ReservationRequest move = request(Action::register_and_move, a, key_a, key_c);
  move.destination = a;
  EXPECT_EQ(machine.ask(move), Answer::invalid_destination);
  move.destination = c;
  move.new_key = 0;
  EXPECT_EQ(machine.ask(move), Answer::invalid_key);
  move.new_key = key_c;
  move.unregister = true;
  EXPECT_EQ(machine.ask(move), Answer::good);
  EXPECT_TRUE(machine.state.holds(c));
  EXPECT_THAT(machine.registered(), ElementsAre(b, c));
  EXPECT_EQ(machine.state.find(c)->key, key_c);
}

TEST(Reservations, WhatIsLostKeepsEverybodyOutUntilItIsReplaced) {
  Reservations lost;
  lost.lost = true;
  EXPECT_TRUE(keeps_out(lost, a, CommandEffect::reads));
  EXPECT_FALSE(keeps_out(lost, a, CommandEffect::none));
  const auto outcome =
      apply(lost, request(Action::replace_lost_reservation, a, 0, key_a, Type::write_exclusive));
  ASSERT_EQ(outcome.status, Answer::good);
  EXPECT_FALSE(outcome.after.lost);
  EXPECT_TRUE(outcome.after.holds(a));
  EXPECT_EQ(outcome.after.generation, 0u) << "SPC-4 5.13.11.3";
}

// SPC-2 5.5.1, and SPC-4 5.12.3 without CRH.
TEST(Reservations, TheOldReservationsDoNotMixWithTheNew) {
  Machine machine;
  EXPECT_EQ(machine.ask(request(Action::reserve_unit, c, 0)), Answer::conflict) << "a and b are registered";
  EXPECT_EQ(machine.ask(request(Action::clear, a, key_a)), Answer::good);
  EXPECT_EQ(machine.ask(request(Action::reserve_unit, c, 0)), Answer::good);
  EXPECT_EQ(machine.ask(request(Action::reserve_unit, c, 0)), Answer::good);
  EXPECT_EQ(machine.ask(request(Action::reserve_unit, a, 0)), Answer::conflict);
  EXPECT_TRUE(keeps_out_wholly(machine.state, a));
  EXPECT_FALSE(keeps_out_wholly(machine.state, c));
  EXPECT_EQ(machine.ask(request(Action::register_key, c, 0, key_c)), Answer::conflict);
  EXPECT_EQ(machine.ask(request(Action::release_unit, a, 0)), Answer::good);
  EXPECT_EQ(machine.ask(request(Action::end_unit_reservation, a, 0)), Answer::good);
  EXPECT_TRUE(keeps_out_wholly(machine.state, a)) << "it was c's";
  EXPECT_EQ(machine.ask(request(Action::end_unit_reservation, c, 0)), Answer::good);
  EXPECT_FALSE(keeps_out_wholly(machine.state, a));
  EXPECT_EQ(machine.ask(request(Action::reserve_unit, c, 0)), Answer::good);
  EXPECT_EQ(machine.ask(request(Action::end_unit_reservation, {}, 0)), Answer::good) << "a reset";
  EXPECT_FALSE(keeps_out_wholly(machine.state, a));
}

TEST(Reservations, NothingIsBuiltOnWhatWasLost) {
  Machine machine;
  machine.state = {};
  machine.state.lost = true;
  for (const Action action :
       {Action::register_key, Action::register_and_ignore_existing_key, Action::reserve, Action::release,
        Action::clear, Action::preempt, Action::register_and_move, Action::reserve_unit})
    EXPECT_EQ(machine.ask(request(action, c, 0, key_c, Type::write_exclusive)), Answer::conflict)
        << static_cast<int>(action);
  EXPECT_TRUE(machine.state.lost);
  EXPECT_THAT(machine.registered(), ElementsAre());
  EXPECT_EQ(machine.ask(request(Action::replace_lost_reservation, c, 0, key_c, Type::write_exclusive)),
            Answer::good);
  EXPECT_FALSE(machine.state.lost);
}

TEST(Reservations, HasABound) {
  Machine machine;
  ReservationRequest many = request(Action::register_key, c, 0, key_c);
  for (size_t i = 0; i < Reservations::most_registrations; ++i)
    many.initiator_ports.push_back(fmt::format("host{}", i));
  EXPECT_EQ(machine.ask(many), Answer::insufficient_resources);
  EXPECT_THAT(machine.registered(), ElementsAre(a, b));
}

ReservationRequest any_request() {
  const auto any_nexus = [] {
    const auto port = *rc::gen::inRange<uint16_t>(1, 3);
    return NexusName{*rc::gen::element<std::string>("a", "b", "c"), port, port == 1 ? "t1" : "t2"};
  };
  const auto any_key = [] { return *rc::gen::inRange<uint64_t>(0, 4); };
  ReservationRequest made =
      request(static_cast<Action>(*rc::gen::inRange(0, 12)), any_nexus(), any_key(), any_key(),
              *rc::gen::elementOf(std::vector<Type>(std::begin(all_types), std::end(all_types))));
  made.persist = *rc::gen::arbitrary<bool>();
  made.destination = any_nexus();
  made.unregister = *rc::gen::arbitrary<bool>();
  if (*rc::gen::inRange(0, 4) == 0) made.all_target_ports = {{1, "t1"}, {2, "t2"}};
  if (*rc::gen::inRange(0, 4) == 0) made.initiator_ports = {"d"};
  return made;
}

// Whatever is asked, in whatever order.
RC_GTEST_PROP(Reservations, StayWhole, ()) {
  Reservations state;
  for (int left = 40; left > 0; --left) {
    const ReservationRequest asked = any_request();
    const ReservationOutcome outcome = apply(state, asked);
    if (outcome.status != Answer::good) {
      RC_ASSERT(outcome.after == state);
      RC_ASSERT(outcome.tell.empty());
      RC_ASSERT(outcome.abort.empty());
      continue;
    }
    const Reservations& after = outcome.after;
    std::set<NexusName> names;
    for (const Registration& each : after.registrations) {
      RC_ASSERT(each.key != 0u);
      RC_ASSERT(names.insert(each.nexus).second);
    }
    RC_ASSERT(std::ranges::is_sorted(after.registrations, {}, &Registration::nexus));
    if (after.type == Type::none || all_registrants(after.type)) {
      RC_ASSERT(after.holder == NexusName{});
    } else {
      RC_ASSERT(names.contains(after.holder));
    }
    if (after.type != Type::none) RC_ASSERT(!names.empty());
    RC_ASSERT(!after.unit_holder || names.empty());
    // Told are those who were there, never who asked; aborted are those who lost their registration, and they are told so.
    for (const auto& [nexus, attention] : outcome.tell) {
      RC_ASSERT(nexus != asked.nexus);
      RC_ASSERT(state.find(nexus) != nullptr);
    }
    for (const NexusName& each : outcome.abort) {
      RC_ASSERT(!names.contains(each));
      RC_ASSERT(std::ranges::count(outcome.tell, std::pair(each, Attention::registrations_preempted)) == 1);
    }
    // A registration goes by its own nexus's wish or with a word to it.
    for (const Registration& each : state.registrations) {
      const bool gone = !names.contains(each.nexus);
      const bool own = each.nexus.initiator_port == asked.nexus.initiator_port;
      const bool told =
          std::ranges::any_of(outcome.tell, [&](const auto& one) { return one.first == each.nexus; });
      RC_ASSERT(!gone || own || told);
    }
    state = after;
  }
}

}  // namespace
}  // namespace ashlar::unit
