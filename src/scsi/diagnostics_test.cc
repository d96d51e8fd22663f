// READ and WRITE BUFFER, the diagnostics, and the short answers about a unit.
#include <gtest/gtest.h>

#include "scsi/host_test.h"

namespace ashlar::scsi::test {
namespace {

class EchoBuffer : public ScsiTest {
 protected:
  static Cdb buffer(uint8_t opcode, uint8_t mode, uint32_t length, uint32_t offset = 0, uint8_t id = 0) {
    Cdb cdb(10);
    cdb[0] = opcode;
    cdb[1] = mode;
    cdb[2] = id;
    store_be24(&cdb[3], offset);
    store_be24(&cdb[6], length);
    return cdb;
  }
  static Cdb read(uint8_t mode, uint32_t length = 8192) { return buffer(0x3c, mode, length); }
  static Cdb read16(uint8_t mode, uint32_t length = 8192) {
    Cdb cdb(16);
    cdb[0] = 0x9b;
    cdb[1] = mode;
    store_be32(&cdb[10], length);
    return cdb;
  }
};
constexpr uint8_t descriptor = 0x03, echo = 0x0a, echo_descriptor = 0x0b;

TEST_F(EchoBuffer, GivesBackWhatTheSameNexusWrote) {
  NexusState& other = login();
  EXPECT_EQ(end(read(echo)), "5/2c/00") << "nothing was written yet";
  std::vector<uint8_t> bytes(4096);
  for (size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<uint8_t>(i * 7);
  EXPECT_EQ(end(buffer(0x3b, echo, 4096), bytes), "GOOD");
  EXPECT_EQ(ending(*run(other, buffer(0x3b, echo, 3), {1, 2, 3})), "GOOD");
  EXPECT_EQ(data(read(echo)), bytes);
  EXPECT_EQ(data(read16(echo)), bytes);
  EXPECT_EQ(data(read(echo, 100)).size(), 100u);
  EXPECT_EQ(run(other, read(echo), {}, 8192)->data_in, (std::vector<uint8_t>{1, 2, 3}));
  EXPECT_EQ(end(buffer(0x3b, echo, 0)), "GOOD");
  EXPECT_EQ(data(read(echo)), bytes) << "no bytes change nothing";
}

TEST_F(EchoBuffer, AResetForgetsIt) {
  EXPECT_EQ(end(buffer(0x3b, echo, 1), {1}), "GOOD");
  target.manage(*host, TaskManagement::logical_unit_reset, 0);
  target.shards.run();
  EXPECT_EQ(end(read(echo)), "6/29/03");
  EXPECT_EQ(end(read(echo)), "5/2c/00");
}

TEST_F(EchoBuffer, TellsItsSize) {
  EXPECT_EQ(data(read(echo_descriptor)), (std::vector<uint8_t>{0, 0, 0x10, 0}));
  EXPECT_EQ(data(read16(echo_descriptor)), (std::vector<uint8_t>{0, 0, 0x10, 0}));
  EXPECT_EQ(data(read(descriptor)), (std::vector<uint8_t>{0, 0, 0, 0})) << "no other buffer";
}

TEST_F(EchoBuffer, WhatIsRefused) {
  EXPECT_EQ(field(*run(buffer(0x3b, echo, 4097), filled(4097, 1))), "cdb 6");
  EXPECT_EQ(end(buffer(0x3b, echo, 16), filled(8, 1)), "5/1a/00");
  for (uint8_t mode = 0; mode < 0x20; ++mode) {
    const bool reads = mode == descriptor || mode == echo || mode == echo_descriptor;
    if (mode != echo) EXPECT_EQ(field(*run(buffer(0x3b, mode, 4), filled(4, 1))), "cdb 1.4") << int{mode};
    if (!reads) {
      EXPECT_EQ(field(*run(read(mode))), "cdb 1.4") << int{mode};
      EXPECT_EQ(field(*run(read16(mode))), "cdb 1.4") << int{mode};
    }
  }
  EXPECT_EQ(field(*run(buffer(0x3c, descriptor, 4, 1))), "cdb 3");
}

class Diagnostics : public ScsiTest {
 protected:
  static Cdb send(uint8_t flags, uint8_t list_bytes = 0) { return cdb6(0x1d, flags, 0, 0, list_bytes); }
};

TEST_F(Diagnostics, SelfTestsReadTheMedium) {
  for (const auto& [flags, samples] : {std::pair{0x04, 3}, {0xa0, 16}, {0xc0, 1024}}) {
    EXPECT_EQ(end(send(static_cast<uint8_t>(flags))), "GOOD");
    FakeUnit& unit = target.unit("v");
    unit.fault = block::Status::medium_error;
    unit.fault_in = samples;
    EXPECT_EQ(end(send(static_cast<uint8_t>(flags))), "4/3e/03") << "its last read fails";
    unit.fault_in = samples + 1;
    EXPECT_EQ(end(send(static_cast<uint8_t>(flags))), "GOOD") << "there is no further one";
    unit.fault_in = 0;
  }
}

TEST_F(Diagnostics, ASelfTestLooksAtTheFirstBlockAndTheLast) {
  target.unit("v").hold = true;
  const auto testing = start(*host, send(0x04));
  std::vector<uint64_t> read;
  for (int i = 0; i < 3; ++i) {
    read.push_back(target.unit("v").first_held()->request.offset / 512);
    target.release("v", 0, 1);
  }
  EXPECT_EQ(read, (std::vector<uint64_t>{0, 2047, 4095}));
  EXPECT_EQ(ending(*testing), "GOOD");
}

TEST_F(Diagnostics, OtherTestsAreNotThere) {
  for (const uint8_t code : {1, 2, 3, 4, 7})
    EXPECT_EQ(field(*run(send(static_cast<uint8_t>(code << 5)))), "cdb 1.7") << int{code};
  EXPECT_EQ(field(*run(send(0xa4))), "cdb 1.7") << "SELFTEST with a code";
  EXPECT_EQ(field(*run(send(0x04, 4), filled(4, 0))), "cdb 3");
  EXPECT_EQ(field(*run(send(0xa0, 4), filled(4, 0))), "cdb 3");
  EXPECT_EQ(end(send(0x01)), "5/24/00") << "UNITOFFL";
}

TEST_F(Diagnostics, OnePageThatListsItself) {
  EXPECT_EQ(end(send(0x10)), "GOOD");
  EXPECT_EQ(end(send(0x10, 4), {0, 0, 0, 0}), "GOOD");
  EXPECT_EQ(field(*run(send(0x10, 4), {1, 0, 0, 0})), "list 0");
  EXPECT_EQ(field(*run(send(0x10, 4), {0, 0, 0, 1})), "list 3");
  EXPECT_EQ(field(*run(send(0x10, 8), filled(8, 0))), "cdb 3");
  EXPECT_EQ(field(*run(send(0x00, 4), filled(4, 0))), "cdb 1.4") << "PF";
  EXPECT_EQ(end(send(0x10, 4), {0, 0}), "5/1a/00");
  const std::vector<uint8_t> page = {0, 0, 0, 1, 0};
  EXPECT_EQ(data(cdb6(0x1c, 0, 0, 0, 255)), page);
  EXPECT_EQ(data(cdb6(0x1c, 1, 0, 0, 255)), page);
  EXPECT_EQ(field(*run(cdb6(0x1c, 1, 1, 0, 255))), "cdb 2");
}

class Facts : public ScsiTest {};

TEST_F(Facts, MediaSerialNumberIsFilledToAMultipleOfFour) {
  const Cdb read = {0xab, 0x01, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0};
  medium->identity.serial = "12345";
  EXPECT_EQ(data(read), (std::vector<uint8_t>{0, 0, 0, 8, '1', '2', '3', '4', '5', 0, 0, 0}));
  medium->identity.serial = "1234";
  EXPECT_EQ(data(read), (std::vector<uint8_t>{0, 0, 0, 4, '1', '2', '3', '4'}));
}

TEST_F(Facts, TimestampIsTheSystemsClockUntilAHostSetsIt) {
  target.shards.at(0).clock = loop::seconds(0x12345678) + loop::milliseconds(5);
  const uint64_t expected = 0x12345678ull * 1000 + 5;
  const Cdb report = {0xa3, 0x0f, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0};
  const std::vector<uint8_t> answer = data(report);
  ASSERT_EQ(answer.size(), 12u);
  EXPECT_EQ(load_be16(&answer[0]), 10);
  EXPECT_EQ(answer[2], 0x03);
  EXPECT_EQ(uint64_t{load_be16(&answer[4])} << 32 | load_be32(&answer[6]), expected & 0xffffffffffff);

  NexusState& other = login();
  const Cdb set = {0xa4, 0x0f, 0, 0, 0, 0, 0, 0, 0, 12, 0, 0};
  std::vector<uint8_t> list(12);
  store_be32(&list[6], 1000);
  EXPECT_EQ(end(set, list), "GOOD");
  target.shards.at(0).pass(loop::milliseconds(7));
  EXPECT_EQ(data(report), (std::vector<uint8_t>{0, 10, 0x02, 0, 0, 0, 0, 0, 0x03, 0xef, 0, 0}));
  EXPECT_EQ(ending(*run(other, cdb6(0x00))), "6/2a/10");
  EXPECT_EQ(end(cdb6(0x00)), "GOOD") << "who set it knows";
  EXPECT_EQ(run(other, report, {}, 12)->data_in, data(report)) << "it is the unit's";
  list[4] = 0xf1;
  const auto late = run(set, list);
  EXPECT_EQ(ending(*late) + " at " + field(*late), "5/26/00 at list 4");
  EXPECT_EQ(end({0xa4, 0x0f, 0, 0, 0, 0, 0, 0, 0, 11, 0, 0}, filled(11, 0)), "5/1a/00");
  EXPECT_EQ(end({0xa4, 0x0f, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}), "GOOD") << "nothing to set";
}

TEST_F(Facts, WithoutPrecedenceHostsDoNotSetTheTime) {
  std::vector<uint8_t> page(4 + 32);
  std::ranges::copy(std::vector<uint8_t>{0x4a, 0x01, 0, 28, 0x05}, page.begin() + 4);
  const Cdb set = {0xa4, 0x0f, 0, 0, 0, 0, 0, 0, 0, 12, 0, 0};
  EXPECT_EQ(end(set, filled(12, 0)), "GOOD");
  EXPECT_EQ(end(cdb6(0x15, 0x10, 0, 0, 36), page), "GOOD");
  EXPECT_EQ(end(set, filled(12, 0)), "5/24/00");
  EXPECT_EQ(data({0xa3, 0x0f, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0}).at(2), 0x03) << "the system's clock again";
}

TEST_F(Facts, ReferralsNameThePortGroupsThatAreWorthAsking) {
  const Cdb ask = {0x9e, 0x13, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0};
  std::vector<uint8_t> expected(4 + 20 + 8);
  expected[3] = 28;
  expected[4 + 3] = 2;
  store_be64(&expected[4 + 12], 4095);
  expected[27] = 1;
  expected[31] = 2;
  EXPECT_EQ(data(ask), expected);
  target.set_access({.group = "g", .port_groups = {{.tag = 2, .state = unit::AccessState::standby}}}, {"v"});
  EXPECT_EQ(end(cdb6(0x00)), "6/2a/06");
  expected.resize(4 + 20 + 4);
  expected[3] = 24;
  expected[4 + 3] = 1;
  EXPECT_EQ(data(ask), expected);
  Cdb beyond = ask;
  beyond[8] = 0x10;
  EXPECT_EQ(end(beyond), "5/21/00");
}

}  // namespace
}  // namespace ashlar::scsi::test
