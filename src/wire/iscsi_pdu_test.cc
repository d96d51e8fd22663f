#include "wire/iscsi_pdu.h"

#include <gtest/gtest.h>

#include <random>
#include <vector>

namespace ashlar::wire::iscsi {
namespace {

using Header = std::array<uint8_t, basic_header_bytes>;

template <typename Pdu>
Header encoded(const Pdu& pdu) {
  Header header;
  header.fill(0xee);  // encode() must not leave old bytes in reserved fields
  pdu.encode(header.data());
  return header;
}

// The layouts are written out as RFC 7143 section 11 draws them, so that encode and decode cannot be wrong together.
constexpr std::array<uint8_t, 8> a_lun = {0, 5, 0, 0, 0, 0, 0, 0};
constexpr TargetNumbers a_numbers = {
    .stat_sn = 0x11121314, .exp_cmd_sn = 0x21222324, .max_cmd_sn = 0x31323334};

TEST(IscsiPdu, ScsiCommandLayout) {
  ScsiCommand pdu;
  pdu.immediate = true;
  pdu.read = true;
  pdu.write = true;
  pdu.attribute = 3;
  pdu.additional_header_bytes = 8;
  pdu.data_segment_length = 0x010203;
  pdu.lun = a_lun;
  pdu.initiator_task_tag = 0x0a0b0c0d;
  pdu.expected_data_transfer_length = 0x1000;
  pdu.cmd_sn = 0x41424344;
  pdu.exp_stat_sn = 0x51525354;
  for (size_t i = 0; i < 16; ++i) pdu.cdb[i] = static_cast<uint8_t>(0xc0 + i);
  const Header expected = {0x41, 0xe3, 0,    0,    2,    1,    2,    3,    0,    5,    0,    0,
                           0,    0,    0,    0,    0x0a, 0x0b, 0x0c, 0x0d, 0,    0,    0x10, 0,
                           0x41, 0x42, 0x43, 0x44, 0x51, 0x52, 0x53, 0x54, 0xc0, 0xc1, 0xc2, 0xc3,
                           0xc4, 0xc5, 0xc6, 0xc7, 0xc8, 0xc9, 0xca, 0xcb, 0xcc, 0xcd, 0xce, 0xcf};
  EXPECT_EQ(encoded(pdu), expected);
  EXPECT_EQ(ScsiCommand::decode(expected.data()), pdu);
  EXPECT_EQ(opcode(expected.data()), Opcode::scsi_command);
  EXPECT_TRUE(is_immediate(expected.data()));
  EXPECT_TRUE(is_final(expected.data()));
  EXPECT_EQ(additional_header_bytes(expected.data()), 8u);
  EXPECT_EQ(data_segment_length(expected.data()), 0x010203u);
  EXPECT_EQ(initiator_task_tag(expected.data()), 0x0a0b0c0du);
}

TEST(IscsiPdu, ScsiResponseLayout) {
  ScsiResponse pdu;
  pdu.underflow = true;
  pdu.bidirectional_overflow = true;
  pdu.response = ServiceResponse::target_failure;
  pdu.status = 0x02;
  pdu.data_segment_length = 20;
  pdu.initiator_task_tag = 7;
  pdu.numbers = a_numbers;
  pdu.exp_data_sn = 3;
  pdu.bidirectional_read_residual_count = 4;
  pdu.residual_count = 5;
  const Header expected = {0x21, 0x92, 1,    2,    0,    0,    0,    20,   0,    0,    0,    0,
                           0,    0,    0,    0,    0,    0,    0,    7,    0,    0,    0,    0,
                           0x11, 0x12, 0x13, 0x14, 0x21, 0x22, 0x23, 0x24, 0x31, 0x32, 0x33, 0x34,
                           0,    0,    0,    3,    0,    0,    0,    4,    0,    0,    0,    5};
  EXPECT_EQ(encoded(pdu), expected);
  EXPECT_EQ(ScsiResponse::decode(expected.data()), pdu);
}

TEST(IscsiPdu, ScsiResponseFlagBits) {
  ScsiResponse pdu;
  pdu.bidirectional_underflow = true;
  EXPECT_EQ(encoded(pdu)[1], 0x88);
  pdu = {};
  pdu.overflow = true;
  EXPECT_EQ(encoded(pdu)[1], 0x84);
}

TEST(IscsiPdu, DataInLayout) {
  DataIn pdu;
  pdu.final = true;
  pdu.has_status = true;
  pdu.overflow = true;
  pdu.status = 0x18;
  pdu.data_segment_length = 512;
  pdu.lun = a_lun;
  pdu.initiator_task_tag = 9;
  pdu.numbers = a_numbers;
  pdu.data_sn = 1;
  pdu.buffer_offset = 0x200;
  pdu.residual_count = 0x300;
  const Header expected = {0x25, 0x85, 0,    0x18, 0,    0,    2,    0,    0,    5,    0,    0,
                           0,    0,    0,    0,    0,    0,    0,    9,    0xff, 0xff, 0xff, 0xff,
                           0x11, 0x12, 0x13, 0x14, 0x21, 0x22, 0x23, 0x24, 0x31, 0x32, 0x33, 0x34,
                           0,    0,    0,    1,    0,    0,    2,    0,    0,    0,    3,    0};
  EXPECT_EQ(encoded(pdu), expected);
  EXPECT_EQ(DataIn::decode(expected.data()), pdu);
  DataIn other;
  other.acknowledge = true;
  other.underflow = true;
  EXPECT_EQ(encoded(other)[1], 0x42);
}

TEST(IscsiPdu, DataOutLayout) {
  DataOut pdu;
  pdu.data_segment_length = 4096;
  pdu.lun = a_lun;
  pdu.initiator_task_tag = 9;
  pdu.target_transfer_tag = 0x01020304;
  pdu.exp_stat_sn = 0x51525354;
  pdu.data_sn = 2;
  pdu.buffer_offset = 0x10000;
  const Header expected = {0x05, 0x80, 0, 0, 0, 0, 0x10, 0, 0, 5, 0, 0, 0,    0,    0,    0,
                           0,    0,    0, 9, 1, 2, 3,    4, 0, 0, 0, 0, 0x51, 0x52, 0x53, 0x54,
                           0,    0,    0, 0, 0, 0, 0,    2, 0, 1, 0, 0, 0,    0,    0,    0};
  EXPECT_EQ(encoded(pdu), expected);
  EXPECT_EQ(DataOut::decode(expected.data()), pdu);
}

TEST(IscsiPdu, R2tLayout) {
  R2t pdu;
  pdu.lun = a_lun;
  pdu.initiator_task_tag = 9;
  pdu.target_transfer_tag = 0x01020304;
  pdu.numbers = a_numbers;
  pdu.r2t_sn = 6;
  pdu.buffer_offset = 0x40000;
  pdu.desired_data_transfer_length = 0x80000;
  const Header expected = {0x31, 0x80, 0,    0,    0, 0, 0, 0, 0,    5,    0,    0,    0,    0,    0,    0,
                           0,    0,    0,    9,    1, 2, 3, 4, 0x11, 0x12, 0x13, 0x14, 0x21, 0x22, 0x23, 0x24,
                           0x31, 0x32, 0x33, 0x34, 0, 0, 0, 6, 0,    4,    0,    0,    0,    8,    0,    0};
  EXPECT_EQ(encoded(pdu), expected);
  EXPECT_EQ(R2t::decode(expected.data()), pdu);
}

TEST(IscsiPdu, LoginLayouts) {
  LoginRequest request;
  request.transit = true;
  request.current_stage = LoginStage::login_operational_negotiation;
  request.next_stage = LoginStage::full_feature_phase;
  request.data_segment_length = 0x55;
  request.isid = {0x40, 0, 1, 0x37, 0, 2};
  request.tsih = 0x0607;
  request.initiator_task_tag = 3;
  request.connection_id = 0x0809;
  request.cmd_sn = 0x41424344;
  request.exp_stat_sn = 0x51525354;
  const Header asked = {0x43, 0x87, 0, 0, 0, 0, 0, 0x55, 0x40, 0,    1,    0x37, 0,    2,    6,    7,
                        0,    0,    0, 3, 8, 9, 0, 0,    0x41, 0x42, 0x43, 0x44, 0x51, 0x52, 0x53, 0x54,
                        0,    0,    0, 0, 0, 0, 0, 0,    0,    0,    0,    0,    0,    0,    0,    0};
  EXPECT_EQ(encoded(request), asked);
  EXPECT_EQ(LoginRequest::decode(asked.data()), request);

  LoginResponse response;
  response.continues = true;
  response.current_stage = LoginStage::login_operational_negotiation;
  response.version_active = 1;
  response.isid = request.isid;
  response.tsih = 0x0607;
  response.initiator_task_tag = 3;
  response.numbers = a_numbers;
  response.status = LoginStatus::authentication_failure;
  const Header answered = {0x23, 0x44, 0,    1,    0, 0, 0, 0, 0x40, 0,    1,    0x37, 0,    2,    6,    7,
                           0,    0,    0,    3,    0, 0, 0, 0, 0x11, 0x12, 0x13, 0x14, 0x21, 0x22, 0x23, 0x24,
                           0x31, 0x32, 0x33, 0x34, 2, 1, 0, 0, 0,    0,    0,    0,    0,    0,    0,    0};
  EXPECT_EQ(encoded(response), answered);
  EXPECT_EQ(LoginResponse::decode(answered.data()), response);
}

TEST(IscsiPdu, TaskManagementLayouts) {
  TaskManagementRequest request;
  request.immediate = true;
  request.function = TaskManagementFunction::logical_unit_reset;
  request.lun = a_lun;
  request.initiator_task_tag = 3;
  request.referenced_task_tag = 0x01020304;
  request.cmd_sn = 0x41424344;
  request.exp_stat_sn = 0x51525354;
  request.ref_cmd_sn = 0x61626364;
  request.exp_data_sn = 0x71727374;
  const Header asked = {0x42, 0x85, 0,    0,    0,    0,    0,    0,    0,    5,    0,    0,
                        0,    0,    0,    0,    0,    0,    0,    3,    1,    2,    3,    4,
                        0x41, 0x42, 0x43, 0x44, 0x51, 0x52, 0x53, 0x54, 0x61, 0x62, 0x63, 0x64,
                        0x71, 0x72, 0x73, 0x74, 0,    0,    0,    0,    0,    0,    0,    0};
  EXPECT_EQ(encoded(request), asked);
  EXPECT_EQ(TaskManagementRequest::decode(asked.data()), request);

  TaskManagementResponse response;
  response.response = TaskManagementOutcome::function_rejected;
  response.initiator_task_tag = 3;
  response.numbers = a_numbers;
  const Header answered = {0x22, 0x80, 0xff, 0,    0, 0, 0, 0, 0,    0,    0,    0,    0,    0,    0,    0,
                           0,    0,    0,    3,    0, 0, 0, 0, 0x11, 0x12, 0x13, 0x14, 0x21, 0x22, 0x23, 0x24,
                           0x31, 0x32, 0x33, 0x34, 0, 0, 0, 0, 0,    0,    0,    0,    0,    0,    0,    0};
  EXPECT_EQ(encoded(response), answered);
  EXPECT_EQ(TaskManagementResponse::decode(answered.data()), response);
}

TEST(IscsiPdu, LogoutLayouts) {
  LogoutRequest request;
  request.reason = LogoutReason::close_connection;
  request.initiator_task_tag = 3;
  request.connection_id = 0x0102;
  request.cmd_sn = 0x41424344;
  request.exp_stat_sn = 0x51525354;
  const Header asked = {0x06, 0x81, 0, 0, 0, 0, 0, 0, 0,    0,    0,    0,    0,    0,    0,    0,
                        0,    0,    0, 3, 1, 2, 0, 0, 0x41, 0x42, 0x43, 0x44, 0x51, 0x52, 0x53, 0x54,
                        0,    0,    0, 0, 0, 0, 0, 0, 0,    0,    0,    0,    0,    0,    0,    0};
  EXPECT_EQ(encoded(request), asked);
  EXPECT_EQ(LogoutRequest::decode(asked.data()), request);

  LogoutResponse response;
  response.response = LogoutOutcome::cid_not_found;
  response.initiator_task_tag = 3;
  response.numbers = a_numbers;
  response.time2wait_seconds = 2;
  response.time2retain_seconds = 20;
  const Header answered = {0x26, 0x80, 1,    0,    0, 0, 0, 0, 0,    0,    0,    0,    0,    0,    0,    0,
                           0,    0,    0,    3,    0, 0, 0, 0, 0x11, 0x12, 0x13, 0x14, 0x21, 0x22, 0x23, 0x24,
                           0x31, 0x32, 0x33, 0x34, 0, 0, 0, 0, 0,    2,    0,    20,   0,    0,    0,    0};
  EXPECT_EQ(encoded(response), answered);
  EXPECT_EQ(LogoutResponse::decode(answered.data()), response);
}

TEST(IscsiPdu, AsyncMessageAndRejectLayouts) {
  AsyncMessage message;
  message.event = AsyncEvent::all_connections_drop;
  message.vendor_code = 7;
  message.numbers = a_numbers;
  message.parameter1 = 1;
  message.parameter2 = 2;
  message.parameter3 = 3;
  const Header told = {0x32, 0x80, 0,    0,    0, 0, 0, 0, 0,    0,    0,    0,    0,    0,    0,    0,
                       0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0x11, 0x12, 0x13, 0x14, 0x21, 0x22, 0x23, 0x24,
                       0x31, 0x32, 0x33, 0x34, 3, 7, 0, 1, 0,    2,    0,    3,    0,    0,    0,    0};
  EXPECT_EQ(encoded(message), told);
  EXPECT_EQ(AsyncMessage::decode(told.data()), message);

  Reject reject;
  reject.reason = RejectReason::protocol_error;
  reject.data_segment_length = 48;
  reject.numbers = a_numbers;
  reject.data_sn = 4;
  const Header refused = {0x3f, 0x80, 4,    0,    0, 0, 0, 48, 0,    0,    0,    0,    0,    0,    0,    0,
                          0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0,  0x11, 0x12, 0x13, 0x14, 0x21, 0x22, 0x23, 0x24,
                          0x31, 0x32, 0x33, 0x34, 0, 0, 0, 4,  0,    0,    0,    0,    0,    0,    0,    0};
  EXPECT_EQ(encoded(reject), refused);
  EXPECT_EQ(Reject::decode(refused.data()), reject);
}

TEST(IscsiPdu, TextNopAndSnackFields) {
  TextRequest text;
  text.immediate = true;
  text.final = false;
  text.continues = true;
  text.target_transfer_tag = 0x01020304;
  const Header asked = encoded(text);
  EXPECT_EQ(asked[0], 0x44);
  EXPECT_EQ(asked[1], 0x40);
  EXPECT_EQ(load_be32(asked.data() + 20), 0x01020304u);
  EXPECT_EQ(encoded(TextResponse{})[1], 0x80);

  NopOut ping;
  ping.immediate = true;
  ping.cmd_sn = 5;
  EXPECT_EQ(encoded(ping)[0], 0x40);
  EXPECT_EQ(load_be32(encoded(ping).data() + 24), 5u);
  EXPECT_EQ(encoded(NopIn{})[0], 0x20);

  SnackRequest snack;
  snack.type = SnackType::status;
  snack.beg_run = 0x0102;
  snack.run_length = 0x0304;
  const Header missing = encoded(snack);
  EXPECT_EQ(missing[0], 0x10);
  EXPECT_EQ(missing[1], 0x81);
  EXPECT_EQ(load_be32(missing.data() + 40), 0x0102u);
  EXPECT_EQ(load_be32(missing.data() + 44), 0x0304u);
}

// Whatever bytes arrive: decoding takes all fields, and what was decoded survives being encoded.
template <typename Pdu>
void expect_round_trips() {
  std::mt19937 random(7143);
  for (int i = 0; i < 200; ++i) {
    Header header;
    for (uint8_t& byte : header) byte = static_cast<uint8_t>(random());
    const Pdu pdu = Pdu::decode(header.data());
    const Header again = encoded(pdu);
    ASSERT_EQ(Pdu::decode(again.data()), pdu);
    ASSERT_EQ(encoded(Pdu::decode(again.data())), again);
  }
}

TEST(IscsiPdu, EveryPduRoundTrips) {
  expect_round_trips<NopOut>();
  expect_round_trips<ScsiCommand>();
  expect_round_trips<TaskManagementRequest>();
  expect_round_trips<LoginRequest>();
  expect_round_trips<TextRequest>();
  expect_round_trips<DataOut>();
  expect_round_trips<LogoutRequest>();
  expect_round_trips<SnackRequest>();
  expect_round_trips<NopIn>();
  expect_round_trips<ScsiResponse>();
  expect_round_trips<TaskManagementResponse>();
  expect_round_trips<LoginResponse>();
  expect_round_trips<TextResponse>();
  expect_round_trips<DataIn>();
  expect_round_trips<LogoutResponse>();
  expect_round_trips<R2t>();
  expect_round_trips<AsyncMessage>();
  expect_round_trips<Reject>();
}

TEST(IscsiPdu, EveryOpcodeHasItsName) {
  EXPECT_EQ(pdu_name(Opcode::scsi_command), "SCSI Command");
  int named = 0;
  for (int value = 0; value < 64; ++value) named += pdu_name(static_cast<Opcode>(value)) != "unknown opcode";
  EXPECT_EQ(named, 18);
}

TEST(IscsiPdu, PaddingAndSerialNumbers) {
  EXPECT_EQ(padded(0), 0u);
  EXPECT_EQ(padded(1), 4u);
  EXPECT_EQ(padded(4), 4u);
  EXPECT_EQ(padded(max_data_segment_bytes), 0x1000000u);
  EXPECT_TRUE(serial_before(0xffffffff, 0));
  EXPECT_FALSE(serial_before(0, 0xffffffff));
  EXPECT_FALSE(serial_before(5, 5));
}

TEST(LoginStatusNames, AllOfRfc7143) {
  EXPECT_EQ(name_of(LoginStatus::success), "success");
  int named = 0;
  for (uint32_t status = 0; status < 0x10000; ++status)
    named += name_of(static_cast<LoginStatus>(status)) != "unknown status";
  EXPECT_EQ(named, 18);
}

TEST(RejectReasonNames, AllOfRfc7143) {
  int named = 0;
  for (int reason = 0; reason < 256; ++reason)
    named += name_of(static_cast<RejectReason>(reason)) != "unknown reason";
  EXPECT_EQ(named, 10);
}

}  // namespace
}  // namespace ashlar::wire::iscsi
