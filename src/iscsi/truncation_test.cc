// Every PDU, in every state of a connection, that breaks off after every length (RFC 7143 7.6): nothing of it stays, and nobody else
// notices. Over sockets, with fewer lengths: tests/conformance/iscsi/bad_pdu_lengths.py.
#include <gtest/gtest.h>

#include "iscsi/target_world_test.h"

namespace ashlar::iscsi::testing {
namespace {

using namespace wire::iscsi;

constexpr uint32_t open_task = 7, open_text = 8;

void login_step(RawHost& host, LoginStage stage, const std::string& keys) {
  LoginRequest request;
  request.current_stage = stage;
  request.isid = {0x40, 0, 0, 0, 0, 9};
  request.cmd_sn = 1;
  request.data_segment_length = static_cast<uint32_t>(keys.size());
  host.send_pdu(request, bytes_of(keys));
  ASSERT_TRUE(host.next_pdu(Opcode::login_response));
}
void log_in(RawHost& host, const std::string& keys) {
  ASSERT_EQ(host.log_in({.extra_keys = keys, .isid = {0x40, 0, 0, 0, 0, 9}}).status, LoginStatus::success);
}
/// A write of which no byte has come; with `unsolicited` the target waits for it unasked, else it has asked.
void begin_write(RawHost& host, bool unsolicited) {
  log_in(host, text({unsolicited ? "InitialR2T=No" : "InitialR2T=Yes", "ImmediateData=No"}));
  ScsiCommand command;
  command.write = true;
  command.final = !unsolicited;
  command.initiator_task_tag = open_task;
  command.cmd_sn = 1;
  command.expected_data_transfer_length = 512;
  command.cdb = {0x2a, 0, 0, 0, 0, 0, 0, 0, 1};
  host.send_pdu(command);
  for (int i = 0; i < 2 && !unsolicited; ++i) {  // the first one is told that it is new here
    const auto answer = host.next_pdu();
    ASSERT_TRUE(answer);
    if (answer->opcode() == Opcode::r2t) return;
    ++command.cmd_sn;
    host.send_pdu(command);
  }
  EXPECT_TRUE(unsolicited) << "the target asks for no data";
}

struct State {
  const char* name;
  void (*enter)(RawHost&);
};
const State states[] = {
    {"before login", [](RawHost&) {}},
    {"security stage",
     [](RawHost& host) {
       login_step(
           host, LoginStage::security_negotiation,
           text({"InitiatorName=iqn.2026-11.io.ashlar:cut", "SessionType=Discovery", "AuthMethod=None"}));
     }},
    {"operational stage",
     [](RawHost& host) {
       login_step(host, LoginStage::login_operational_negotiation,
                  text({"InitiatorName=iqn.2026-11.io.ashlar:cut", "SessionType=Discovery"}));
     }},
    {"full feature phase", [](RawHost& host) { log_in(host, ""); }},
    {"with digests", [](RawHost& host) { log_in(host, text({"HeaderDigest=CRC32C", "DataDigest=CRC32C"})); }},
    {"with recovery",
     [](RawHost& host) {
       log_in(host, text({"ErrorRecoveryLevel=2", "HeaderDigest=CRC32C", "MaxConnections=2"}));
     }},
    {"data was asked for", [](RawHost& host) { begin_write(host, false); }},
    {"data is to come", [](RawHost& host) { begin_write(host, true); }},
    {"a text is open",
     [](RawHost& host) {
       log_in(host, "");
       TextRequest request;
       request.continues = true;
       request.final = false;
       request.initiator_task_tag = open_text;
       request.target_transfer_tag = reserved_task_tag;
       request.cmd_sn = 1;
       request.data_segment_length = 4;
       host.send_pdu(request, bytes_of("Send"));
     }},
    {"after logout",
     [](RawHost& host) {
       log_in(host, "");
       LogoutRequest request;
       request.initiator_task_tag = 3;
       request.cmd_sn = 1;
       host.send_pdu(request);
       ASSERT_TRUE(host.next_pdu(Opcode::logout_response));
     }},
};

// Those of an initiator, two of a target, and three that nobody has.
constexpr uint8_t opcodes[] = {0x00, 0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x10, 0x21, 0x31, 0x07, 0x1c, 0x3e};

/// The whole of it, with an additional header, data, and the digests that were agreed on.
std::vector<uint8_t> whole(const RawHost& host, uint8_t opcode) {
  uint8_t header[basic_header_bytes] = {};
  header[0] = opcode == 0x03 ? 0x43 : opcode;
  header[1] = opcode == 0x01 ? 0xa1 : opcode == 0x02 ? 0x82 : opcode == 0x03 ? 0x04 : 0x80;
  header[4] = 2;   // words of additional headers
  header[7] = 13;  // bytes of data: padded to 16
  store_be32(header + 16, opcode == 0x04 ? open_text : opcode == 0x05 ? open_task : 0x40);
  store_be32(header + 20, opcode == 0x01 ? 512 : reserved_task_tag);
  store_be32(header + 24, 2);
  if (opcode == 0x01) header[32] = 0x2a, header[40] = 1;
  const std::vector<uint8_t> extended_cdb = {0, 5, 1, 0, 0, 0, 0, 0};
  return host.pdu_bytes(header, bytes_of("SendTargets=A"), false, false, extended_cdb);
}

class Truncation : public ::testing::TestWithParam<size_t> {};

TEST_P(Truncation, LeavesNothingBehind) {
  set_log_level(LogLevel::error);
  const State& state = states[GetParam()];
  Array array;
  RawHost witness(array, array.other_host);
  ASSERT_TRUE(witness.login());
  Server::Impl& server = array.servers[0]->impl();
  const size_t before = array.process.loop(0).buffers().in_use();
  uint32_t pings = 0;
  for (const uint8_t opcode : opcodes) {
    size_t length = 1;
    for (size_t cut = 0; cut < length; ++cut) {
      RawHost host(array);
      state.enter(host);
      const std::vector<uint8_t> bytes = whole(host, opcode);
      length = bytes.size();
      host.send(ConstBytes(bytes).first(cut));
    }
    EXPECT_GE(length, 72u);
    const auto alone = [&] { return server.connections.size() == 1; };
    EXPECT_TRUE(array.world.run_until(alone, loop::seconds(30))) << state.name << ", opcode " << int{opcode};
    EXPECT_EQ(server.commands.in_use(), 0u) << state.name << ", opcode " << int{opcode};
    EXPECT_EQ(array.process.loop(0).buffers().in_use(), before) << state.name << ", opcode " << int{opcode};
    NopOut ping;
    ping.immediate = true;
    ping.initiator_task_tag = ++pings;
    ping.target_transfer_tag = reserved_task_tag;
    ping.cmd_sn = 1;
    witness.send_pdu(ping);
    ASSERT_TRUE(witness.next_pdu(Opcode::nop_in)) << state.name << ", opcode " << int{opcode};
  }
}
INSTANTIATE_TEST_SUITE_P(Every, Truncation, ::testing::Range(size_t{0}, std::size(states)));

}  // namespace
}  // namespace ashlar::iscsi::testing
