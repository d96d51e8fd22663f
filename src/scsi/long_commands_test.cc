// READ(32) and its like: other bytes, the same commands.
#include <gtest/gtest.h>

#include "scsi/host_test.h"

namespace ashlar::scsi::test {
namespace {

constexpr uint16_t read_32 = 0x0009, verify_32 = 0x000a, write_32 = 0x000b, write_and_verify_32 = 0x000c,
                   write_same_32 = 0x000d;

class LongCommands : public ScsiTest {};

TEST_F(LongCommands, WriteAndRead) {
  EXPECT_EQ(end(cdb32(write_32, 4000, 2), filled(1024, 7)), "GOOD");
  EXPECT_EQ(on_medium(4000, 2), filled(1024, 7));
  EXPECT_EQ(medium->durable_writes, 0u);
  EXPECT_EQ(end(cdb32(write_32, 4000, 1, 0x18), filled(512, 8)), "GOOD") << "DPO and FUA";
  EXPECT_EQ(medium->durable_writes, 1u);
  const std::vector<uint8_t> read = data(cdb32(read_32, 4000, 2, 0x18));
  EXPECT_EQ(read[0], 8);
  EXPECT_EQ(read[1023], 7);
  EXPECT_EQ(end(cdb32(read_32, 4095, 2)), "5/21/00");
  EXPECT_EQ(end(cdb32(read_32, uint64_t{1} << 32, 1)), "5/21/00") << "all of the address counts";
  EXPECT_EQ(end(cdb32(read_32, 0, 1, 0x20)), "5/24/00") << "RDPROTECT";
  medium->limits.max_transfer_bytes = 1024;
  EXPECT_EQ(field(*run(cdb32(read_32, 0, 3), {}, 2048)), "cdb 28");
}

TEST_F(LongCommands, VerifyAndWriteAndVerify) {
  EXPECT_EQ(end(cdb32(write_and_verify_32, 10, 2, 0x02), filled(1024, 5)), "GOOD");
  EXPECT_EQ(on_medium(10, 2), filled(1024, 5));
  EXPECT_EQ(end(cdb32(verify_32, 10, 2)), "GOOD");
  EXPECT_EQ(end(cdb32(verify_32, 10, 2, 0x02), filled(1024, 5)), "GOOD");
  EXPECT_EQ(end(cdb32(verify_32, 10, 2, 0x02), filled(1024, 6)), "e/1d/00");
  EXPECT_EQ(end(cdb32(verify_32, 10, 2, 0x06), filled(512, 5)), "GOOD");
  EXPECT_EQ(field(*run(cdb32(verify_32, 10, 2, 0x04))), "cdb 10.2");
  EXPECT_EQ(field(*run(cdb32(write_and_verify_32, 10, 2, 0x04))), "cdb 10.2");
}

TEST_F(LongCommands, WriteSame) {
  EXPECT_EQ(end(cdb32(write_same_32, 20, 3), filled(512, 4)), "GOOD");
  EXPECT_EQ(on_medium(20, 3), filled(1536, 4));
  EXPECT_EQ(end(cdb32(write_same_32, 21, 1, 0x09)), "GOOD") << "UNMAP and NDOB";
  EXPECT_EQ(on_medium(21, 1), filled(512, 0));
  EXPECT_EQ(on_medium(22, 1), filled(512, 4));
  medium->geometry.thin = false;
  EXPECT_EQ(field(*run(cdb32(write_same_32, 21, 1, 0x08), filled(512, 0))), "cdb 10.3");
}

TEST_F(LongCommands, AreReportedWithTheirUsage) {
  const Cdb report = {0xa3, 0x0c, 2, 0x7f, 0, 9, 0, 0, 1, 0, 0, 0};
  const std::vector<uint8_t> read = data(report);
  ASSERT_EQ(read.size(), 4u + 32u);
  EXPECT_EQ(read[1], 3);
  EXPECT_EQ(load_be16(&read[2]), 32);
  EXPECT_EQ(read[4], 0x7f);
  EXPECT_EQ(load_be16(&read[4 + 8]), 9);
}

}  // namespace
}  // namespace ashlar::scsi::test
