// Several hosts on a device that sees only one initiator: attentions, reservations, who may write, the medium's lock.
#include "scsi/device_host_test.h"
#include "scsi/lun_state.h"
#include "scsi/nexus_impl.h"

namespace ashlar::scsi::test {
namespace {

using loop::fixed_sense;

class PassThroughHosts : public DeviceTest {
 protected:
  PassThroughHosts() : DeviceTest({}, 2) {}
};

std::vector<uint8_t> reserve_list(uint64_t key, uint64_t new_key) {
  std::vector<uint8_t> list(24);
  store_be64(list.data(), key);
  store_be64(list.data() + 8, new_key);
  return list;
}
Cdb reserve_out(uint8_t action, uint8_t type = 0) {
  Cdb cdb(10);
  cdb[0] = 0x5f;
  cdb[1] = action;
  cdb[2] = type;
  cdb[8] = 24;
  return cdb;
}

TEST_F(PassThroughHosts, AnAttentionReachesEveryHostOnce) {
  NexusState& first = login(0);
  NexusState& second = login(0);
  NexusState& third = login(1);
  device->unit.say_next(fixed_sense(0x6, 0x2800));
  EXPECT_EQ(outcome(first, cdb6(0x00)), "6/28/00");
  EXPECT_EQ(outcome(second, cdb6(0x00)), "6/28/00");
  EXPECT_EQ(outcome(third, cdb10(0x28, 0, 1), {}, 512), "6/28/00");
  for (NexusState* host : {&first, &second, &third}) EXPECT_EQ(outcome(*host, cdb6(0x00)), "GOOD");
}

TEST_F(PassThroughHosts, InquiryDoesNotWaitForAttentions) {
  NexusState& first = login();
  NexusState& second = login();
  device->unit.say_next(fixed_sense(0x6, 0x2800));
  run(first, cdb6(0x00));
  EXPECT_EQ(outcome(second, cdb6(0x12, 0, 0, 0, 36), {}, 36), "GOOD");
  EXPECT_EQ(outcome(second, cdb12(0xa0, 0, 64), {}, 64), "GOOD");
  EXPECT_EQ(outcome(second, cdb6(0x00)), "6/28/00");
}

TEST_F(PassThroughHosts, RequestSenseTellsAndClears) {
  NexusState& first = login();
  NexusState& second = login();
  device->unit.say_next(fixed_sense(0x6, 0x2900));
  const auto direct = run(first, cdb6(0x03, 0, 0, 0, 18), {}, 18);
  EXPECT_EQ(direct->data_in[2], 0x06);
  const auto passed_on = run(second, cdb6(0x03, 0, 0, 0, 18), {}, 18);
  ASSERT_EQ(passed_on->data_in.size(), 18u);
  EXPECT_EQ(passed_on->data_in[2], 0x06);
  EXPECT_EQ(passed_on->data_in[12], 0x29);
  EXPECT_EQ(outcome(second, cdb6(0x00)), "GOOD");
}

TEST_F(PassThroughHosts, AnAttentionOfAnAbortedCommandIsNotLost) {
  NexusState& first = login();
  device->hold = true;
  device->unit.say_next(fixed_sense(0x6, 0x2800));
  const auto read = start(first, cdb10(0x28, 0, 1), {}, 512);
  manage(first, TaskManagement::abort_task, read->tag);
  device->hold = false;
  release();
  EXPECT_EQ(ending(*read), "aborted");
  EXPECT_EQ(outcome(first, cdb6(0x00)), "6/28/00");
}

TEST_F(PassThroughHosts, ADeferredErrorReachesWhoHasWritten) {
  NexusState& reader = login();
  NexusState& writer = login(1);
  run(writer, cdb10(0x2a, 0, 1), filled(512, 1));
  device->unit.say_next(fixed_sense(0x3, 0x0c00, true));
  const auto read = run(reader, cdb10(0x28, 0, 1), {}, 512);
  EXPECT_EQ(ending(*read), "3/0c/00");
  const auto next = run(writer, cdb6(0x00));
  EXPECT_EQ(ending(*next), "3/0c/00");
  std::vector<uint8_t> sense(most_sense_bytes);
  next->encode_sense(sense);
  EXPECT_EQ(sense[0], 0x71);
  device->unit.say_next(fixed_sense(0x3, 0x0c00, true));
  run(writer, cdb6(0x00));
  EXPECT_EQ(outcome(reader, cdb6(0x00)), "GOOD");
}

TEST_F(PassThroughHosts, NewsAreBounded) {
  NexusState& first = login();
  NexusState& second = login();
  for (uint16_t i = 0; i < 2 * most_news; ++i) {
    device->unit.say_next(fixed_sense(0x6, static_cast<uint16_t>(0x3f00 + i)));
    run(first, cdb6(0x00));
  }
  size_t told = 0;
  while (told < 100 && outcome(second, cdb6(0x00)) != "GOOD") ++told;
  EXPECT_EQ(told, most_news);
}

TEST_F(PassThroughHosts, WhatOneHostSetsTheOthersHearOf) {
  NexusState& first = login();
  NexusState& second = login(1);
  EXPECT_EQ(outcome(first, cdb6(0x15, 0x10, 0, 0, 12), filled(12, 0)), "GOOD");
  EXPECT_EQ(outcome(first, cdb6(0x00)), "GOOD");
  EXPECT_EQ(outcome(second, cdb6(0x00)), "6/2a/01");
  EXPECT_EQ(outcome(first, cdb6(0x1b, 0, 0, 0, 0x03)), "GOOD");
  EXPECT_EQ(outcome(second, cdb6(0x00)), "6/28/00");
}

TEST_F(PassThroughHosts, ReservationsAreOurs) {
  NexusState& first = login();
  NexusState& second = login(1);
  EXPECT_EQ(outcome(first, reserve_out(0x00), reserve_list(0, 0xa)), "GOOD");
  EXPECT_EQ(outcome(first, reserve_out(0x01, 1), reserve_list(0xa, 0)), "GOOD");
  EXPECT_EQ(outcome(second, cdb10(0x28, 0, 1), {}, 512), "GOOD");
  EXPECT_EQ(outcome(second, cdb10(0x2a, 0, 1), filled(512, 1)), "status 18");
  EXPECT_EQ(outcome(second, {0xc5, 0, 0, 0, 0, 0, 0, 0, 0, 0}), "status 18");  // who knows what it does
  EXPECT_EQ(outcome(second, cdb6(0x00)), "GOOD");
  EXPECT_EQ(outcome(second, cdb6(0x12, 0, 0, 0, 36), {}, 36), "GOOD");
  EXPECT_EQ(outcome(first, cdb10(0x2a, 0, 1), filled(512, 1)), "GOOD");
  EXPECT_EQ(got(0x2a), 1u);
  EXPECT_EQ(got(0x5f), 0u);
  EXPECT_EQ(outcome(first, reserve_out(0x01, 3), reserve_list(0xa, 0)), "status 18");
  EXPECT_EQ(outcome(first, reserve_out(0x02, 1), reserve_list(0xa, 0)), "GOOD");
  EXPECT_EQ(outcome(first, reserve_out(0x01, 3), reserve_list(0xa, 0)), "GOOD");
  EXPECT_EQ(outcome(second, cdb10(0x28, 0, 1), {}, 512), "status 18");
}

TEST_F(PassThroughHosts, ReserveSixKeepsOutAllButInquiryAndRelease) {
  NexusState& first = login();
  NexusState& second = login();
  EXPECT_EQ(outcome(first, cdb6(0x16)), "GOOD");
  EXPECT_EQ(outcome(second, cdb6(0x00)), "status 18");
  EXPECT_EQ(outcome(second, cdb6(0x12, 0, 0, 0, 36), {}, 36), "GOOD");
  EXPECT_EQ(outcome(second, cdb6(0x17)), "GOOD");
  EXPECT_EQ(outcome(second, cdb6(0x00)), "status 18");
  EXPECT_EQ(outcome(first, cdb6(0x17)), "GOOD");
  EXPECT_EQ(outcome(second, cdb6(0x00)), "GOOD");
  EXPECT_EQ(got(0x16) + got(0x17), 0u);
}

TEST_F(PassThroughHosts, AReadOnlyMappingWritesNothing) {
  NexusState& host = login(0, true);
  EXPECT_EQ(outcome(host, cdb10(0x28, 0, 1), {}, 512), "GOOD");
  EXPECT_EQ(outcome(host, cdb6(0x1a, 0, 0, 0, 12), {}, 12), "GOOD");
  EXPECT_EQ(outcome(host, cdb10(0x2a, 0, 1), filled(512, 1)), "7/27/00");
  EXPECT_EQ(outcome(host, {0xc5, 0, 0, 0, 0, 0, 0, 0, 0, 0}), "7/27/00");
  EXPECT_EQ(got(0x2a) + got(0xc5), 0u);
}

TEST_F(PassThroughHosts, TheMediumIsKeptInWhileAnybodyWantsIt) {
  NexusState& first = login();
  NexusState& second = login();
  EXPECT_EQ(outcome(first, cdb6(0x1e, 0, 0, 0, 1)), "GOOD");
  EXPECT_EQ(outcome(second, cdb6(0x1e, 0, 0, 0, 1)), "GOOD");
  EXPECT_EQ(outcome(first, cdb6(0x1e, 0, 0, 0, 0)), "GOOD");
  EXPECT_TRUE(device->unit.locked);
  EXPECT_EQ(outcome(second, cdb6(0x1e, 0, 0, 0, 0)), "GOOD");
  EXPECT_FALSE(device->unit.locked);
}

TEST_F(PassThroughHosts, TheMediumIsFreeWhenItsLastKeeperGoes) {
  NexusState& first = login();
  NexusState& second = login(1);
  EXPECT_EQ(outcome(second, cdb6(0x1e, 0, 0, 0, 1)), "GOOD");
  EXPECT_TRUE(device->unit.locked);
  close(second);
  nexuses.pop_back();
  EXPECT_FALSE(device->unit.locked);
  EXPECT_EQ(outcome(first, cdb6(0x00)), "GOOD");
  EXPECT_EQ(units[1]->passing, 0);
}

TEST_F(PassThroughHosts, TheAccessStateOfThePortIsHeeded) {
  NexusState& host = login();
  const auto set = [&](unit::AccessState state) {
    Domain::AccessGroup group;
    group.states.group = "g";
    group.states.port_groups = {{.tag = 1, .state = state}};
    group.units.emplace("device", units[0]);
    in_turn(host, [&] { domains[0]->set_access(std::move(group)).detach(); });
    shards.run();
    EXPECT_EQ(outcome(host, cdb6(0x12, 0, 0, 0, 36), {}, 36), "GOOD");
    while (!host.impl().luns.at(0)->attentions.empty()) host.impl().luns.at(0)->attentions.pop();
  };
  set(unit::AccessState::standby);
  EXPECT_EQ(outcome(host, cdb10(0x28, 0, 1), {}, 512), "2/04/0b");
  set(unit::AccessState::transitioning);
  const auto held = start(host, cdb10(0x28, 0, 1), {}, 512);
  const auto unknown = start(host, {0xc5, 0, 0, 0, 0, 0, 0, 0, 0, 0});
  EXPECT_EQ(ending(*held), "pending");
  EXPECT_EQ(ending(*unknown), "pending");
  EXPECT_EQ(got(0x28) + got(0xc5), 0u);
  set(unit::AccessState::active_optimized);
  EXPECT_EQ(ending(*held), "GOOD");
  EXPECT_EQ(ending(*unknown), "GOOD");
}

TEST_F(PassThroughHosts, WhatIsUnmappedEndsOnlyWithTheDevice) {
  NexusState& host = login();
  device->hold = true;
  const auto read = start(host, cdb10(0x28, 0, 1), {}, 512);
  in_turn(host, [&] { host.replace_view(std::make_shared<unit::HostView>()); });
  shards.run();
  EXPECT_FALSE(read->done());
  release();
  EXPECT_EQ(ending(*read), "5/25/00");
}

}  // namespace
}  // namespace ashlar::scsi::test
