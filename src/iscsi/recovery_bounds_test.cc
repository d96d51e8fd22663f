// What recovery may cost: answers and data that are kept for hosts which acknowledge late (RFC 7143 7.1.4.2).
#include <gtest/gtest.h>

#include "iscsi/target_world_test.h"

namespace ashlar::iscsi::testing {
namespace {

using namespace wire::iscsi;

TEST(RecoveryBounds, WhatIsKeptForAHostThatAcknowledgesNothing) {
  Array array;
  RawHost host(array);
  ASSERT_EQ(host.log_in({.extra_keys = text({"ErrorRecoveryLevel=1"})}).status, LoginStatus::success);
  for (uint32_t i = 0; i < 200; ++i) {
    host.send_pdu(read_command(i, 1 + i));
    ASSERT_TRUE(host.next_pdu(Opcode::scsi_response)) << i;
  }
  EXPECT_LE(array.servers[0]->impl().commands.in_use(), 32u);
}

TEST(RecoveryBounds, AllHostsTogetherLeaveMostOfTheMemory) {
  Array array;
  std::vector<std::unique_ptr<RawHost>> hosts;
  const size_t most = array.process.loop(0).buffers().capacity_bytes() / 4;
  for (uint8_t each = 0; each < 8; ++each) {
    hosts.push_back(std::make_unique<RawHost>(array));
    ASSERT_EQ(hosts.back()
                  ->log_in({.extra_keys = text({"ErrorRecoveryLevel=1"}), .isid = {0x40, 0, 0, 0, 0, each}})
                  .status,
              LoginStatus::success);
    for (uint32_t i = 0; i < 33; ++i) {
      hosts.back()->send_pdu(read_command(i, 1 + i, 64));
      const auto answer = hosts.back()->next_pdu(Opcode::scsi_response);
      ASSERT_TRUE(answer);
      EXPECT_TRUE(i == 0 || ScsiResponse::decode(answer->header.data()).status == 0);
    }
  }
  EXPECT_LE(array.servers[0]->impl().commands.in_use() * 32768, most);
  EXPECT_GT(array.servers[0]->impl().commands.in_use(), 32u);
  hosts.clear();
  array.world.run_for(loop::seconds(1));
  EXPECT_EQ(array.servers[0]->impl().commands.in_use(), 0u);
  EXPECT_EQ(array.servers[0]->impl().retained_commands, 0u);
  EXPECT_EQ(array.servers[0]->impl().retained_bytes, 0u);
}

TEST(RecoveryBounds, LevelZeroKeepsNothing) {
  Array array;
  RawHost host(array);
  ASSERT_TRUE(host.login());
  ScsiCommand command;
  command.initiator_task_tag = 1;
  command.cmd_sn = 1;
  host.send_pdu(command);
  ASSERT_TRUE(host.next_pdu(Opcode::scsi_response));
  EXPECT_EQ(array.servers[0]->impl().commands.in_use(), 0u);
  SnackRequest snack;
  snack.type = SnackType::status;
  host.send_pdu(snack);
  const auto pdu = host.next_pdu(Opcode::reject);
  ASSERT_TRUE(pdu);
  EXPECT_EQ(Reject::decode(pdu->header.data()).reason, RejectReason::snack_reject);
}

}  // namespace
}  // namespace ashlar::iscsi::testing
