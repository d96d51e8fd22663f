// What strangers may cost: half-open logins, guessed secrets, more sessions than were granted.
#include <gtest/gtest.h>

#include "iscsi/chap.h"
#include "iscsi/target_world_test.h"

namespace ashlar::iscsi::testing {
namespace {

using wire::iscsi::LoginStatus;

bool answers_ping(RawHost& host, uint32_t cmd_sn) {
  wire::iscsi::NopOut ping;
  ping.initiator_task_tag = 77;
  ping.cmd_sn = cmd_sn;
  host.send_pdu(ping);
  return host.next_pdu(wire::iscsi::Opcode::nop_in).has_value();
}

TEST(Admission, AFloodOfHalfOpenConnectionsDoesNotTouchSessions) {
  Array array;
  RawHost live(array, array.other_host);
  ASSERT_TRUE(live.login());
  std::vector<std::unique_ptr<RawHost>> flood;
  for (int i = 0; i < 2000; ++i) {
    flood.push_back(std::make_unique<RawHost>(array));
    if (i % 100 == 0) {
      const uint8_t byte = 0x43;
      flood.back()->send({&byte, 1});
    }
  }
  const Settings settings;
  EXPECT_LE(array.servers[0]->impl().half_open, settings.max_half_open_per_source);
  EXPECT_TRUE(answers_ping(live, 1));
  RawHost honest(array, array.other_host);
  EXPECT_TRUE(honest.log_in({.isid = {0x40, 0, 0, 0, 0, 2}}).status == LoginStatus::success);
  // What is left of the flood goes with the deadline, though a byte comes each second.
  const loop::Instant begin = array.world.now();
  while (array.world.now() - begin < loop::seconds(16)) {
    const uint8_t byte = 0;
    flood.back()->send({&byte, 1});
    array.world.run_for(loop::seconds(1));
  }
  EXPECT_EQ(array.servers[0]->impl().half_open, 0u);
  EXPECT_EQ(array.connections(), 2u);
  EXPECT_TRUE(answers_ping(live, 2));
  flood.clear();
}

TEST(Admission, TheBusiestSourceMakesRoom) {
  Array array;
  const auto directory = array.directory();
  directory->settings.max_half_open = 10;
  array.publish(directory);
  RawHost honest(array, array.other_host);
  std::vector<std::unique_ptr<RawHost>> flood;
  for (int i = 0; i < 30; ++i) flood.push_back(std::make_unique<RawHost>(array));
  EXPECT_EQ(array.servers[0]->impl().half_open, 10u);
  EXPECT_FALSE(honest.closed) << "the oldest of all, but not of the flood";
  EXPECT_TRUE(honest.login());
}

TEST(Admission, OfEquallyBusySourcesTheOldestMakesRoom) {
  Array array;
  const auto directory = array.directory();
  directory->settings.max_half_open = 2;
  array.publish(directory);
  // Whichever of the addresses is the lesser one.
  for (const bool swapped : {false, true}) {
    RawHost old(array, swapped ? array.other_host : array.host);
    RawHost young(array, swapped ? array.host : array.other_host);
    loop::SimProcess& third = array.world.add_process("third-host", 1, Array::sizes);
    RawHost newest(array, third);
    array.world.run_for(loop::milliseconds(100));
    EXPECT_TRUE(old.closed);
    EXPECT_FALSE(young.closed || newest.closed);
  }
}

std::shared_ptr<Directory> with_chap(Array& array) {
  const auto directory = array.directory();
  auto target = std::make_shared<Target>(*directory->targets.at(served_target));
  auto view = std::make_shared<unit::HostView>(*target->any_host);
  view->chap = {"alice", "secretsecret1234", "", ""};
  target->any_host = view;
  directory->targets[served_target] = target;
  return directory;
}

// One login with a proof; its last status.
LoginStatus prove(Array& array, loop::SimProcess& from, std::string_view secret) {
  RawHost host(array, from);
  const auto say = [&](const std::string& text, bool transit) {
    wire::iscsi::LoginRequest request;
    request.transit = transit;
    request.next_stage =
        transit ? wire::iscsi::LoginStage::full_feature_phase : wire::iscsi::LoginStage::security_negotiation;
    request.isid = {0x40, 0, 0, 0, 0, 9};
    request.data_segment_length = static_cast<uint32_t>(text.size());
    host.send_pdu(request, bytes_of(text));
    return host.next_pdu(wire::iscsi::Opcode::login_response);
  };
  std::string names = "InitiatorName=" + raw_initiator;
  names += '\0';
  names += "TargetName=" + served_target;
  names += std::string("\0AuthMethod=CHAP\0CHAP_A=7\0", 26);
  const auto asked = say(names, false);
  if (!asked) return LoginStatus::target_error;
  const auto status = wire::iscsi::LoginResponse::decode(asked->header.data()).status;
  if (status != LoginStatus::success) return status;
  const auto pairs =
      *wire::iscsi::parse_text({reinterpret_cast<const char*>(asked->data.data()), asked->data.size()});
  const auto challenge =
      *wire::iscsi::parse_binary("CHAP_C", *wire::iscsi::find_value(pairs, "CHAP_C"), max_chap_bytes);
  const auto identifier = *wire::iscsi::parse_number("CHAP_I", *wire::iscsi::find_value(pairs, "CHAP_I"));
  const auto response =
      *chap_response(ChapAlgorithm::sha256, static_cast<uint8_t>(identifier), secret, challenge);
  std::string proof = "CHAP_N=alice";
  proof += '\0';
  proof += "CHAP_R=" + wire::iscsi::binary_as_hex(response) + '\0';
  const auto verdict = say(proof, true);
  if (!verdict) return LoginStatus::target_error;
  return wire::iscsi::LoginResponse::decode(verdict->header.data()).status;
}

TEST(Admission, GuessesSlowDownOnAllShards) {
  Array array(2);
  array.publish(with_chap(array));
  for (uint32_t i = 0; i < loop::SourceTable::free_failures; ++i)
    EXPECT_EQ(prove(array, array.host, "a wrong secret"), LoginStatus::authentication_failure);
  for (int i = 0; i < 6; ++i)  // whatever shard the connection comes to
    EXPECT_EQ(prove(array, array.host, "secretsecret1234"), LoginStatus::service_unavailable);
  EXPECT_EQ(prove(array, array.other_host, "secretsecret1234"), LoginStatus::success) << "others go on";
  array.world.run_for(loop::SourceTable::first_wait);
  EXPECT_EQ(prove(array, array.host, "secretsecret1234"), LoginStatus::success);
  array.world.run_for(loop::milliseconds(100));
  for (const auto& server : array.servers)
    EXPECT_EQ(server->impl().sources.size(), 0u) << "forgiven on all shards";
}

TEST(Admission, SessionsOfATargetAndOfAHostAreBounded) {
  for (const bool of_target : {true, false}) {
    Array array(2);
    const auto directory = array.directory();
    auto target = std::make_shared<Target>(*directory->targets.at(served_target));
    auto view = std::make_shared<unit::HostView>(*target->any_host);
    (of_target ? target->max_sessions : view->max_sessions) = 2;
    target->any_host = view;
    directory->targets[served_target] = target;
    array.publish(directory);
    std::vector<std::unique_ptr<RawHost>> hosts;
    for (uint8_t i = 0; i < 3; ++i) {
      hosts.push_back(std::make_unique<RawHost>(array));
      EXPECT_EQ(hosts.back()->log_in({.isid = {0x40, 0, 0, 0, 0, i}}).status,
                i < 2 ? LoginStatus::success : LoginStatus::out_of_resources);
    }
    RawHost again(array);  // the same port: its older session makes room
    EXPECT_EQ(again.log_in({.isid = {0x40, 0, 0, 0, 0, 1}}).status, LoginStatus::success);
    hosts.clear();
  }
}

}  // namespace
}  // namespace ashlar::iscsi::testing
