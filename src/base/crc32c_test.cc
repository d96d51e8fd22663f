#include "base/crc32c.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <array>
#include <vector>

namespace ashlar {
namespace {

// RFC 7143 appendix A.4, "CRC Examples"; the digest's bytes in the order of the wire.
struct Example {
  const char* name;
  std::vector<uint8_t> bytes;
  std::array<uint8_t, 4> digest;
};

std::vector<uint8_t> run(uint8_t first, int step) {
  std::vector<uint8_t> bytes(32);
  for (size_t i = 0; i < bytes.size(); ++i)
    bytes[i] = static_cast<uint8_t>(first + step * static_cast<int>(i));
  return bytes;
}

std::vector<Example> examples() {
  std::vector<uint8_t> read_command(48);
  read_command[0] = 0x01;
  read_command[1] = 0xc0;
  read_command[16] = 0x14;
  read_command[22] = 0x04;
  read_command[27] = 0x14;
  read_command[31] = 0x18;
  read_command[32] = 0x28;
  read_command[40] = 0x02;
  return {
      {"zeroes", run(0, 0), {0xaa, 0x36, 0x91, 0x8a}},
      {"ones", run(0xff, 0), {0x43, 0xab, 0xa8, 0x62}},
      {"incrementing", run(0, 1), {0x4e, 0x79, 0xdd, 0x46}},
      {"decrementing", run(0x1f, -1), {0x5c, 0xdb, 0x3f, 0x11}},
      {"SCSI READ(10) command PDU", read_command, {0x56, 0x3a, 0x96, 0xd9}},
  };
}

TEST(Crc32c, MatchesTheExamplesOfTheStandard) {
  for (const Example& example : examples()) {
    std::array<uint8_t, 4> wire{};
    store_le32(wire.data(), crc32c(example.bytes));
    EXPECT_EQ(wire, example.digest) << example.name;
    store_le32(wire.data(), crc32c_finish(crc32c_update_table(crc32c_start, example.bytes)));
    EXPECT_EQ(wire, example.digest) << example.name << ", table";
  }
}

TEST(Crc32c, MatchesTheCheckValue) { EXPECT_EQ(crc32c(bytes_of("123456789")), 0xe3069283u); }

TEST(Crc32c, NothingIsNothing) {
  EXPECT_EQ(crc32c({}), 0u);
  EXPECT_EQ(crc32c_update(12345, {}), 12345u);
}

RC_GTEST_PROP(Crc32c, IsTheTableAndMayBeFedInPieces, (uint16_t length, uint16_t cut, uint8_t seed)) {
  std::vector<uint8_t> bytes(length);
  uint32_t value = seed;
  for (uint8_t& byte : bytes) {
    value = value * 1664525 + 1013904223;
    byte = static_cast<uint8_t>(value >> 24);
  }
  const size_t at = bytes.empty() ? 0 : cut % bytes.size();
  const ConstBytes all(bytes);
  const uint32_t whole = crc32c_update(crc32c_start, all);
  RC_ASSERT(whole == crc32c_update_table(crc32c_start, all));
  RC_ASSERT(whole == crc32c_update(crc32c_update(crc32c_start, all.first(at)), all.subspan(at)));
}

}  // namespace
}  // namespace ashlar
