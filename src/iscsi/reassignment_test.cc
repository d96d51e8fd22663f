// ErrorRecoveryLevel 2: tasks outlive their connection (RFC 7143 7.1.4.3).
#include <gtest/gtest.h>

#include "iscsi/target_world_test.h"

namespace ashlar::iscsi::testing {
namespace {

using namespace wire::iscsi;

const std::string level_two = text({"MaxConnections=4", "ErrorRecoveryLevel=2", "DefaultTime2Retain=10",
                                    "InitialR2T=Yes", "MaxBurstLength=65536"});

class Reassignment : public ::testing::TestWithParam<uint32_t> {
 protected:
  Reassignment() : array(GetParam()), first(std::make_unique<RawHost>(array)) {
    const LoginResponse led = first->log_in({.extra_keys = level_two});
    EXPECT_EQ(led.status, LoginStatus::success);
    EXPECT_NE(first->answer_text.find("ErrorRecoveryLevel=2"), std::string::npos);
    EXPECT_NE(first->answer_text.find("DefaultTime2Retain=10"), std::string::npos) << first->answer_text;
    tsih = led.tsih;
    ScsiCommand command;  // takes the unit attention
    command.initiator_task_tag = 1;
    command.cmd_sn = 1;
    first->send_pdu(command);
    EXPECT_TRUE(first->next_pdu(Opcode::scsi_response));
  }
  ~Reassignment() override {
    first.reset();
    second.reset();
    array.world.run_for(loop::seconds(15));
    EXPECT_EQ(array.connections(), 0u);
    for (uint32_t i = 0; i < array.servers.size(); ++i) {
      EXPECT_EQ(array.servers[i]->impl().commands.in_use(), 0u);
      EXPECT_EQ(array.process.loop(i).buffers().in_use(), 0u);
    }
  }
  void lose_first() {
    first->hang_up();
    array.world.run_for(loop::milliseconds(500));
    EXPECT_EQ(array.count_events("session.connection_suspended"), 1u);
  }
  void join(uint16_t connection_id) {
    second = std::make_unique<RawHost>(array);
    ASSERT_EQ(second->log_in({.tsih = tsih, .connection_id = connection_id, .cmd_sn = 3}).status,
              LoginStatus::success);
  }
  ScsiCommand command_of(bool read, uint16_t blocks) const {
    ScsiCommand command;
    command.read = read;
    command.write = !read;
    command.initiator_task_tag = 20;
    command.cmd_sn = 2;
    command.expected_data_transfer_length = blocks * 512u;
    command.cdb = {
        static_cast<uint8_t>(read ? 0x28 : 0x2a), 0, 0, 0, 0, 0, 0, 0, static_cast<uint8_t>(blocks)};
    return command;
  }
  TaskManagementOutcome reassign(RawHost& host, uint32_t tag, uint32_t exp_data_sn = 0) {
    TaskManagementRequest request;
    request.immediate = true;
    request.function = TaskManagementFunction::task_reassign;
    request.initiator_task_tag = 50;
    request.referenced_task_tag = tag;
    request.cmd_sn = 3;
    request.exp_data_sn = exp_data_sn;
    host.send_pdu(request);
    const auto pdu = host.next_pdu(Opcode::task_management_response);
    EXPECT_TRUE(pdu);
    return pdu ? TaskManagementResponse::decode(pdu->header.data()).response
               : TaskManagementOutcome::function_rejected;
  }
  void answer_r2ts(RawHost& host, uint32_t from, uint32_t bytes) {
    while (from < bytes) {
      const auto pdu = host.next_pdu(Opcode::r2t);
      ASSERT_TRUE(pdu);
      const R2t r2t = R2t::decode(pdu->header.data());
      ASSERT_EQ(r2t.buffer_offset, from);
      DataOut out;
      out.initiator_task_tag = 20;
      out.target_transfer_tag = r2t.target_transfer_tag;
      out.buffer_offset = from;
      out.data_segment_length = r2t.desired_data_transfer_length;
      host.send_pdu(out, std::vector<uint8_t>(r2t.desired_data_transfer_length, 0x77));
      from += r2t.desired_data_transfer_length;
    }
  }
  Array array;
  std::unique_ptr<RawHost> first, second;
  uint16_t tsih = 0;
};

TEST_P(Reassignment, AWriteGoesOnByAnotherConnection) {
  first->send_pdu(command_of(false, 16));
  ASSERT_TRUE(first->next_pdu(Opcode::r2t));
  lose_first();
  join(7);
  EXPECT_EQ(reassign(*second, 20), TaskManagementOutcome::function_complete);
  answer_r2ts(*second, 0, 8192);
  const auto response = second->next_pdu(Opcode::scsi_response);
  ASSERT_TRUE(response);
  EXPECT_EQ(ScsiResponse::decode(response->header.data()).status, 0);
  EXPECT_EQ(reassign(*second, 20), TaskManagementOutcome::task_does_not_exist);
}

TEST_P(Reassignment, AnAnswerThatWasLostComesAgain) {
  first->send_pdu(command_of(true, 64));                // 32 KiB in four PDUs of 8 KiB
  ASSERT_TRUE(first->next_pdu(Opcode::scsi_response));  // of which the host is thought to know nothing
  lose_first();
  join(0);  // the same CID: the older one is logged out by it
  EXPECT_EQ(reassign(*second, 20, 2), TaskManagementOutcome::function_complete);
  for (const uint32_t sequence : {2u, 3u}) {
    const auto pdu = second->next_pdu();
    ASSERT_TRUE(pdu);
    ASSERT_EQ(pdu->opcode(), Opcode::data_in);
    EXPECT_EQ(DataIn::decode(pdu->header.data()).data_sn, sequence);
    EXPECT_EQ(DataIn::decode(pdu->header.data()).buffer_offset, sequence * 8192);
  }
  const auto response = second->next_pdu(Opcode::scsi_response);
  ASSERT_TRUE(response);
  EXPECT_EQ(ScsiResponse::decode(response->header.data()).exp_data_sn, 4u);
  EXPECT_EQ(ScsiResponse::decode(response->header.data()).initiator_task_tag, 20u);
}

TEST_P(Reassignment, AnAnswerThatCameMeanwhileWaits) {
  first->send_pdu(command_of(true, 1));
  first->hang_up();  // before the answer can leave
  array.world.run_for(loop::milliseconds(500));
  join(7);
  EXPECT_EQ(reassign(*second, 20), TaskManagementOutcome::function_complete);
  EXPECT_TRUE(second->next_pdu(Opcode::scsi_response));
}

TEST_P(Reassignment, TasksOfALiveConnectionStay) {
  first->send_pdu(command_of(false, 16));
  const auto r2t = first->next_pdu(Opcode::r2t);
  ASSERT_TRUE(r2t);
  join(7);
  EXPECT_EQ(reassign(*second, 20), TaskManagementOutcome::task_still_allegiant);
  EXPECT_EQ(reassign(*second, 99), TaskManagementOutcome::task_does_not_exist);
  // Its host removes the older one, which it gave up.
  LogoutRequest logout;
  logout.immediate = true;
  logout.reason = LogoutReason::remove_connection_for_recovery;
  logout.initiator_task_tag = 60;
  logout.cmd_sn = 3;
  for (const auto& [cid, outcome] :
       {std::pair{9, LogoutOutcome::cid_not_found}, std::pair{0, LogoutOutcome::closed}}) {
    logout.connection_id = static_cast<uint16_t>(cid);
    second->send_pdu(logout);
    const auto answer = second->next_pdu(Opcode::logout_response);
    ASSERT_TRUE(answer);
    EXPECT_EQ(LogoutResponse::decode(answer->header.data()).response, outcome);
    EXPECT_EQ(LogoutResponse::decode(answer->header.data()).time2retain_seconds, 10);
  }
  EXPECT_EQ(reassign(*second, 20), TaskManagementOutcome::function_complete);
  answer_r2ts(*second, 0, 8192);
  EXPECT_TRUE(second->next_pdu(Opcode::scsi_response));
}

TEST_P(Reassignment, NothingIsKeptForEver) {
  first->send_pdu(command_of(false, 16));
  ASSERT_TRUE(first->next_pdu(Opcode::r2t));
  lose_first();
  EXPECT_EQ(array.connections(), 1u);
  array.world.run_for(loop::seconds(11));
  EXPECT_EQ(array.connections(), 0u);
  EXPECT_EQ(array.count_events("session.dropped"), 1u);
  second = std::make_unique<RawHost>(array);
  EXPECT_EQ(second->log_in({.tsih = tsih, .connection_id = 7}).status, LoginStatus::session_does_not_exist);
}

TEST_P(Reassignment, WhatIsNotTakenOverEndsAlone) {
  first->send_pdu(command_of(false, 16));
  ASSERT_TRUE(first->next_pdu(Opcode::r2t));
  lose_first();
  join(7);
  array.world.run_for(loop::seconds(11));
  EXPECT_FALSE(second->closed);
  EXPECT_EQ(array.connections(), 1u);
  EXPECT_EQ(array.count_events("session.dropped"), 0u);
  EXPECT_EQ(reassign(*second, 20), TaskManagementOutcome::task_does_not_exist);
}

TEST_P(Reassignment, AnAbortReachesWhatWaits) {
  first->send_pdu(command_of(false, 16));
  ASSERT_TRUE(first->next_pdu(Opcode::r2t));
  lose_first();
  join(7);
  EXPECT_EQ(second->abort(20, 2, 3), TaskManagementOutcome::function_complete);
  EXPECT_EQ(reassign(*second, 20), TaskManagementOutcome::task_does_not_exist);
}

TEST_P(Reassignment, ANewLoginOfThePortEndsWhatWaits) {
  first->send_pdu(command_of(false, 16));
  ASSERT_TRUE(first->next_pdu(Opcode::r2t));
  lose_first();
  second = std::make_unique<RawHost>(array);
  EXPECT_EQ(second->log_in({.extra_keys = level_two}).status, LoginStatus::success);
  array.world.run_for(loop::seconds(1));
  EXPECT_EQ(array.connections(), 1u);
}

INSTANTIATE_TEST_SUITE_P(Shards, Reassignment, ::testing::Values(1u, 2u));

}  // namespace
}  // namespace ashlar::iscsi::testing
