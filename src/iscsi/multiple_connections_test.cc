// Several connections in one session (RFC 7143 4.2.2, 4.4.1, 6.3).
#include <gtest/gtest.h>

#include "iscsi/target_world_test.h"

namespace ashlar::iscsi::testing {
namespace {

using namespace wire::iscsi;

const std::string eight = text({"MaxConnections=8", "InitialR2T=No", "ImmediateData=Yes"});

ScsiCommand write_command(uint32_t tag, uint32_t cmd_sn) {
  ScsiCommand command;
  command.write = true;
  command.initiator_task_tag = tag;
  command.cmd_sn = cmd_sn;
  command.expected_data_transfer_length = 512;
  command.cdb = {0x2a, 0, 0, 0, 0, 8, 0, 0, 1};
  return command;
}

// The first command of a nexus gets the unit attention of its power on.
void clear_attention(RawHost& host, uint32_t cmd_sn) {
  ScsiCommand command;
  command.initiator_task_tag = 1000 + cmd_sn;
  command.cmd_sn = cmd_sn;
  host.send_pdu(command);
  ASSERT_TRUE(host.next_pdu(Opcode::scsi_response));
}

class MultipleConnections : public ::testing::TestWithParam<uint32_t> {
 protected:
  MultipleConnections() : array(GetParam()) {}
  // The leading connection, and one more.
  void log_in() {
    first = std::make_unique<RawHost>(array);
    const LoginResponse led = first->log_in({.extra_keys = eight});
    ASSERT_EQ(led.status, LoginStatus::success);
    tsih = led.tsih;
    ASSERT_NE(tsih, 0);
    ASSERT_NE(first->answer_text.find("MaxConnections=8"), std::string::npos);
    clear_attention(*first, 1);
    second = std::make_unique<RawHost>(array);
    ASSERT_EQ(join(*second, 1).status, LoginStatus::success);
  }
  LoginResponse join(RawHost& host, uint16_t connection_id) {
    return host.log_in({.tsih = tsih, .connection_id = connection_id, .cmd_sn = 2});
  }
  std::vector<SessionStatus> sessions() {
    std::vector<SessionStatus> all;
    for (const auto& server : array.servers) {
      for (SessionStatus& each : server->sessions()) all.push_back(std::move(each));
    }
    return all;
  }
  ScsiResponse response_of(RawHost& host) {
    const auto pdu = host.next_pdu(Opcode::scsi_response);
    EXPECT_TRUE(pdu);
    return pdu ? ScsiResponse::decode(pdu->header.data()) : ScsiResponse{};
  }
  Array array;
  uint16_t tsih = 0;
  std::unique_ptr<RawHost> first, second;
};

TEST_P(MultipleConnections, OneSessionOnOneShard) {
  log_in();
  ASSERT_EQ(sessions().size(), 1u);
  EXPECT_EQ(sessions()[0].connections, 2u);
  // Whatever shard the kernel deals them to.
  std::vector<std::unique_ptr<RawHost>> more;
  for (uint16_t cid = 2; cid < 8; ++cid) {
    more.push_back(std::make_unique<RawHost>(array));
    EXPECT_EQ(join(*more.back(), cid).status, LoginStatus::success) << cid;
  }
  EXPECT_EQ(sessions()[0].connections, 8u);
  RawHost ninth(array);
  EXPECT_EQ(join(ninth, 9).status, LoginStatus::too_many_connections);
  EXPECT_EQ(array.count_events("session.connection_joined"), 7u);
}

TEST_P(MultipleConnections, AnswersComeByTheConnectionOfTheirCommand) {
  log_in();
  second->send_pdu(read_command(10, 2));
  const auto data = second->next_pdu(Opcode::data_in);
  ASSERT_TRUE(data);
  EXPECT_EQ(initiator_task_tag(data->header.data()), 10u);
  EXPECT_TRUE(first->heard.empty());
  first->send_pdu(read_command(11, 3));
  EXPECT_TRUE(first->next_pdu(Opcode::data_in));
}

TEST_P(MultipleConnections, CommandsWaitForTheirTurn) {
  log_in();
  second->send_pdu(read_command(11, 3));  // 2 is still on its way by the other connection
  EXPECT_FALSE(second->next_pdu(loop::milliseconds(100)));
  NopOut ping;
  ping.initiator_task_tag = 12;
  ping.cmd_sn = 4;
  second->send_pdu(ping);
  EXPECT_FALSE(second->next_pdu(loop::milliseconds(100)));
  first->send_pdu(read_command(10, 2));
  EXPECT_TRUE(first->next_pdu(Opcode::data_in));
  // The ping is answered at once, the read when its data is there.
  const auto pong = second->next_pdu(Opcode::nop_in);
  EXPECT_TRUE(second->next_pdu(Opcode::data_in));
  ASSERT_TRUE(pong);
  EXPECT_EQ(NopIn::decode(pong->header.data()).numbers.exp_cmd_sn, 5u);
}

// What has come before its turn is in memory of its own, and moves from there when the turn comes in the midst of a PDU.
TEST_P(MultipleConnections, DataThatIsHalfThereWhenItsCommandBeginsIsWhole) {
  log_in();
  first->send_pdu(write_command(20, 2));
  const auto r2t = first->next_pdu(Opcode::r2t);
  ASSERT_TRUE(r2t);
  std::vector<uint8_t> data(4096);
  for (size_t i = 0; i < data.size(); ++i) data[i] = static_cast<uint8_t>(i * 7 + i / 512 + 1);
  ScsiCommand ordered;
  ordered.write = ordered.final = true;
  ordered.attribute = static_cast<uint8_t>(TaskAttribute::ordered);
  ordered.initiator_task_tag = 21;
  ordered.cmd_sn = 3;
  ordered.expected_data_transfer_length = ordered.data_segment_length = 4096;
  ordered.cdb = {0x2a, 0, 0, 0, 0, 8, 0, 0, 8};
  uint8_t header[basic_header_bytes];
  ordered.encode(header);
  const std::vector<uint8_t> bytes = second->pdu_bytes(header, data);
  second->send(ConstBytes(bytes).first(1265));
  array.world.run_for(loop::milliseconds(100));
  DataOut out;
  out.final = true;
  out.initiator_task_tag = 20;
  out.target_transfer_tag = R2t::decode(r2t->header.data()).target_transfer_tag;
  out.data_segment_length = 512;
  first->send_pdu(out, std::vector<uint8_t>(512, 0x5a));
  EXPECT_EQ(response_of(*first).status, 0);
  array.world.run_for(loop::milliseconds(100));
  second->send(ConstBytes(bytes).subspan(1265));
  EXPECT_EQ(response_of(*second).status, 0);
  ScsiCommand reading = read_command(22, 4, 8);
  reading.cdb[5] = 8;
  first->send_pdu(reading);
  const auto told = first->next_pdu(Opcode::data_in);
  ASSERT_TRUE(told);
  EXPECT_EQ(told->data, data);
}

TEST_P(MultipleConnections, OneThatFailsTakesItsTasksAlone) {
  log_in();
  ScsiCommand write = write_command(20, 2);
  second->send_pdu(write);  // its data never comes
  ASSERT_TRUE(second->next_pdu(Opcode::r2t));
  first->send_pdu(write_command(21, 3));
  const auto r2t = first->next_pdu(Opcode::r2t);
  ASSERT_TRUE(r2t);
  second->hang_up();
  array.world.run_for(loop::seconds(1));
  EXPECT_EQ(array.connections(), 1u);
  ASSERT_EQ(sessions().size(), 1u);
  EXPECT_EQ(sessions()[0].connections, 1u);
  EXPECT_EQ(sessions()[0].tasks_in_flight, 1u);
  DataOut out;
  out.initiator_task_tag = 21;
  out.target_transfer_tag = R2t::decode(r2t->header.data()).target_transfer_tag;
  out.data_segment_length = 512;
  first->send_pdu(out, std::vector<uint8_t>(512, 0x5a));
  EXPECT_EQ(response_of(*first).status, 0);
  EXPECT_EQ(array.count_events("session.connection_closed"), 1u);
  EXPECT_EQ(array.count_events("session.dropped"), 0u);
}

TEST_P(MultipleConnections, WhatALostConnectionParkedIsSentAgain) {
  log_in();
  second->send_pdu(read_command(11, 3));
  array.world.run_for(loop::milliseconds(50));
  second->hang_up();
  array.world.run_for(loop::milliseconds(500));
  first->send_pdu(read_command(10, 2));
  ASSERT_TRUE(first->next_pdu(Opcode::data_in));
  first->send_pdu(read_command(11, 3));  // the retry plugs the hole
  const auto data = first->next_pdu(Opcode::data_in);
  ASSERT_TRUE(data);
  EXPECT_EQ(initiator_task_tag(data->header.data()), 11u);
}

TEST_P(MultipleConnections, DataMustComeWhereTheCommandWent) {
  log_in();
  second->send_pdu(write_command(20, 2));
  const auto r2t = second->next_pdu(Opcode::r2t);
  ASSERT_TRUE(r2t);
  DataOut out;
  out.initiator_task_tag = 20;
  out.target_transfer_tag = R2t::decode(r2t->header.data()).target_transfer_tag;
  out.data_segment_length = 512;
  first->send_pdu(out, std::vector<uint8_t>(512, 1));
  EXPECT_FALSE(second->next_pdu(loop::milliseconds(200))) << "it is forgotten";
  second->send_pdu(out, std::vector<uint8_t>(512, 2));
  EXPECT_EQ(response_of(*second).status, 0);
}

TEST_P(MultipleConnections, ATaskIsAbortedFromAnotherConnection) {
  log_in();
  second->send_pdu(write_command(20, 2));
  ASSERT_TRUE(second->next_pdu(Opcode::r2t));
  EXPECT_EQ(first->abort(20, 2, 3), TaskManagementOutcome::function_complete);
  EXPECT_EQ(sessions()[0].tasks_in_flight, 0u);
}

TEST_P(MultipleConnections, AResetWaitsForCommandsBeforeIt) {
  log_in();
  TaskManagementRequest reset;
  reset.immediate = true;
  reset.function = TaskManagementFunction::logical_unit_reset;
  reset.initiator_task_tag = 30;
  reset.cmd_sn = 3;
  first->send_pdu(reset);
  EXPECT_FALSE(first->next_pdu(loop::milliseconds(200))) << "command 2 is still to come";
  second->send_pdu(write_command(20, 2));
  EXPECT_TRUE(first->next_pdu(Opcode::task_management_response));
  EXPECT_EQ(sessions()[0].tasks_in_flight, 0u) << "the reset ended it";
}

TEST_P(MultipleConnections, LogoutOfOneAnotherAndAll) {
  log_in();
  LogoutRequest logout;
  logout.initiator_task_tag = 40;
  logout.reason = LogoutReason::close_connection;
  logout.connection_id = 7;
  logout.cmd_sn = 2;
  first->send_pdu(logout);
  auto answer = first->next_pdu(Opcode::logout_response);
  ASSERT_TRUE(answer);
  EXPECT_EQ(LogoutResponse::decode(answer->header.data()).response, LogoutOutcome::cid_not_found);
  logout.connection_id = 1;
  logout.cmd_sn = 3;
  first->send_pdu(logout);
  answer = first->next_pdu(Opcode::logout_response);
  ASSERT_TRUE(answer);
  EXPECT_EQ(LogoutResponse::decode(answer->header.data()).response, LogoutOutcome::closed);
  EXPECT_EQ(sessions()[0].connections, 1u);
  array.world.run_until([&] { return second->closed; }, loop::seconds(1));
  EXPECT_TRUE(second->closed);

  RawHost third(array);
  ASSERT_EQ(join(third, 3).status, LoginStatus::success);
  logout.reason = LogoutReason::close_session;
  logout.cmd_sn = 4;
  third.send_pdu(logout);
  EXPECT_TRUE(third.next_pdu(Opcode::logout_response));
  array.world.run_for(loop::seconds(1));
  EXPECT_TRUE(sessions().empty());
  EXPECT_TRUE(first->closed);
  EXPECT_EQ(array.connections(), 0u);
}

TEST_P(MultipleConnections, TheSameCidReplacesItsConnection) {
  log_in();
  second->send_pdu(write_command(20, 2));
  ASSERT_TRUE(second->next_pdu(Opcode::r2t));
  RawHost again(array);
  EXPECT_EQ(join(again, 1).status, LoginStatus::success);
  EXPECT_EQ(sessions()[0].connections, 2u);
  EXPECT_EQ(sessions()[0].tasks_in_flight, 0u) << "the older one's tasks ended first";
  array.world.run_for(loop::milliseconds(100));
  EXPECT_TRUE(second->closed);
  again.send_pdu(read_command(22, 3));
  EXPECT_TRUE(again.next_pdu(Opcode::data_in));
}

TEST_P(MultipleConnections, EvenTheOnlyConnectionIsReplaced) {
  log_in();
  second->hang_up();
  array.world.run_for(loop::milliseconds(500));
  RawHost again(array);
  EXPECT_EQ(join(again, 0).status, LoginStatus::success);
  ASSERT_EQ(sessions().size(), 1u);
  EXPECT_EQ(sessions()[0].tsih, tsih);
  again.send_pdu(read_command(22, 2));
  EXPECT_TRUE(again.next_pdu(Opcode::data_in)) << "without a unit attention: the nexus went on";
}

TEST_P(MultipleConnections, AnewLoginOfThePortEndsAllOfThem) {
  log_in();
  RawHost again(array);
  ASSERT_EQ(again.log_in({.extra_keys = eight}).status, LoginStatus::success);
  array.world.run_for(loop::seconds(1));
  ASSERT_EQ(sessions().size(), 1u);
  EXPECT_NE(sessions()[0].tsih, tsih);
  EXPECT_TRUE(first->closed && second->closed);
}

TEST_P(MultipleConnections, WhoMayNotJoin) {
  log_in();
  const auto refused = [&](const RawHost::Login& login) {
    RawHost host(array);
    return host.log_in(login).status;
  };
  EXPECT_EQ(refused({.tsih = static_cast<uint16_t>(tsih + 2), .connection_id = 5}),
            LoginStatus::session_does_not_exist);
  EXPECT_EQ(refused({.tsih = static_cast<uint16_t>(tsih + 1), .connection_id = 5}),
            LoginStatus::session_does_not_exist);
  EXPECT_EQ(refused({.tsih = tsih, .connection_id = 5, .isid = {0x40, 0, 0, 0, 0, 9}}),
            LoginStatus::session_does_not_exist);
  EXPECT_EQ(refused({.tsih = tsih, .connection_id = 5, .initiator = raw_initiator + "2"}),
            LoginStatus::session_does_not_exist);
  EXPECT_EQ(refused({.extra_keys = eight, .tsih = tsih, .connection_id = 5}), LoginStatus::initiator_error)
      << "MaxConnections is for the leading login";
  EXPECT_EQ(sessions()[0].connections, 2u);
}

TEST_P(MultipleConnections, WhoLosesTheTargetDuringItsLoginDoesNotJoin) {
  log_in();
  const auto directory = array.directory();
  auto target = std::make_shared<Target>(*directory->targets.at(served_target));
  auto view = std::make_shared<unit::HostView>(*target->any_host);
  view->addresses = {*AddressRange::parse(first->local_address(), "")};
  target->any_host = view;
  directory->targets[served_target] = target;
  RawHost late(array, array.other_host);
  const LoginResponse answer = late.log_in(
      {.tsih = tsih, .connection_id = 5, .cmd_sn = 2, .meanwhile = [&] { array.publish(directory); }});
  EXPECT_EQ(answer.status, LoginStatus::not_found);
  EXPECT_EQ(sessions()[0].connections, 2u);
}

// A host may begin with ExpStatSN 0: its second request is still the second one.
TEST_P(MultipleConnections, WhatTheFirstRequestOfAJoiningLoginAgreedOnStands) {
  log_in();
  RawHost third(array);
  const LoginResponse answer = third.log_in({.extra_keys = text({"HeaderDigest=CRC32C"}),
                                             .tsih = tsih,
                                             .connection_id = 5,
                                             .cmd_sn = 2,
                                             .meanwhile = [] {}});
  ASSERT_EQ(answer.status, LoginStatus::success);
  ASSERT_TRUE(third.header_digest);
  third.send_pdu(read_command(22, 2));
  EXPECT_TRUE(third.next_pdu(Opcode::data_in));
}

TEST_P(MultipleConnections, ASessionOfOneConnectionTakesNoSecond) {
  RawHost leading(array);
  const LoginResponse led = leading.log_in({});
  ASSERT_EQ(led.status, LoginStatus::success);
  tsih = led.tsih;
  RawHost host(array);
  EXPECT_EQ(join(host, 5).status, LoginStatus::too_many_connections);
}

TEST_P(MultipleConnections, ATargetThatGoesClosesAllOfThem) {
  log_in();
  array.publish(std::make_shared<Directory>());
  array.world.run_for(loop::seconds(1));
  EXPECT_TRUE(first->closed && second->closed);
  EXPECT_EQ(array.connections(), 0u);
}

TEST_P(MultipleConnections, ADrainEndsWithTheLastTaskOfAConnectionThatFailed) {
  log_in();
  for (uint32_t i = 0; i < array.servers.size(); ++i) {
    Connection *fails = nullptr, *drains = nullptr;
    for (Connection& each : array.servers[i]->impl().connections)
      (each.connection_id() == 0 ? fails : drains) = &each;
    if (fails == nullptr) continue;
    array.process.loop(i).enter([&] {
      uint8_t header[basic_header_bytes];
      read_command(20, 2).encode(header);
      fails->resume_login(header);
      EXPECT_EQ(fails->session()->commands.size(), 1u);
      drains->drain();
      fails->close("session.dropped", "its network failed");
    });
  }
  array.world.run_for(loop::milliseconds(100));
  EXPECT_TRUE(second->closed);
  EXPECT_EQ(array.connections(), 0u);
}

INSTANTIATE_TEST_SUITE_P(Shards, MultipleConnections, ::testing::Values(1u, 3u));

}  // namespace
}  // namespace ashlar::iscsi::testing
