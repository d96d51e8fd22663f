#include "scsi/allegiance_test.h"

#include <gtest/gtest.h>

namespace ashlar::scsi::test {
namespace {

const Cdb unknown_command = {0xff};

class AllegianceOnTwoShards : public AllegianceTest {
 protected:
  AllegianceOnTwoShards() : AllegianceTest(2) {}
};

TEST_F(AllegianceTest, IsOfferedByUnitsAlone) {
  EXPECT_EQ(data(cdb6(0x12, 0, 0, 0, 96)).at(3), 0x32) << "NORMACA";
  auto nowhere = task(cdb6(0x12, 0, 0, 0, 96), {}, 96, 9);
  target.submit(*host, *nowhere);
  target.shards.run();
  EXPECT_EQ(nowhere->data_in.at(3), 0x12);
}

TEST_F(AllegianceTest, AFaultWithoutNacaEstablishesNothing) {
  EXPECT_EQ(end(read_beyond), "5/21/00");
  EXPECT_EQ(end(test_unit_ready), "GOOD");
  EXPECT_EQ(end(with_naca(test_unit_ready)), "GOOD");
  EXPECT_EQ(end(test_unit_ready), "GOOD") << "nor does NACA without a fault";
  EXPECT_EQ(aca(test_unit_ready), "5/49/00") << "INVALID MESSAGE ERROR: no condition stands";
}

TEST_F(AllegianceTest, TheFaultedNexusGoesOnWithAcaTasksAlone) {
  fault();
  for (const Cdb& cdb :
       {test_unit_ready, read_one, unknown_command, cdb6(0x12, 0, 0, 0, 96), cdb6(0x03, 0, 0, 0, 18)})
    EXPECT_EQ(end(cdb), aca_active);
  EXPECT_EQ(ending(*start_with(*host, TaskAttribute::ordered, read_one)), aca_active);
  EXPECT_EQ(ending(*start_with(*host, TaskAttribute::head_of_queue, read_one)), aca_active);
  EXPECT_EQ(aca(read_one), "GOOD");
  EXPECT_EQ(aca(cdb6(0x03, 0, 0, 0, 18)), "GOOD") << "REQUEST SENSE";
  clear();
  EXPECT_EQ(end(test_unit_ready), "GOOD");
  EXPECT_EQ(aca(test_unit_ready), "5/49/00");
}

TEST_F(AllegianceTest, OneAcaTaskAtATime) {
  fault();
  hold(true);
  const auto first = start_with(*host, TaskAttribute::aca, read_one);
  EXPECT_EQ(aca(test_unit_ready), aca_active);
  release();
  EXPECT_EQ(ending(*first), "GOOD");
  EXPECT_EQ(aca(test_unit_ready), "GOOD");
  clear();
}

TEST_F(AllegianceTest, OthersAreBusyOrToldOfIt) {
  fault();
  EXPECT_EQ(theirs(test_unit_ready), "BUSY");
  EXPECT_EQ(theirs(with_naca(test_unit_ready)), aca_active);
  EXPECT_EQ(aca(test_unit_ready, other), aca_active) << "whatever its NACA says";
  EXPECT_EQ(manage(*other, TaskManagement::clear_aca), Response::complete);
  EXPECT_EQ(theirs(test_unit_ready), "BUSY") << "it has nothing to clear";
  NexusState& late = target.login({{0, "v"}});
  EXPECT_EQ(ending(*run(late, test_unit_ready)), "BUSY") << "who comes later, too";
  clear();
  EXPECT_EQ(theirs(test_unit_ready), "GOOD");
  EXPECT_EQ(ending(*run(late, test_unit_ready)), "6/29/00");
}

TEST_F(AllegianceTest, OtherUnitsAndTheWellKnownOneAreNotConcerned) {
  NexusState& both = login({{0, "v"}, {1, "w"}});
  EXPECT_EQ(ending(*run(both, failing, {}, 512, 0)), "5/21/00");
  EXPECT_EQ(ending(*run(both, test_unit_ready, {}, 0, 1)), "GOOD");
  EXPECT_EQ(ending(*run(both, test_unit_ready, {}, 0, 0)), aca_active);
  EXPECT_EQ(ending(*run(both, failing, {}, 512, 7)), "5/25/00");
  EXPECT_EQ(ending(*run(both, cdb6(0x12, 0, 0, 0, 96), {}, 96, 7)), "GOOD") << "no unit, no condition";
}

TEST_F(AllegianceTest, WhatIsUnderWayIsAnsweredAfterwards) {
  hold(true);
  const auto own = start(*host, read_one, {}, 512);
  const auto foreign = start(*other, read_one, {}, 512);
  const auto ordered = start_with(*host, TaskAttribute::ordered, read_one);
  fault();
  release();
  EXPECT_EQ(ending(*own), "pending") << "blocked";
  EXPECT_EQ(ending(*foreign), "pending");
  EXPECT_EQ(ending(*ordered), "pending");
  EXPECT_EQ(aca(read_one), "GOOD") << "past the ORDERED one";
  hold(true);
  clear();
  EXPECT_EQ(ending(*own), "GOOD");
  EXPECT_EQ(ending(*foreign), "GOOD");
  EXPECT_EQ(target.unit("v").held(), 1u) << "the one that waited begins";
  release();
  EXPECT_EQ(ending(*ordered), "GOOD");
}

TEST_F(AllegianceTest, ABlockedFaultEstablishesTheNextCondition) {
  hold(true);
  target.unit("v").fault = block::Status::medium_error;
  target.unit("v").fault_in = 1;
  const auto foreign = start(*other, with_naca(read_one), {}, 512);
  fault();
  release();
  EXPECT_EQ(ending(*foreign), "pending");
  clear();
  EXPECT_EQ(ending(*foreign), "3/11/00");
  EXPECT_EQ(end(test_unit_ready), "BUSY");
  EXPECT_EQ(theirs(test_unit_ready), aca_active);
  EXPECT_EQ(manage(*other, TaskManagement::clear_aca), Response::complete);
  EXPECT_EQ(end(test_unit_ready), "GOOD");
}

TEST_F(AllegianceTest, AnAcaTaskThatFailsEndsItOrGoesOn) {
  fault();
  EXPECT_EQ(aca(failing), "5/21/00");
  EXPECT_EQ(end(test_unit_ready), aca_active) << "NACA: it goes on";
  EXPECT_EQ(theirs(test_unit_ready), "BUSY");
  EXPECT_EQ(aca(read_beyond), "5/21/00");
  EXPECT_EQ(end(test_unit_ready), "GOOD");
  EXPECT_EQ(theirs(test_unit_ready), "GOOD");
}

TEST_F(AllegianceTest, ClearAcaEndsTheAcaTask) {
  fault();
  hold(true);
  const auto running = start_with(*host, TaskAttribute::aca, read_one);
  const auto answer = target.manage(*host, TaskManagement::clear_aca, 0);
  target.shards.run();
  EXPECT_FALSE(answer->has_value());
  release();
  EXPECT_EQ(*answer, Response::complete);
  EXPECT_EQ(ending(*running), "aborted");
  EXPECT_EQ(end(test_unit_ready), "GOOD");
}

TEST_F(AllegianceTest, AbortTaskReachesABlockedOne) {
  hold(true);
  const auto own = start(*host, read_one, {}, 512);
  fault();
  release();
  const auto answer = target.manage(*host, TaskManagement::abort_task, 0, own->tag);
  target.shards.run();
  EXPECT_EQ(*answer, Response::complete);
  EXPECT_EQ(ending(*own), "aborted");
  EXPECT_EQ(manage(*host, TaskManagement::abort_task_set), Response::complete);
  EXPECT_EQ(end(test_unit_ready), aca_active) << "SAM-5 7.3: the condition stays";
  EXPECT_EQ(manage(*other, TaskManagement::clear_task_set), Response::complete);
  EXPECT_EQ(end(test_unit_ready), aca_active);
  clear();
}

TEST_F(AllegianceTest, AResetEndsItForAll) {
  hold(true);
  const auto foreign = start(*other, read_one, {}, 512);
  fault();
  release();
  EXPECT_EQ(manage(*other, TaskManagement::logical_unit_reset), Response::complete);
  EXPECT_EQ(ending(*foreign), "aborted");
  EXPECT_EQ(end(test_unit_ready), "6/29/03");
  EXPECT_EQ(theirs(test_unit_ready), "6/29/03");
  EXPECT_EQ(end(test_unit_ready), "GOOD");
}

TEST_F(AllegianceTest, ALostNexusTakesItWithIt) {
  hold(true);
  const auto own = start(*host, read_one, {}, 512);
  const auto foreign = start(*other, read_one, {}, 512);
  fault();
  release();
  target.close(*host);
  EXPECT_EQ(ending(*own), "aborted");
  EXPECT_EQ(ending(*foreign), "GOOD");
  EXPECT_EQ(theirs(test_unit_ready), "GOOD");
  std::erase_if(target.nexuses, [this](const auto& each) { return each.get() == host; });
}

TEST_F(AllegianceTest, ALunThatIsUnmappedTakesItWithIt) {
  hold(true);
  const auto foreign = start(*other, read_one, {}, 512);
  const auto own = start(*host, with_naca(read_one), {}, 512);
  const auto behind = start_with(*host, TaskAttribute::ordered, with_naca(read_one));
  fault();
  target.shards.at(0).in_turn([&] { host->replace_view(target.view({})); });
  target.shards.run();
  EXPECT_EQ(ending(*behind), "5/25/00") << "and that establishes nothing";
  release();
  EXPECT_EQ(ending(*own), "5/25/00");
  EXPECT_EQ(ending(*foreign), "GOOD");
  EXPECT_EQ(theirs(test_unit_ready), "GOOD");
}

TEST_F(AllegianceTest, WithSeparateTaskSetsItIsTheNexussOwn) {
  control(0x20, 0);
  hold(true);
  const auto own = start(*host, read_one, {}, 512);
  fault();
  release();
  EXPECT_EQ(ending(*own), "pending");
  EXPECT_EQ(theirs(test_unit_ready), "GOOD");
  EXPECT_EQ(theirs(failing), "5/21/00");
  EXPECT_EQ(theirs(test_unit_ready), aca_active) << "each may have one";
  clear();
  EXPECT_EQ(ending(*own), "GOOD");
  EXPECT_EQ(end(test_unit_ready), "GOOD");
  EXPECT_EQ(theirs(test_unit_ready), aca_active);
}

TEST_F(AllegianceTest, PreemptAndAbortOfTheFaultedNexusEndsIt) {
  EXPECT_EQ(reserve_out(*host, 0, 0, 1), "GOOD");
  EXPECT_EQ(reserve_out(*other, 0, 0, 2), "GOOD");
  hold(true);
  const auto own = start(*host, read_one, {}, 512);
  const auto foreign = start(*other, read_one, {}, 512);
  fault();
  release();
  EXPECT_EQ(reserve_out(*other, 5, 2, 1, 1, TaskAttribute::aca), aca_active);
  EXPECT_EQ(reserve_out(*other, 4, 2, 1, 1), "BUSY") << "PREEMPT alone waits";
  EXPECT_EQ(reserve_out(*host, 5, 1, 2, 1), aca_active);
  EXPECT_EQ(reserve_out(*other, 5, 2, 1, 1), "GOOD");
  EXPECT_EQ(ending(*own), "status 40");
  EXPECT_EQ(ending(*foreign), "GOOD");
  EXPECT_EQ(theirs(test_unit_ready), "GOOD");
  EXPECT_EQ(end(test_unit_ready), "6/2a/05");
}

TEST_F(AllegianceTest, PreemptAndAbortOfAnybodyElseHasToWait) {
  NexusState& third = login();
  EXPECT_EQ(reserve_out(*host, 0, 0, 1), "GOOD");
  EXPECT_EQ(reserve_out(*other, 0, 0, 2), "GOOD");
  EXPECT_EQ(reserve_out(third, 0, 0, 3), "GOOD");
  fault();
  EXPECT_EQ(reserve_out(*other, 5, 2, 3, 1), "BUSY");
  EXPECT_EQ(reserve_out(*other, 5, 2, 3, 1, TaskAttribute::simple, true), aca_active);
  EXPECT_EQ(reserve_out(*other, 5, 2, 4711, 1), "status 18") << "a conflict is told at once";
  EXPECT_EQ(reserve_out(*host, 5, 1, 3, 1, TaskAttribute::aca), "GOOD");
  EXPECT_EQ(end(test_unit_ready), aca_active) << "it stands on";
  clear();
  EXPECT_EQ(ending(*run(third, test_unit_ready)), "6/2a/05");
}

TEST_F(AllegianceTest, PreemptAndAbortOfAllRegistrantsEndsAny) {
  EXPECT_EQ(reserve_out(*other, 0, 0, 2), "GOOD");
  EXPECT_EQ(reserve_out(*other, 1, 2, 0, 7), "GOOD");
  fault();  // a nexus that is not registered
  EXPECT_EQ(reserve_out(*other, 5, 2, 0, 7), "GOOD");
  EXPECT_EQ(end(test_unit_ready), "GOOD");
}

TEST_F(AllegianceOnTwoShards, TheFaultIsToldWhenEveryShardIsBlocked) {
  hold(true);
  const auto foreign = start(*other, read_one, {}, 512);
  fault();
  EXPECT_EQ(theirs(test_unit_ready), "BUSY");
  release();
  EXPECT_EQ(ending(*foreign), "pending");
  clear();
  EXPECT_EQ(ending(*foreign), "GOOD");
  EXPECT_EQ(theirs(test_unit_ready), "GOOD");
}

TEST_F(AllegianceOnTwoShards, OfTwoFaultsOneEstablishesAndTheOtherWaits) {
  auto first = task(failing, {}, 512);
  auto second = task(failing, {}, 512);
  target.submit(*host, *first);
  target.submit(*other, *second);
  target.shards.run();
  EXPECT_EQ(ending(*first), "5/21/00");
  EXPECT_EQ(ending(*second), "pending");
  clear();
  EXPECT_EQ(ending(*second), "5/21/00");
  EXPECT_EQ(end(test_unit_ready), "BUSY");
  EXPECT_EQ(manage(*other, TaskManagement::clear_aca), Response::complete);
  EXPECT_EQ(end(test_unit_ready), "GOOD");
}

}  // namespace
}  // namespace ashlar::scsi::test
