#include <gtest/gtest.h>

#include "scsi/host_test.h"

namespace ashlar::scsi::test {
namespace {

class CompareAndWrite : public ScsiTest {
 protected:
  static Cdb cdb(uint64_t lba, uint8_t blocks, uint8_t flags = 0) { return cdb16(0x89, lba, blocks, flags); }
  std::vector<uint8_t> pair(uint32_t blocks, uint8_t compare, uint8_t write) const {
    std::vector<uint8_t> out = filled(blocks * block(), compare);
    out.resize(2 * out.size(), write);
    return out;
  }
};

TEST_F(CompareAndWrite, WritesWhenAllIsEqual) {
  EXPECT_EQ(end(cdb(10, 3), pair(3, 0, 7)), "GOOD");
  EXPECT_EQ(on_medium(10, 3), filled(3 * 512, 7));
  EXPECT_EQ(on_medium(13, 1), filled(512, 0));
  EXPECT_EQ(medium->durable_writes, 0u);
  EXPECT_EQ(end(cdb(10, 3, 0x18), pair(3, 7, 8)), "GOOD");
  EXPECT_EQ(medium->durable_writes, 1u);
  EXPECT_EQ(end(cdb(100, 255), pair(255, 0, 9)), "GOOD");
  EXPECT_EQ(on_medium(354, 1), filled(512, 9));
}

TEST_F(CompareAndWrite, WritesNothingWhenOneByteDiffers) {
  medium->data[11 * 512 + 5] = 1;
  const auto done = run(cdb(10, 3), pair(3, 0, 7));
  EXPECT_EQ(ending(*done), "e/1d/00");
  EXPECT_EQ(done->sense.information, 512u + 5);
  EXPECT_EQ(on_medium(10, 1), filled(512, 0));
}

TEST_F(CompareAndWrite, TakesExactlyTwiceTheBlocks) {
  EXPECT_EQ(end(cdb(0, 0)), "GOOD");
  for (const uint32_t blocks : {0u, 1u, 3u, 8u}) {
    const auto done = run(cdb(0, 2), filled(blocks * 512, 0));
    EXPECT_EQ(ending(*done), "5/24/00") << blocks;
    EXPECT_EQ(field(*done), "cdb 13");
  }
  EXPECT_EQ(end(cdb(0, 0), filled(512 * 512, 0)), "5/24/00") << "256 blocks do not fit into the field";
}

TEST_F(CompareAndWrite, Refusals) {
  EXPECT_EQ(end(cdb(4095, 2), pair(2, 0, 1)), "5/21/00");
  EXPECT_EQ(end(cdb(0, 1, 0x20), pair(1, 0, 1)), "5/24/00");
  EXPECT_EQ(end(cdb(0, 1, 0x02), pair(1, 0, 1)), "5/24/00");
  medium->limits.max_transfer_bytes = 512;
  EXPECT_EQ(end(cdb(0, 2), pair(2, 0, 1)), "5/24/00");
  medium->geometry.read_only = true;
  EXPECT_EQ(end(cdb(0, 1), pair(1, 0, 1)), "7/27/00");
}

TEST_F(CompareAndWrite, DeviceErrors) {
  FakeUnit& unit = target.unit("v");
  unit.fault = block::Status::medium_error;
  unit.fault_in = 1;
  EXPECT_EQ(end(cdb(5, 1), pair(1, 0, 1)), "3/11/00");
  unit.fault_in = 2;
  EXPECT_EQ(end(cdb(5, 1), pair(1, 0, 1)), "3/0c/00");
}

// Both compare with what was there before; only one may find it.
TEST_F(CompareAndWrite, OfTwoThatRaceOneWins) {
  NexusState& other = login();
  target.unit("v").hold = true;
  const auto first = start(*host, cdb(0, 1), pair(1, 0, 1));
  const auto second = start(other, cdb(0, 1), pair(1, 0, 2));
  const auto write = start(other, cdb10(0x2a, 0, 1), filled(512, 3));
  target.release("v", 0, 1);
  EXPECT_EQ(ending(*write), "pending") << "not between the comparison and the write";
  target.unit("v").hold = false;
  target.release("v");
  EXPECT_EQ(ending(*first), "GOOD");
  EXPECT_EQ(ending(*second), "e/1d/00");
  EXPECT_EQ(ending(*write), "GOOD");
}

TEST_F(CompareAndWrite, AbortedAfterTheComparisonWritesNothing) {
  target.unit("v").hold = true;
  const auto task = start(*host, cdb(0, 1), pair(1, 0, 1));
  const auto answer = target.manage(*host, TaskManagement::abort_task, 0, task->tag);
  target.release("v");
  EXPECT_EQ(ending(*task), "aborted");
  EXPECT_EQ(*answer, TaskManagementResponse::complete);
  EXPECT_EQ(on_medium(0, 1), filled(512, 0));
}

}  // namespace
}  // namespace ashlar::scsi::test
