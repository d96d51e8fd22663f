#include <gtest/gtest.h>

#include "scsi/host_test.h"
#include "scsi/opcode.h"

namespace ashlar::scsi::test {
namespace {

class Report : public ScsiTest {
 protected:
  void SetUp() override {
    ScsiTest::SetUp();
    medium->limits.erasable_key = true;
  }
  Cdb luns(uint8_t select, uint32_t room) {
    Cdb cdb(12);
    cdb[0] = 0xa0;
    cdb[2] = select;
    store_be32(&cdb[6], room);
    return cdb;
  }
  Cdb opcodes(uint8_t options, uint8_t opcode = 0, uint16_t action = 0, uint32_t room = 65535) {
    Cdb cdb(12);
    cdb[0] = 0xa3;
    cdb[1] = 0x0c;
    cdb[2] = options;
    cdb[3] = opcode;
    store_be16(&cdb[4], action);
    store_be32(&cdb[6], room);
    return cdb;
  }
};

TEST_F(Report, LunsOfThisHost) {
  NexusState& many = login({{0, "v"}, {7, "v"}, {300, "v"}});
  const auto at = [&](uint8_t select) { return run(many, luns(select, 65536), {}, 65536)->data_in; };
  const std::vector<uint8_t> units = {0, 0, 0, 24, 0, 0, 0, 0, 0,    0,    0, 0, 0, 0, 0, 0,
                                      0, 7, 0, 0,  0, 0, 0, 0, 0x41, 0x2c, 0, 0, 0, 0, 0, 0};
  EXPECT_EQ(at(0), units);
  EXPECT_EQ(at(1), (std::vector<uint8_t>{0, 0, 0, 8, 0, 0, 0, 0, 0xc1, 1, 0, 0, 0, 0, 0, 0}));
  EXPECT_EQ(at(2).size(), 8u + 4 * 8);
  EXPECT_EQ(run(many, luns(0, 16), {}, 65536)->data_in,
            std::vector<uint8_t>(units.begin(), units.begin() + 16));
  EXPECT_EQ(end(luns(3, 16)), "5/24/00");
  EXPECT_EQ(data(luns(0, 65536))[3], 8);
}

TEST_F(Report, NoLunsAtAll) {
  NexusState& none = target.login({});
  const auto done = run(none, luns(0, 256), {}, 256);
  EXPECT_EQ(done->data_in, (std::vector<uint8_t>{0, 0, 0, 0, 0, 0, 0, 0}));
}

TEST_F(Report, AllOpcodes) {
  allow_explicit_changes();
  const std::vector<uint8_t> all = data(opcodes(0));
  ASSERT_EQ(load_be32(all.data()), all.size() - 4);
  ASSERT_EQ(all.size(), 4 + 8 * all_opcodes().size());
  size_t at = 4;
  for (const Opcode& opcode : all_opcodes()) {
    EXPECT_EQ(all[at], opcode.opcode);
    EXPECT_EQ(load_be16(&all[at + 2]), opcode.service_action >= 0 ? opcode.service_action : 0);
    EXPECT_EQ(all[at + 5], opcode.service_action >= 0 ? 1 : 0);
    EXPECT_EQ(load_be16(&all[at + 6]), opcode.length);
    at += 8;
  }
  const std::vector<uint8_t> timed = data(opcodes(0x80));
  ASSERT_EQ(timed.size(), 4 + 20 * all_opcodes().size());
  EXPECT_EQ(timed[4 + 5], 2);
  EXPECT_EQ(load_be16(&timed[4 + 8]), 10);
}

TEST_F(Report, UnitsThatAreNotThinHaveNoUnmap) {
  medium->geometry.thin = false;
  EXPECT_EQ(data(opcodes(0)).size(), 4 + 8 * (all_opcodes().size() - 2));
  EXPECT_EQ(data(opcodes(1, 0x42)), (std::vector<uint8_t>{0, 1, 0, 0}));
}

TEST_F(Report, HostsSetTargetPortGroupsOnlyWhereTheyMay) {
  EXPECT_EQ(data(opcodes(2, 0xa4, 0x0a)), (std::vector<uint8_t>{0, 1, 0, 0}));
  allow_explicit_changes();
  EXPECT_EQ(data(opcodes(2, 0xa4, 0x0a)).at(1), 3);
}

TEST_F(Report, EachOpcodeAlone) {
  allow_explicit_changes();
  for (const Opcode& opcode : all_opcodes()) {
    const bool has_action = opcode.service_action >= 0;
    const uint16_t action = has_action ? static_cast<uint16_t>(opcode.service_action) : 0;
    std::vector<uint8_t> expected = {0, 3, 0, opcode.length};
    expected.insert(expected.end(), opcode.usage.begin(), opcode.usage.begin() + opcode.length);
    EXPECT_EQ(data(opcodes(has_action ? 2 : 1, opcode.opcode, action)), expected) << opcode.name;
    EXPECT_EQ(data(opcodes(3, opcode.opcode, action)), expected) << opcode.name;
    EXPECT_EQ(end(opcodes(has_action ? 1 : 2, opcode.opcode, action)), "5/24/00") << opcode.name;
    expected[1] = 0x83;
    expected.insert(expected.end(), {0, 10, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0});
    EXPECT_EQ(data(opcodes(0x83, opcode.opcode, action)), expected) << opcode.name;
  }
}

TEST_F(Report, WhatIsNotSupported) {
  const std::vector<uint8_t> no = {0, 1, 0, 0};
  for (const uint8_t options : {1, 2, 3}) EXPECT_EQ(data(opcodes(options, 0xff)), no);
  EXPECT_EQ(data(opcodes(2, 0x9e, 0x11)), no);
  EXPECT_EQ(data(opcodes(3, 0x9e, 0x110)), no);
  EXPECT_EQ(data(opcodes(3, 0x28, 1)), no);
  EXPECT_EQ(data(opcodes(1, 0x28, 0x1234)).at(1), 3) << "001b does not look at the service action";
  EXPECT_EQ(end(opcodes(4)), "5/24/00");
}

TEST_F(Report, TaskManagementFunctions) {
  Cdb cdb = {0xa3, 0x0d, 0, 0, 0, 0, 0, 0, 0, 16, 0, 0};
  EXPECT_EQ(data(cdb), (std::vector<uint8_t>{0xfa, 0, 0, 0}));
  cdb[2] = 0x80;
  EXPECT_EQ(data(cdb).size(), 16u);
  EXPECT_EQ(data(cdb)[3], 12);
  cdb[9] = 3;
  EXPECT_EQ(end(cdb), "5/24/00");
}

}  // namespace
}  // namespace ashlar::scsi::test
