#include <gtest/gtest.h>

#include "scsi/host_test.h"

namespace ashlar::scsi::test {
namespace {

using Response = TaskManagementResponse;
const Cdb test_unit_ready = cdb6(0x00);
const Cdb read_one = cdb10(0x28, 0, 1);
const Cdb write_one = cdb10(0x2a, 0, 1);

class Management : public ScsiTest {
 protected:
  explicit Management(uint32_t shards = 1) : ScsiTest(512, shards) { target.add_volume("other", 64); }
  /// A write that waits for its data.
  std::unique_ptr<HostTask> fetching(NexusState& nexus) {
    auto out = task(write_one, filled(512, 1));
    out->hold_data_out = true;
    target.submit(nexus, *out);
    target.shards.run();
    return out;
  }
  std::unique_ptr<HostTask> with_attribute(TaskAttribute attribute, const Cdb& cdb = read_one) {
    auto out = task(cdb, {}, 512);
    out->attribute = attribute;
    target.submit(*host, *out);
    target.shards.run();
    return out;
  }
};
class ManagementOnTwoShards : public Management {
 protected:
  ManagementOnTwoShards() : Management(2) {}
};

TEST_F(Management, AbortTaskThatTheDeviceHas) {
  target.unit("v").hold = true;
  const auto task = start(*host, read_one, {}, 512);
  const auto answer = target.manage(*host, TaskManagement::abort_task, 0, task->tag);
  target.shards.run();
  EXPECT_EQ(ending(*task), "pending");
  EXPECT_FALSE(answer->has_value());
  target.release("v");
  EXPECT_EQ(ending(*task), "aborted");
  EXPECT_EQ(*answer, Response::complete);
}

TEST_F(Management, AbortTaskThatWaitsForItsData) {
  const auto task = fetching(*host);
  const auto answer = target.manage(*host, TaskManagement::abort_task, 0, task->tag);
  target.shards.at(0).in_turn([&] { task->deliver(); });  // the bytes come too late
  target.shards.run();
  EXPECT_EQ(ending(*task), "aborted");
  EXPECT_EQ(*answer, Response::complete);
  EXPECT_EQ(on_medium(0, 1)[0], 0);
}

TEST_F(Management, AbortTaskThatIsAboutToAnswer) {
  auto ending_now = task(test_unit_ready);
  target.submit(*host, *ending_now);
  const auto answer = target.manage(*host, TaskManagement::abort_task, 0, ending_now->tag);
  target.shards.run();
  EXPECT_EQ(ending(*ending_now), "aborted");
  EXPECT_EQ(*answer, Response::complete);
}

TEST_F(Management, AbortTaskThatWaitsForItsTurn) {
  target.unit("v").hold = true;
  const auto first = start(*host, read_one, {}, 512);
  const auto ordered = with_attribute(TaskAttribute::ordered);
  const auto behind = with_attribute(TaskAttribute::simple);
  EXPECT_EQ(target.unit("v").held(), 1u);
  const auto answer = target.manage(*host, TaskManagement::abort_task, 0, ordered->tag);
  target.shards.run();
  EXPECT_EQ(ending(*ordered), "aborted");
  EXPECT_EQ(*answer, Response::complete);
  EXPECT_EQ(target.unit("v").held(), 2u) << "what waited behind it goes on";
  target.release("v");
  EXPECT_EQ(ending(*first), "GOOD");
  EXPECT_EQ(ending(*behind), "GOOD");
}

TEST_F(Management, TasksAndUnitsThatAreNotThere) {
  const auto no_task = target.manage(*host, TaskManagement::abort_task, 0, 4711);
  const auto no_lun = target.manage(*host, TaskManagement::logical_unit_reset, 9);
  const auto no_aca = target.manage(*host, TaskManagement::clear_aca, 0);
  EXPECT_FALSE(no_task->has_value()) << "never inside the call";
  target.shards.run();
  EXPECT_EQ(*no_task, Response::task_does_not_exist);
  EXPECT_EQ(*no_lun, Response::lun_does_not_exist);
  EXPECT_EQ(*no_aca, Response::complete);
}

TEST_F(Management, AbortTaskSetIsOfThisNexusAndUnit) {
  NexusState& other = login();
  NexusState& both = login({{0, "v"}, {1, "other"}});
  target.unit("v").hold = true;
  const auto mine = start(*host, read_one, {}, 512);
  const auto waiting = fetching(*host);
  const auto theirs = start(other, read_one, {}, 512);
  const auto elsewhere = start(both, read_one, {}, 512);
  const auto answer = target.manage(*host, TaskManagement::abort_task_set, 0);
  target.release("v");
  EXPECT_EQ(ending(*mine), "aborted");
  EXPECT_EQ(ending(*waiting), "aborted");
  EXPECT_EQ(ending(*theirs), "GOOD");
  EXPECT_EQ(ending(*elsewhere), "GOOD");
  EXPECT_EQ(*answer, Response::complete);
  EXPECT_EQ(ending(*run(other, test_unit_ready)), "GOOD");
}

// TAS is one unless a host says otherwise: what another one ended is answered, and then it needs no attention.
TEST_F(Management, ClearTaskSetTellsThoseThatLostTasks) {
  NexusState& busy = login();
  NexusState& idle = login();
  target.unit("v").hold = true;
  const auto mine = start(*host, read_one, {}, 512);
  const auto theirs = start(busy, read_one, {}, 512);
  const auto answer = target.manage(*host, TaskManagement::clear_task_set, 0);
  target.shards.run();
  EXPECT_FALSE(answer->has_value());
  target.release("v");
  EXPECT_EQ(ending(*mine), "aborted");
  EXPECT_EQ(ending(*theirs), "status 40") << "TASK ABORTED";
  EXPECT_EQ(*answer, Response::complete);
  EXPECT_EQ(end(test_unit_ready), "GOOD");
  EXPECT_EQ(ending(*run(busy, test_unit_ready)), "GOOD");
  EXPECT_EQ(ending(*run(idle, test_unit_ready)), "GOOD");
}

TEST_F(Management, LogicalUnitResetEndsAllAndTellsAll) {
  NexusState& other = login({{5, "v"}, {6, "other"}});
  target.unit("v").hold = true;
  const auto mine = start(*host, read_one, {}, 512);
  auto theirs = task(read_one, {}, 512, 5);
  target.submit(other, *theirs);
  auto elsewhere = task(cdb6(0x00), {}, 0, 6);
  target.submit(other, *elsewhere);
  const auto answer = target.manage(*host, TaskManagement::logical_unit_reset, 0);
  target.shards.run();
  EXPECT_FALSE(answer->has_value());
  EXPECT_EQ(ending(*elsewhere), "GOOD");
  target.release("v");
  EXPECT_EQ(*answer, Response::complete);
  EXPECT_EQ(ending(*mine), "aborted");
  EXPECT_EQ(ending(*theirs), "status 40");
  EXPECT_EQ(end(test_unit_ready), "6/29/03") << "also who asked";
  EXPECT_EQ(ending(*run(other, test_unit_ready, {}, 0, 5)), "6/29/03");
  EXPECT_EQ(ending(*run(other, test_unit_ready, {}, 0, 6)), "GOOD");
}

TEST_F(Management, TargetResetIsOfEveryUnitThatTheNexusSees) {
  NexusState& wide = login({{0, "v"}, {1, "other"}});
  target.unit("other").hold = true;
  auto busy = task(read_one, {}, 512, 1);
  target.submit(wide, *busy);
  const auto answer = target.manage(wide, TaskManagement::target_warm_reset, 0);
  target.shards.run();
  EXPECT_FALSE(answer->has_value());
  target.release("other");
  EXPECT_EQ(*answer, Response::complete);
  EXPECT_EQ(ending(*busy), "aborted");
  EXPECT_EQ(end(test_unit_ready), "6/29/02");
  EXPECT_EQ(ending(*run(wide, test_unit_ready, {}, 0, 0)), "6/29/02");
  EXPECT_EQ(ending(*run(wide, test_unit_ready, {}, 0, 1)), "6/29/02");
  NexusState& none = target.login({});
  const auto empty = target.manage(none, TaskManagement::target_cold_reset, 0);
  target.shards.run();
  EXPECT_EQ(*empty, Response::complete);
}

// RFC 7143 4.2.3.3: a function covers what came before it. Its nexus waits for the answer to what comes after it.
TEST_F(Management, WhatComesAfterAFunctionIsNotCoveredByIt) {
  for (const TaskManagement function : {TaskManagement::clear_task_set, TaskManagement::logical_unit_reset,
                                        TaskManagement::target_warm_reset}) {
    target.unit("v").hold = true;
    const auto before = start(*host, read_one, {}, 512);
    const auto answer = target.manage(*host, function, 0);
    const auto after = task(read_one, {}, 512);
    target.submit(*host, *after);
    target.shards.run();
    target.unit("v").hold = false;
    target.release("v");
    EXPECT_EQ(ending(*before), "aborted");
    EXPECT_EQ(*answer, Response::complete);
    EXPECT_EQ(ending(*after), "GOOD");
    run(*host, test_unit_ready);  // a reset is told
  }
}

TEST_F(Management, TwoFunctionsWaitForTheSameTask) {
  target.unit("v").hold = true;
  const auto task = start(*host, read_one, {}, 512);
  const auto abort = target.manage(*host, TaskManagement::abort_task, 0, task->tag);
  const auto reset = target.manage(*host, TaskManagement::logical_unit_reset, 0);
  target.shards.run();
  EXPECT_FALSE(abort->has_value());
  EXPECT_FALSE(reset->has_value());
  target.release("v");
  EXPECT_EQ(*abort, Response::complete);
  EXPECT_EQ(*reset, Response::complete);
  EXPECT_EQ(task->completions, 1);
}

TEST_F(ManagementOnTwoShards, AResetReachesTheTasksOfBoth) {
  NexusState& far = login({{3, "v"}}, 1);
  for (uint32_t shard : {0u, 1u}) target.unit("v", shard).hold = true;
  const auto near_task = start(*host, read_one, {}, 512);
  auto far_task = task(read_one, {}, 512, 3);
  target.submit(far, *far_task);
  const auto answer = target.manage(*host, TaskManagement::logical_unit_reset, 0);
  target.shards.run();
  target.release("v", 0);
  EXPECT_EQ(ending(*near_task), "aborted");
  EXPECT_FALSE(answer->has_value()) << "the other shard's device still works";
  target.release("v", 1);
  EXPECT_EQ(ending(*far_task), "status 40");
  EXPECT_EQ(*answer, Response::complete);
  EXPECT_EQ(ending(*run(far, test_unit_ready, {}, 0, 3)), "6/29/03");
  EXPECT_EQ(end(test_unit_ready), "6/29/03");
}

TEST_F(ManagementOnTwoShards, AttentionsAndUnitStateCrossShards) {
  NexusState& far = login({{0, "v"}}, 1);
  const std::vector<uint8_t> protect = {0, 0, 0, 0, 0x0a, 10, 0, 0x10, 0x08, 0, 0, 0, 0xff, 0xff, 0, 0};
  EXPECT_EQ(end(cdb6(0x15, 0x10, 0, 0, 16), protect), "GOOD");
  EXPECT_EQ(ending(*run(far, write_one, filled(512, 1))), "6/2a/01");
  EXPECT_EQ(ending(*run(far, write_one, filled(512, 1))), "7/27/02");
  for (uint32_t shard : {0u, 1u}) target.unit("v", shard).hold = true;
  const auto lost = start(far, read_one, {}, 512);
  const auto answer = target.manage(*host, TaskManagement::clear_task_set, 0);
  target.shards.run();
  target.release("v", 1);
  EXPECT_EQ(*answer, Response::complete);
  EXPECT_EQ(ending(*lost), "aborted");
  EXPECT_EQ(ending(*run(far, test_unit_ready)), "6/2f/00");
}

TEST_F(Management, OrderedWaitsForOlderAndHoldsYounger) {
  FakeUnit& unit = target.unit("v");
  unit.hold = true;
  const auto first = with_attribute(TaskAttribute::simple);
  const auto second = with_attribute(TaskAttribute::simple);
  const auto ordered = with_attribute(TaskAttribute::ordered);
  const auto third = with_attribute(TaskAttribute::simple);
  const auto urgent = with_attribute(TaskAttribute::head_of_queue);
  EXPECT_EQ(unit.held(), 3u) << "first, second, urgent";
  target.release("v", 0, 2);
  EXPECT_EQ(ending(*second), "GOOD");
  EXPECT_EQ(ending(*ordered), "pending");
  EXPECT_EQ(unit.held(), 2u) << "urgent, and ordered, which does not wait for a younger one";
  target.release("v", 0, 2);
  EXPECT_EQ(ending(*ordered), "GOOD");
  EXPECT_EQ(ending(*third), "pending");
  EXPECT_EQ(unit.held(), 1u);
  target.release("v");
  EXPECT_EQ(ending(*third), "GOOD");
  EXPECT_EQ(ending(*urgent), "GOOD");
  EXPECT_EQ(ending(*first), "GOOD");
}

/// MODE SELECT of the control page; the other host is told and hears it.
class ManagementByControlPage : public Management {
 protected:
  void SetUp() override {
    Management::SetUp();
    other = &login();
  }
  void control(uint8_t byte2, uint8_t byte5) {
    const std::vector<uint8_t> list = {0, 0, 0, 0, 0x0a, 10, byte2, 0x10, 0, byte5, 0, 0, 0xff, 0xff, 0, 0};
    EXPECT_EQ(end(cdb6(0x15, 0x10, 0, 0, static_cast<uint8_t>(list.size())), list), "GOOD");
    EXPECT_EQ(ending(*run(*other, test_unit_ready)), "6/2a/01");
  }
  NexusState* other = nullptr;
};

// SAM-5 5.3.1, TAS zero: no answer, but COMMANDS CLEARED BY ANOTHER INITIATOR.
TEST_F(ManagementByControlPage, WithoutTaskAbortedStatusItIsAnAttention) {
  control(0, 0);
  target.unit("v").hold = true;
  const auto at_device = start(*other, read_one, {}, 512);
  const auto answer = target.manage(*host, TaskManagement::clear_task_set, 0);
  target.shards.run();
  target.release("v");
  EXPECT_EQ(ending(*at_device), "aborted");
  EXPECT_EQ(*answer, Response::complete);
  target.unit("v").hold = false;
  EXPECT_EQ(ending(*run(*other, test_unit_ready)), "6/2f/00");
}

TEST_F(ManagementByControlPage, TaskAbortedStatusIsToldToOthersAndNotAnAttention) {
  target.unit("v").hold = true;
  const auto own = start(*host, read_one, {}, 512);
  const auto at_device = start(*other, read_one, {}, 512);
  const auto waiting_for_data = fetching(*other);
  const auto answer = target.manage(*host, TaskManagement::clear_task_set, 0);
  target.shards.run();
  EXPECT_EQ(ending(*waiting_for_data), "status 40") << "TASK ABORTED";
  EXPECT_EQ(ending(*at_device), "pending");
  EXPECT_FALSE(answer->has_value()) << "not before the device has let go";
  target.release("v");
  EXPECT_EQ(ending(*at_device), "status 40");
  EXPECT_EQ(at_device->data_in_bytes, 0u);
  EXPECT_EQ(ending(*own), "aborted") << "who asked knows";
  EXPECT_EQ(*answer, Response::complete);
  target.unit("v").hold = false;
  EXPECT_EQ(ending(*run(*other, test_unit_ready)), "GOOD") << "no COMMANDS CLEARED";
}

TEST_F(ManagementByControlPage, AResetTellsNothingAndThenForgetsTheSetting) {
  control(0, 0);
  target.unit("v").hold = true;
  const auto at_device = start(*other, read_one, {}, 512);
  const auto answer = target.manage(*host, TaskManagement::logical_unit_reset, 0);
  target.shards.run();
  target.release("v");
  EXPECT_EQ(ending(*at_device), "aborted") << "as TAS was until then";
  EXPECT_EQ(*answer, Response::complete);
  target.unit("v").hold = false;
  EXPECT_EQ(ending(*run(*other, test_unit_ready)), "6/29/03");
  EXPECT_EQ(end(test_unit_ready), "6/29/03");
  EXPECT_EQ(data(cdb6(0x1a, 0x08, 0x0a, 0, 255)).at(4 + 5), 0x40);
}

TEST_F(ManagementByControlPage, ATaskAboutToAnswerKeepsItsAnswer) {
  auto ending_now = task(test_unit_ready);
  target.submit(*other, *ending_now);
  const auto answer = target.manage(*host, TaskManagement::clear_task_set, 0);
  target.shards.run();
  EXPECT_EQ(ending(*ending_now), "GOOD");
  EXPECT_EQ(*answer, Response::complete);
}

TEST_F(ManagementByControlPage, ANexusThatGoesWhileItIsToldGetsNoAnswer) {
  target.unit("v").hold = true;
  const auto at_device = start(*other, read_one, {}, 512);
  const auto answer = target.manage(*host, TaskManagement::clear_task_set, 0);
  target.shards.run();
  target.close(*other);
  std::erase_if(target.nexuses, [this](const auto& each) { return each.get() == other; });
  EXPECT_EQ(ending(*at_device), "aborted");
  EXPECT_EQ(*answer, Response::complete);
}

TEST_F(ManagementByControlPage, WithSeparateTaskSetsEachNexusClearsItsOwn) {
  control(0x20, 0);
  target.unit("v").hold = true;
  const auto own = start(*host, read_one, {}, 512);
  const auto others = start(*other, read_one, {}, 512);
  const auto answer = target.manage(*host, TaskManagement::clear_task_set, 0);
  target.shards.run();
  target.release("v");
  EXPECT_EQ(ending(*own), "aborted");
  EXPECT_EQ(ending(*others), "GOOD");
  EXPECT_EQ(*answer, Response::complete);
  target.unit("v").hold = false;
  EXPECT_EQ(ending(*run(*other, test_unit_ready)), "GOOD");
}

}  // namespace
}  // namespace ashlar::scsi::test
