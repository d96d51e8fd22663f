#include "scsi/opcode.h"

#include <gtest/gtest.h>

#include <utility>

namespace ashlar::scsi {
namespace {

TEST(Opcodes, StandInOrderWithTheirOwnUsageData) {
  std::pair<int, int> before = {-1, -1};
  for (const Opcode& opcode : all_opcodes()) {
    const std::pair<int, int> now = {opcode.opcode, opcode.service_action};
    EXPECT_LT(before, now) << opcode.name;
    before = now;
    EXPECT_EQ(opcode.usage[0], opcode.opcode) << opcode.name;
    if (opcode.service_action >= 0)
      EXPECT_EQ(service_action_of(opcode.usage.data()), opcode.service_action) << opcode.name;
    constexpr uint8_t length_of_group[8] = {6, 10, 10, 32, 16, 12, 0, 0};
    EXPECT_EQ(opcode.length, length_of_group[opcode.opcode >> 5]) << opcode.name;
    const size_t control = opcode.opcode == variable_length ? 1 : opcode.length - 1u;
    EXPECT_EQ(opcode.usage[control], normal_allegiance_bit) << opcode.name << ": NACA alone is looked at";
    for (size_t i = opcode.length; i < opcode.usage.size(); ++i) EXPECT_EQ(opcode.usage[i], 0) << opcode.name;
  }
}

TEST(Opcodes, AreFoundByOperationCodeAndServiceAction) {
  bool known = false;
  EXPECT_EQ(find_opcode(0x28, 0xff, known)->name, "READ(10)");
  EXPECT_EQ(find_opcode(0x9e, 0x12, known)->name, "GET LBA STATUS");
  const uint8_t capacity[16] = {0x9e, 0xf0};
  EXPECT_EQ(service_action_of(capacity), 0x10) << "the upper three bits are not the service action";
  const uint8_t longer[32] = {0x7f, 0, 0, 0, 0, 0, 0, 0x18, 0x12, 0x34};
  EXPECT_EQ(service_action_of(longer), 0x1234);
  EXPECT_EQ(find_opcode(0x9e, 0x11, known), nullptr);
  EXPECT_EQ(find_opcode(0x9e, 0x110, known), nullptr);
  EXPECT_TRUE(known);
  EXPECT_EQ(find_opcode(0xff, 0, known), nullptr);
  EXPECT_FALSE(known);
}

TEST(Opcodes, TellTheFirstBitThatMustNotBeSet) {
  bool known = false;
  uint8_t cdb[16] = {0x28, 0x18, 0xff, 0xff, 0xff, 0xff, 0, 0xff, 0xff, 0};
  const Opcode& read = *find_opcode(0x28, 0, known);
  cdb[10] = 0xff;  // behind the CDB
  EXPECT_EQ(first_invalid_bit(read, cdb), -1);
  cdb[9] = 0x04;
  EXPECT_EQ(first_invalid_bit(read, cdb), -1) << "NACA";
  cdb[9] = 0x0c;
  EXPECT_EQ(first_invalid_bit(read, cdb), 9 << 3 | 3);
  cdb[1] = 0x60;
  EXPECT_EQ(first_invalid_bit(read, cdb), 1 << 3 | 6);
}

}  // namespace
}  // namespace ashlar::scsi
