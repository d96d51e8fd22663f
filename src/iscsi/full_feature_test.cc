// What a session of one connection answers to requests that are early, or ask for what is not there.
#include <gtest/gtest.h>

#include "iscsi/target_world_test.h"

namespace ashlar::iscsi::testing {
namespace {

using namespace wire::iscsi;

class FullFeature : public ::testing::Test {
 protected:
  FullFeature() : host(array) { EXPECT_TRUE(host.login()); }
  /// CmdSN of the next request is `next`, and nothing else is under way.
  void expect_alive(uint32_t next) {
    NopOut ping;
    ping.immediate = true;
    ping.initiator_task_tag = 0x70 + next;
    ping.cmd_sn = next;
    host.send_pdu(ping);
    const auto pong = host.next_pdu();
    ASSERT_TRUE(pong && pong->opcode() == Opcode::nop_in);
    EXPECT_EQ(NopIn::decode(pong->header.data()).numbers.exp_cmd_sn, next);
  }
  TaskManagementRequest function(TaskManagementFunction what, uint32_t tag) const {
    TaskManagementRequest pdu;
    pdu.immediate = true;
    pdu.function = what;
    pdu.initiator_task_tag = tag;
    pdu.cmd_sn = 1;
    return pdu;
  }
  RejectReason rejected() {
    const auto pdu = host.next_pdu();
    EXPECT_TRUE(pdu && pdu->opcode() == Opcode::reject);
    return pdu ? Reject::decode(pdu->header.data()).reason : RejectReason{};
  }

  Array array;
  RawHost host;
};

TEST_F(FullFeature, WhatIsAheadOfItsTurnWaits) {
  NopOut ping;
  ping.initiator_task_tag = 12;
  ping.cmd_sn = 2;
  host.send_pdu(ping);
  LogoutRequest logout;
  logout.initiator_task_tag = 13;
  logout.cmd_sn = 3;
  host.send_pdu(logout);
  expect_alive(1);
  ping.initiator_task_tag = 11;
  ping.cmd_sn = 1;
  host.send_pdu(ping);
  for (const uint32_t tag : {11u, 12u}) {
    const auto pong = host.next_pdu();
    ASSERT_TRUE(pong && pong->opcode() == Opcode::nop_in);
    EXPECT_EQ(initiator_task_tag(pong->header.data()), tag);
  }
  const auto out = host.next_pdu();
  ASSERT_TRUE(out && out->opcode() == Opcode::logout_response);
  EXPECT_EQ(initiator_task_tag(out->header.data()), 13u);
}

TEST_F(FullFeature, ALogoutForAReasonThatDoesNotExistIsNone) {
  for (const uint8_t reason : {3, 127}) {
    LogoutRequest logout;
    logout.immediate = true;
    logout.reason = static_cast<LogoutReason>(reason);
    logout.initiator_task_tag = 20;
    logout.cmd_sn = 1;
    host.send_pdu(logout);
    EXPECT_EQ(rejected(), RejectReason::invalid_pdu_field);
  }
  expect_alive(1);
}

TEST_F(FullFeature, TaskReassignmentIsToldApartFromFunctionsThatDoNotExist) {
  const std::pair<TaskManagementFunction, TaskManagementOutcome> cases[] = {
      {TaskManagementFunction::task_reassign, TaskManagementOutcome::allegiance_reassignment_not_supported},
      {TaskManagementFunction::query_task_set, TaskManagementOutcome::function_not_supported},
      {TaskManagementFunction::query_task, TaskManagementOutcome::function_not_supported}};
  for (const auto& [asked, outcome] : cases) {
    host.send_pdu(function(asked, 30));
    const auto answer = host.next_pdu();
    ASSERT_TRUE(answer && answer->opcode() == Opcode::task_management_response);
    EXPECT_EQ(TaskManagementResponse::decode(answer->header.data()).response, outcome);
  }
}

TEST_F(FullFeature, AFunctionWithoutATaskTagIsAProtocolError) {
  host.send_pdu(function(TaskManagementFunction::abort_task_set, reserved_task_tag));
  EXPECT_EQ(rejected(), RejectReason::protocol_error);
  EXPECT_FALSE(host.next_pdu());
  EXPECT_TRUE(host.closed);
}

}  // namespace
}  // namespace ashlar::iscsi::testing
