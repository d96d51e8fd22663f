// What the target says of its own accord: pings, requests to log out, drops (RFC 7143 11.9, 11.19).
#include <gtest/gtest.h>

#include "iscsi/target_world_test.h"
#include "wire/scsi_lun.h"

namespace ashlar::iscsi::testing {
namespace {

using namespace wire::iscsi;

std::optional<AsyncMessage> next_message(RawHost& host, loop::Nanoseconds patience = loop::seconds(2)) {
  const auto pdu = host.next_pdu(Opcode::asynchronous_message, patience);
  if (!pdu) return std::nullopt;
  return AsyncMessage::decode(pdu->header.data());
}

void log_out(RawHost& host, uint32_t cmd_sn) {
  LogoutRequest logout;
  logout.initiator_task_tag = 40;
  logout.cmd_sn = cmd_sn;
  host.send_pdu(logout);
  EXPECT_TRUE(host.next_pdu(Opcode::logout_response));
}

TEST(AsynchronousMessage, AnIdleHostIsPingedAndADeadOneDropped) {
  Array array;
  RawHost host(array);
  ASSERT_TRUE(host.login());
  const Settings settings;
  const loop::Instant begin = array.world.now();
  const auto ping = host.next_pdu(Opcode::nop_in, loop::seconds(settings.nop_interval_seconds + 1));
  ASSERT_TRUE(ping);
  EXPECT_GE(array.world.now() - begin, loop::seconds(settings.nop_interval_seconds) - loop::seconds(1));
  const NopIn asked = NopIn::decode(ping->header.data());
  EXPECT_EQ(asked.initiator_task_tag, reserved_task_tag);
  EXPECT_NE(asked.target_transfer_tag, reserved_task_tag);
  NopOut pong;
  pong.immediate = true;
  pong.target_transfer_tag = asked.target_transfer_tag;
  pong.cmd_sn = 1;
  host.send_pdu(pong);
  ASSERT_TRUE(host.next_pdu(Opcode::nop_in, loop::seconds(settings.nop_interval_seconds + 1)));
  EXPECT_FALSE(host.closed);
  array.world.run_for(loop::seconds(settings.nop_timeout_seconds + 1));
  EXPECT_TRUE(host.closed) << "the second ping was not answered";
  EXPECT_EQ(array.connections(), 0u);
}

TEST(AsynchronousMessage, AHostWhosePortalGoesIsAskedToLogOut) {
  Array array;
  RawHost obeys(array);
  RawHost stays(array);
  ASSERT_EQ(obeys.log_in({}).status, LoginStatus::success);
  ASSERT_EQ(stays.log_in({.isid = {0x40, 0, 0, 0, 0, 2}}).status, LoginStatus::success);
  const auto directory = array.directory();
  auto target = std::make_shared<Target>(*directory->targets.at(served_target));
  target->portals = {{"p2", {"10.0.0.1", 3261}, 1, {}}};
  directory->targets[served_target] = target;
  array.publish(directory);
  for (RawHost* host : {&obeys, &stays}) {
    const auto message = next_message(*host);
    ASSERT_TRUE(message);
    EXPECT_EQ(message->event, AsyncEvent::logout_request);
    EXPECT_EQ(message->parameter3, Settings{}.logout_wait_seconds);
  }
  array.publish(array.directory());
  array.publish(directory);
  EXPECT_FALSE(next_message(obeys, loop::milliseconds(500))) << "it is asked once";
  log_out(obeys, 1);
  EXPECT_EQ(array.count_events("session.logout"), 1u);
  const auto dropped = next_message(stays, loop::seconds(Settings{}.logout_wait_seconds + 1));
  ASSERT_TRUE(dropped);
  EXPECT_EQ(dropped->event, AsyncEvent::all_connections_drop);
  array.world.run_for(loop::seconds(1));
  EXPECT_EQ(array.connections(), 0u);
}

TEST(AsynchronousMessage, AStopAsksFirst) {
  Array array;
  RawHost obeys(array);
  RawHost stays(array);
  ASSERT_EQ(obeys.log_in({}).status, LoginStatus::success);
  ASSERT_EQ(stays.log_in({.isid = {0x40, 0, 0, 0, 0, 2}}).status, LoginStatus::success);
  bool stopped = false;
  array.process.loop(0).enter([&] { array.servers[0]->stop(loop::seconds(10), [&] { stopped = true; }); });
  const auto asked = next_message(obeys);
  ASSERT_TRUE(asked);
  EXPECT_EQ(asked->event, AsyncEvent::logout_request);
  EXPECT_EQ(asked->parameter3, 1) << "seconds, for that is how long it is served";
  log_out(obeys, 1);
  ASSERT_TRUE(next_message(stays));
  const auto dropped = next_message(stays);
  ASSERT_TRUE(dropped);
  EXPECT_EQ(dropped->event, AsyncEvent::all_connections_drop);
  EXPECT_TRUE(array.world.run_until([&] { return stopped; }, loop::seconds(5)));
}

TEST(AsynchronousMessage, ADropOfOneConnectionNamesIt) {
  Array array;
  RawHost first(array);
  const std::string two("MaxConnections=2\0", 17);
  const LoginResponse led = first.log_in({.extra_keys = two});
  ASSERT_EQ(led.status, LoginStatus::success);
  RawHost second(array, array.other_host);
  ASSERT_EQ(second.log_in({.tsih = led.tsih, .connection_id = 9}).status, LoginStatus::success);
  // Only the second one's address is excluded.
  const auto directory = array.directory();
  auto target = std::make_shared<Target>(*directory->targets.at(served_target));
  auto view = std::make_shared<unit::HostView>(*target->any_host);
  view->addresses = {*AddressRange::parse(first.local_address(), "")};
  target->any_host = view;
  directory->targets[served_target] = target;
  array.publish(directory);
  const auto message = next_message(second);
  ASSERT_TRUE(message);
  EXPECT_EQ(message->event, AsyncEvent::connection_drop);
  EXPECT_EQ(message->parameter1, 9);
  array.world.run_for(loop::seconds(1));
  EXPECT_TRUE(second.closed);
  EXPECT_FALSE(first.closed);
}

/// Event 0, with its sense.
struct Told {
  uint16_t lun = 0xffff;
  uint16_t code = 0;
};
std::optional<Told> next_event(RawHost& host, loop::Nanoseconds patience = loop::seconds(2)) {
  const auto pdu = host.next_pdu(Opcode::asynchronous_message, patience);
  if (!pdu) return std::nullopt;
  const AsyncMessage message = AsyncMessage::decode(pdu->header.data());
  EXPECT_EQ(message.event, AsyncEvent::scsi_event);
  EXPECT_EQ(load_be16(pdu->data.data()), pdu->data.size() - 2);
  EXPECT_EQ(pdu->data.at(2), 0x70);
  EXPECT_EQ(pdu->data.at(2 + 2), 0x06) << "UNIT ATTENTION";
  return Told{wire::scsi::decode_lun(message.lun).number, load_be16(&pdu->data.at(2 + 12))};
}

TEST(AsynchronousMessage, AHostThatWantsToKnowIsToldOfLunsAndSizes) {
  Array array;
  const auto with = [&array](bool wants, bool both) {
    const auto directory = array.directory();
    auto target = std::make_shared<Target>(*directory->targets.at(served_target));
    auto view = std::make_shared<unit::HostView>(*target->any_host);
    view->asynchronous_events = wants;
    if (!both) view->luns.erase(0);
    target->any_host = view;
    directory->targets[served_target] = target;
    array.publish(directory);
  };
  const auto resize = [&array] {
    array.process.loop(0).enter(
        [&] { array.domains[0]->raise_everywhere("volume", unit::Attention::capacity_changed, nullptr); });
  };
  RawHost host(array);
  ASSERT_TRUE(host.login());
  with(false, false);
  resize();
  EXPECT_FALSE(host.next_pdu(Opcode::asynchronous_message, loop::milliseconds(500))) << "only if it wants to";
  with(true, true);
  const auto luns = next_event(host);
  ASSERT_TRUE(luns);
  EXPECT_EQ(luns->lun, 0);
  EXPECT_EQ(luns->code, 0x3f0e);
  resize();
  for (const uint16_t lun : {0, 1}) {
    const auto size = next_event(host);
    ASSERT_TRUE(size);
    EXPECT_EQ(size->lun, lun);
    EXPECT_EQ(size->code, 0x2a09);
  }
  with(true, true);
  EXPECT_FALSE(host.next_pdu(Opcode::asynchronous_message, loop::milliseconds(500))) << "nothing is new";
}

}  // namespace
}  // namespace ashlar::iscsi::testing
