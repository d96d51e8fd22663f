// QERR (SPC-4 7.5.8): what a fault does to the other commands of its task set.
#include <gtest/gtest.h>

#include "scsi/allegiance_test.h"

namespace ashlar::scsi::test {
namespace {

class QueueErrorsTest : public AllegianceTest {};
class QueueErrorsOnTwoShards : public AllegianceTest {
 protected:
  QueueErrorsOnTwoShards() : AllegianceTest(2) {}
};

TEST_F(QueueErrorsTest, AllAbortedWithTheFault) {
  control(0, 0x02);
  const Opening opening = open_with(read_beyond);
  EXPECT_EQ(ending(*opening.faulted), "pending") << "not before the others can no longer touch the medium";
  release();
  EXPECT_EQ(ending(*opening.faulted), "5/21/00");
  EXPECT_EQ(ending(*opening.own), "aborted");
  EXPECT_EQ(ending(*opening.foreign), "aborted");
  EXPECT_EQ(end(test_unit_ready), "GOOD") << "no ACA condition without NACA";
  EXPECT_EQ(theirs(test_unit_ready), "6/2f/00");
}

TEST_F(QueueErrorsTest, TwoFaultsAtOnceDoNotWaitForEachOther) {
  control(0, 0x02);
  auto first = task(read_beyond, {}, 512);
  auto second = task(read_beyond, {}, 512);
  target.submit(*host, *first);
  target.submit(*other, *second);
  target.shards.run();
  EXPECT_EQ(ending(*first), "5/21/00");
  EXPECT_EQ(ending(*second), "5/21/00");
  EXPECT_EQ(theirs(test_unit_ready), "GOOD");
}

TEST_F(QueueErrorsTest, OthersAreToldTaskAborted) {
  control(0, 0x02, 0x40);
  const Opening opening = open_with(read_beyond);
  release();
  EXPECT_EQ(ending(*opening.faulted), "5/21/00");
  EXPECT_EQ(ending(*opening.own), "aborted");
  EXPECT_EQ(ending(*opening.foreign), "status 40");
  EXPECT_EQ(theirs(test_unit_ready), "GOOD");
}

TEST_F(QueueErrorsTest, OwnAbortedWithTheFaultAndOthersBlocked) {
  control(0, 0x06);
  const Opening opening = open_with(failing);
  release();
  EXPECT_EQ(ending(*opening.faulted), "5/21/00");
  EXPECT_EQ(ending(*opening.own), "aborted");
  EXPECT_EQ(ending(*opening.foreign), "pending");
  clear();
  EXPECT_EQ(ending(*opening.foreign), "GOOD");
  EXPECT_EQ(theirs(test_unit_ready), "GOOD");
}

TEST_F(QueueErrorsTest, WithSeparateTaskSetsAFaultAbortsItsOwn) {
  control(0x20, 0x02);
  const Opening opening = open_with(failing);
  release();
  EXPECT_EQ(ending(*opening.faulted), "5/21/00");
  EXPECT_EQ(ending(*opening.own), "aborted");
  EXPECT_EQ(ending(*opening.foreign), "GOOD");
  EXPECT_EQ(end(test_unit_ready), aca_active);
  clear();
}

/// A reservation changes when somebody has kept it.
class QueueErrorsKept : protected WithKeeper, public AllegianceTest {
 protected:
  QueueErrorsKept() : AllegianceTest(1, &keeper) {}
};

TEST_F(QueueErrorsKept, AFaultAndThePreemptionOfItsNexusDoNotWaitForEachOther) {
  control(0, 0x02, 0x40);
  EXPECT_EQ(reserve_out(*host, 0, 0, 1), "GOOD");
  EXPECT_EQ(reserve_out(*other, 0, 0, 2), "GOOD");
  keeper.hold = true;
  const auto preempting = start_reserve_out(*other, 5, 2, 1, 1);
  const auto faulted = start(*host, read_beyond, {}, 512);
  EXPECT_EQ(ending(*preempting), "pending");
  EXPECT_EQ(ending(*faulted), "pending") << "until the preemption has ended";
  keeper.hold = false;
  target.shards.at(0).in_turn([&] { keeper.released.set(); });
  target.shards.run();
  EXPECT_EQ(ending(*preempting), "status 40");
  EXPECT_EQ(ending(*faulted), "5/21/00");
  EXPECT_EQ(end(test_unit_ready), "6/2a/05") << "it was carried out";
}

TEST_F(QueueErrorsTest, QueueErrorManagementIsShownAndResetForgetsIt) {
  control(0, 0x06);
  EXPECT_EQ(data(cdb6(0x1a, 0x08, 0x0a, 0, 255)).at(4 + 3), 0x16);
  EXPECT_EQ(manage(*host, TaskManagement::logical_unit_reset), Response::complete);
  EXPECT_EQ(end(test_unit_ready), "6/29/03");
  EXPECT_EQ(data(cdb6(0x1a, 0x08, 0x0a, 0, 255)).at(4 + 3), 0x10);
}

TEST_F(QueueErrorsOnTwoShards, AFaultEndsTheTasksOfBoth) {
  control(0, 0x02);
  const Opening opening = open_with(read_beyond);
  EXPECT_EQ(ending(*opening.faulted), "pending");
  release();
  EXPECT_EQ(ending(*opening.faulted), "5/21/00");
  EXPECT_EQ(ending(*opening.own), "aborted");
  EXPECT_EQ(ending(*opening.foreign), "aborted");
  EXPECT_EQ(theirs(test_unit_ready), "6/2f/00");
}

}  // namespace
}  // namespace ashlar::scsi::test
