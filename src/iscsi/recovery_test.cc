// ErrorRecoveryLevel 1: lost PDUs cost neither the connection nor the command (RFC 7143 7.1.4.2).
#include <gtest/gtest.h>

#include "iscsi/target_world_test.h"

namespace ashlar::iscsi::testing {
namespace {

using namespace wire::iscsi;

class Recovery : public ::testing::Test {
 protected:
  Recovery() : host(array) {
    const auto response = host.log_in(
        {.extra_keys = text({"ErrorRecoveryLevel=1", "HeaderDigest=CRC32C", "DataDigest=CRC32C",
                             "MaxRecvDataSegmentLength=8192", "MaxBurstLength=16384", "InitialR2T=No",
                             "ImmediateData=Yes", "FirstBurstLength=8192", "MaxOutstandingR2T=2"})});
    EXPECT_EQ(response.status, LoginStatus::success);
    EXPECT_NE(host.answer_text.find("ErrorRecoveryLevel=1"), std::string::npos) << host.answer_text;
    expected_status = response.numbers.stat_sn + 1;
    ScsiCommand command;  // takes the unit attention
    command.initiator_task_tag = 1;
    command.cmd_sn = cmd_sn++;
    command.exp_stat_sn = expected_status;
    host.send_pdu(command);
    EXPECT_TRUE(host.next_pdu(Opcode::scsi_response));
    ++expected_status;
  }
  ~Recovery() override {
    host.hang_up();
    array.world.run_for(loop::seconds(1));
    EXPECT_EQ(array.servers[0]->impl().commands.in_use(), 0u);
    EXPECT_EQ(array.process.loop(0).buffers().in_use(), 0u);
  }
  ScsiCommand blocks(bool read, uint32_t tag, uint16_t count) {
    ScsiCommand command;
    command.read = read;
    command.write = !read;
    command.initiator_task_tag = tag;
    command.cmd_sn = cmd_sn++;
    command.exp_stat_sn = expected_status;
    command.expected_data_transfer_length = count * 512u;
    command.cdb = {
        static_cast<uint8_t>(read ? 0x28 : 0x2a), 0, 0, 0, 0, 0, 0, 0, static_cast<uint8_t>(count)};
    return command;
  }
  std::vector<DataIn> read(uint32_t tag, uint16_t count) {
    host.send_pdu(blocks(true, tag, count));
    std::vector<DataIn> parts;
    for (uint32_t bytes = 0; bytes < count * 512u;) {
      const auto pdu = host.next_pdu(Opcode::data_in);
      if (!pdu) return parts;
      parts.push_back(DataIn::decode(pdu->header.data()));
      bytes += parts.back().data_segment_length;
    }
    return parts;
  }
  ScsiResponse response() {
    const auto pdu = host.next_pdu(Opcode::scsi_response);
    EXPECT_TRUE(pdu);
    return pdu ? ScsiResponse::decode(pdu->header.data()) : ScsiResponse{};
  }
  SnackRequest snack_of(SnackType type, uint32_t tag, uint32_t begin, uint32_t count) const {
    SnackRequest snack;
    snack.type = type;
    snack.initiator_task_tag = tag;
    snack.exp_stat_sn = expected_status;
    snack.beg_run = begin;
    snack.run_length = count;
    return snack;
  }
  void expect_rejected(const SnackRequest& snack, RejectReason reason = RejectReason::snack_reject) {
    host.send_pdu(snack);
    const auto pdu = host.next_pdu(Opcode::reject);
    ASSERT_TRUE(pdu);
    EXPECT_EQ(Reject::decode(pdu->header.data()).reason, reason);
  }

  Array array;
  RawHost host;
  uint32_t cmd_sn = 1;
  uint32_t expected_status = 0;
};

TEST_F(Recovery, DataIsSentAgain) {
  const std::vector<DataIn> parts = read(10, 64);  // 32 KiB: four PDUs in two bursts
  ASSERT_EQ(parts.size(), 4u);
  EXPECT_TRUE(parts[1].final && parts[3].final);
  EXPECT_FALSE(parts[3].has_status);
  const ScsiResponse first = response();
  EXPECT_EQ(first.exp_data_sn, 4u);
  host.send_pdu(snack_of(SnackType::data_or_r2t, 10, 1, 2));
  for (const uint32_t sequence : {1u, 2u}) {
    const auto pdu = host.next_pdu();
    ASSERT_TRUE(pdu);
    ASSERT_EQ(pdu->opcode(), Opcode::data_in);
    const DataIn again = DataIn::decode(pdu->header.data());
    EXPECT_EQ(again.data_sn, sequence);
    EXPECT_EQ(again.buffer_offset, parts[sequence].buffer_offset);
    EXPECT_EQ(again.final, parts[sequence].final);
  }
  EXPECT_FALSE(host.next_pdu(loop::milliseconds(100)));
  host.send_pdu(snack_of(SnackType::data_or_r2t, 10, 3, 0));
  EXPECT_TRUE(host.next_pdu(Opcode::data_in));
  expect_rejected(snack_of(SnackType::data_or_r2t, 10, 4, 0));
  expect_rejected(snack_of(SnackType::data_or_r2t, 10, 2, 9));
  expect_rejected(snack_of(SnackType::data_or_r2t, 99, 0, 0));
  // Acknowledged status: the data is given back.
  expected_status = first.numbers.stat_sn + 1;
  expect_rejected(snack_of(SnackType::data_or_r2t, 10, 0, 0));
  EXPECT_EQ(array.servers[0]->impl().commands.in_use(), 0u);
}

TEST_F(Recovery, AnAcknowledgementGivesTheDataBack) {
  const std::vector<DataIn> parts = read(10, 64);
  ASSERT_EQ(parts.size(), 4u);
  ASSERT_TRUE(parts[3].acknowledge);
  EXPECT_FALSE(parts[2].acknowledge);
  EXPECT_GT(array.process.loop(0).buffers().in_use(), 0u);
  SnackRequest wrong = snack_of(SnackType::data_ack, reserved_task_tag, 3, 0);
  wrong.target_transfer_tag = parts[3].target_transfer_tag;
  expect_rejected(wrong, RejectReason::invalid_data_ack);
  wrong.beg_run = 4;
  wrong.target_transfer_tag = reserved_task_tag;
  expect_rejected(wrong, RejectReason::invalid_data_ack);
  SnackRequest right = snack_of(SnackType::data_ack, reserved_task_tag, 4, 0);
  right.target_transfer_tag = parts[3].target_transfer_tag;
  host.send_pdu(right);
  array.world.run_for(loop::milliseconds(100));
  EXPECT_EQ(array.process.loop(0).buffers().in_use(), 0u);
}

TEST_F(Recovery, StatusesAreSentAgain) {
  ASSERT_EQ(read(10, 1).size(), 1u);
  const ScsiResponse first = response();
  NopOut ping;
  ping.initiator_task_tag = 11;
  ping.cmd_sn = cmd_sn++;
  ping.exp_stat_sn = expected_status;
  const std::vector<uint8_t> words = {'p', 'i', 'n', 'g', '!'};
  ping.data_segment_length = 5;
  host.send_pdu(ping, words);
  const auto pong = host.next_pdu(Opcode::nop_in);
  ASSERT_TRUE(pong);
  host.send_pdu(snack_of(SnackType::status, reserved_task_tag, first.numbers.stat_sn, 2));
  const ScsiResponse again = response();
  EXPECT_EQ(again.numbers.stat_sn, first.numbers.stat_sn);
  EXPECT_EQ(again.initiator_task_tag, 10u);
  const auto second = host.next_pdu(Opcode::nop_in);
  ASSERT_TRUE(second);
  EXPECT_EQ(second->data, words);
  EXPECT_EQ(load_be32(second->header.data() + 24), load_be32(pong->header.data() + 24));
  // All that is not acknowledged.
  expected_status = first.numbers.stat_sn + 1;
  host.send_pdu(snack_of(SnackType::status, reserved_task_tag, 0, 0));
  EXPECT_TRUE(host.next_pdu(Opcode::nop_in));
  expect_rejected(snack_of(SnackType::status, reserved_task_tag, first.numbers.stat_sn, 1));
  expect_rejected(snack_of(SnackType::status, 10, 0, 0));
  expect_rejected(snack_of(SnackType::r_data, 10, 0, 0));
}

TEST_F(Recovery, DataIsCutAnewForASmallerSegment) {
  const std::vector<DataIn> parts = read(10, 64);
  ASSERT_EQ(parts.size(), 4u);
  const ScsiResponse first = response();
  EXPECT_EQ(first.snack_tag, 0u);
  TextRequest asks;
  asks.initiator_task_tag = 11;
  asks.cmd_sn = cmd_sn++;
  asks.exp_stat_sn = expected_status;
  const std::string keys("MaxRecvDataSegmentLength=4096\0", 30);
  asks.data_segment_length = static_cast<uint32_t>(keys.size());
  host.send_pdu(asks, bytes_of(keys));
  ASSERT_TRUE(host.next_pdu(Opcode::text_response));
  expect_rejected(snack_of(SnackType::data_or_r2t, 10, 0, 0));
  expect_rejected(snack_of(SnackType::r_data, 10, 0, 0));  // without a tag
  SnackRequest snack = snack_of(SnackType::r_data, 10, 1, 0);
  snack.target_transfer_tag = 0x77;
  expect_rejected(snack);
  snack.beg_run = 0;
  host.send_pdu(snack);
  for (uint32_t sequence = 0; sequence < 8; ++sequence) {
    const auto pdu = host.next_pdu();
    ASSERT_TRUE(pdu);
    ASSERT_EQ(pdu->opcode(), Opcode::data_in);
    const DataIn again = DataIn::decode(pdu->header.data());
    EXPECT_EQ(again.data_sn, sequence);
    EXPECT_EQ(again.buffer_offset, sequence * 4096);
    EXPECT_EQ(again.data_segment_length, 4096u);
    EXPECT_EQ(again.final, sequence % 4 == 3);
  }
  const ScsiResponse again = response();
  EXPECT_EQ(again.snack_tag, 0x77u);
  EXPECT_EQ(again.exp_data_sn, 8u);
  EXPECT_EQ(again.numbers.stat_sn, first.numbers.stat_sn);
  host.send_pdu(snack_of(SnackType::status, reserved_task_tag, first.numbers.stat_sn, 1));
  EXPECT_EQ(response().snack_tag, 0x77u) << "also when it is asked for again";
  host.send_pdu(snack_of(SnackType::data_or_r2t, 10, 7, 1));
  EXPECT_TRUE(host.next_pdu(Opcode::data_in)) << "and pieces of the new cut";
  expected_status = first.numbers.stat_sn + 1;
  snack.exp_stat_sn = expected_status;
  expect_rejected(snack);
}

TEST_F(Recovery, ABadDataDigestIsAskedForAgain) {
  ScsiCommand write = blocks(false, 20, 64);  // 32 KiB: 8 KiB unsolicited, then R2Ts of 16 KiB
  write.final = false;
  host.send_pdu(write);
  const std::vector<uint8_t> first(8192, 0x11);
  DataOut out;
  out.initiator_task_tag = 20;
  out.data_segment_length = 8192;
  out.exp_stat_sn = expected_status;
  uint8_t header[basic_header_bytes];
  out.encode(header);
  host.send_raw(header, first, false, true);
  const auto rejected = host.next_pdu(Opcode::reject);
  ASSERT_TRUE(rejected);
  EXPECT_EQ(Reject::decode(rejected->header.data()).reason, RejectReason::data_digest_error);
  ++expected_status;
  // The recovery R2T covers what was lost; the host answers what it is asked.
  for (uint32_t sent = 0; sent < 32768;) {
    const auto pdu = host.next_pdu(Opcode::r2t);
    ASSERT_TRUE(pdu);
    const R2t r2t = R2t::decode(pdu->header.data());
    ASSERT_EQ(r2t.buffer_offset, sent);
    uint32_t data_sn = 0;
    for (uint32_t done = 0; done < r2t.desired_data_transfer_length; done += 8192) {
      out.target_transfer_tag = r2t.target_transfer_tag;
      out.buffer_offset = sent;
      out.data_sn = data_sn++;
      out.final = done + 8192 >= r2t.desired_data_transfer_length;
      host.send_pdu(out, first);
      sent += 8192;
    }
  }
  EXPECT_EQ(response().status, 0);
}

TEST_F(Recovery, ALostDataOutIsAskedForAgain) {
  ScsiCommand write = blocks(false, 20, 32);  // 16 KiB
  write.data_segment_length = 8192;
  host.send_pdu(write, std::vector<uint8_t>(8192, 1));
  auto pdu = host.next_pdu(Opcode::r2t);
  ASSERT_TRUE(pdu);
  const R2t r2t = R2t::decode(pdu->header.data());
  EXPECT_EQ(r2t.buffer_offset, 8192u);
  DataOut out;
  out.initiator_task_tag = 20;
  out.target_transfer_tag = r2t.target_transfer_tag;
  out.buffer_offset = 8192;
  out.data_segment_length = 4096;
  out.exp_stat_sn = expected_status;
  out.final = false;
  uint8_t header[basic_header_bytes];
  out.encode(header);
  host.send_raw(header, std::vector<uint8_t>(4096, 2), true, false);  // discarded in silence
  out.final = true;
  out.data_sn = 1;
  out.buffer_offset = 12288;
  host.send_pdu(out, std::vector<uint8_t>(4096, 2));
  pdu = host.next_pdu(Opcode::r2t);
  ASSERT_TRUE(pdu);
  const R2t again = R2t::decode(pdu->header.data());
  EXPECT_EQ(again.buffer_offset, 8192u);
  EXPECT_EQ(again.r2t_sn, r2t.r2t_sn + 1);
  // R2Ts can be had again too.
  host.send_pdu(snack_of(SnackType::data_or_r2t, 20, again.r2t_sn, 1));
  pdu = host.next_pdu(Opcode::r2t);
  ASSERT_TRUE(pdu);
  EXPECT_EQ(R2t::decode(pdu->header.data()), again);
  out.target_transfer_tag = again.target_transfer_tag;
  out.buffer_offset = 8192;
  out.data_sn = 0;
  out.data_segment_length = 8192;
  host.send_pdu(out, std::vector<uint8_t>(8192, 3));
  EXPECT_EQ(response().status, 0);
}

TEST_F(Recovery, ALostCommandIsPluggedByItsRetry) {
  const ScsiCommand lost = blocks(true, 10, 1);
  uint8_t header[basic_header_bytes];
  lost.encode(header);
  host.send_raw(header, {}, true, false);
  host.send_pdu(blocks(true, 11, 1));
  EXPECT_FALSE(host.next_pdu(loop::milliseconds(100)));
  host.send_pdu(lost);
  for (const uint32_t tag : {10u, 11u}) {
    const auto pdu = host.next_pdu(Opcode::scsi_response);
    ASSERT_TRUE(pdu);
    EXPECT_EQ(initiator_task_tag(pdu->header.data()), tag);
  }
  EXPECT_FALSE(host.closed);
}

TEST_F(Recovery, ACommandWithDamagedImmediateDataIsPluggedByItsRetry) {
  ScsiCommand write = blocks(false, 30, 8);
  write.data_segment_length = 4096;
  uint8_t header[basic_header_bytes];
  write.encode(header);
  host.send_raw(header, std::vector<uint8_t>(4096, 0x77), false, true);
  const auto rejected = host.next_pdu();
  ASSERT_TRUE(rejected && rejected->opcode() == Opcode::reject);
  const Reject reject = Reject::decode(rejected->header.data());
  EXPECT_EQ(reject.reason, RejectReason::data_digest_error);
  EXPECT_EQ(reject.numbers.exp_cmd_sn, write.cmd_sn) << "the command is still to come";
  ++expected_status;
  EXPECT_FALSE(host.next_pdu(loop::milliseconds(100))) << "nothing of it has begun";
  write.exp_stat_sn = expected_status;
  host.send_pdu(write, std::vector<uint8_t>(4096, 0x33));
  EXPECT_EQ(response().status, 0);
  ++expected_status;
  host.send_pdu(blocks(true, 31, 8));
  const auto stored = host.next_pdu(Opcode::data_in);
  ASSERT_TRUE(stored);
  EXPECT_EQ(stored->data, std::vector<uint8_t>(4096, 0x33));
}

TEST_F(Recovery, GarbageStillEndsTheConnection) {
  uint8_t header[basic_header_bytes] = {};
  host.send_raw(header, {}, true, false);
  host.send_raw(header, {}, true, false);
  array.world.run_for(loop::milliseconds(100));
  EXPECT_TRUE(host.closed);
}

TEST_F(Recovery, DataThatNeverComesWholeEndsItsCommandAlone) {
  host.send_pdu(blocks(false, 20, 16));
  for (int i = 0; i < 20; ++i) {
    const auto pdu = host.next_pdu();
    ASSERT_TRUE(pdu);
    if (pdu->opcode() == Opcode::scsi_response) {
      EXPECT_EQ(ScsiResponse::decode(pdu->header.data()).status, 2);
      EXPECT_FALSE(host.closed);
      return;
    }
    if (pdu->opcode() != Opcode::r2t) continue;
    DataOut out;
    out.initiator_task_tag = 20;
    out.target_transfer_tag = R2t::decode(pdu->header.data()).target_transfer_tag;
    out.data_segment_length = 8192;
    uint8_t header[basic_header_bytes];
    out.encode(header);
    host.send_raw(header, std::vector<uint8_t>(8192, 1), false, true);
  }
  FAIL() << "it is asked for again for ever";
}

TEST_F(Recovery, WhatIsUnderWayIsNotAskedForWithoutEnd) {
  ASSERT_EQ(read(10, 64).size(), 4u);
  response();
  for (const SnackRequest& snack : {snack_of(SnackType::data_or_r2t, 10, 0, 0),
                                    snack_of(SnackType::status, reserved_task_tag, expected_status, 1)}) {
    uint8_t header[basic_header_bytes];
    snack.encode(header);
    std::vector<uint8_t> burst;
    for (int i = 0; i < 50; ++i) {
      const std::vector<uint8_t> one = host.pdu_bytes(header, {});
      burst.insert(burst.end(), one.begin(), one.end());
    }
    host.send(burst);
    size_t repeated = 0, rejected = 0;
    while (const auto pdu = host.next_pdu(loop::milliseconds(100)))
      ++(pdu->opcode() == Opcode::reject ? rejected : repeated);
    EXPECT_GT(repeated, 0u);
    EXPECT_GT(rejected, 0u);
    host.send_pdu(snack);
    const auto again = host.next_pdu();
    ASSERT_TRUE(again);
    EXPECT_NE(again->opcode(), Opcode::reject) << "once it has left";
    while (host.next_pdu(loop::milliseconds(100))) {
    }
  }
}

}  // namespace
}  // namespace ashlar::iscsi::testing
