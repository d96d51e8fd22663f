#include <gtest/gtest.h>

#include "scsi/host_test.h"
#include "scsi/vpd.h"

namespace ashlar::scsi::test {
namespace {

constexpr uint8_t unmap = 0x08;
constexpr uint8_t no_data = 0x01;  // NDOB

class WriteSame : public ScsiTest {
 protected:
  void SetUp() override {
    ScsiTest::SetUp();
    std::fill(medium->data.begin(), medium->data.end(), uint8_t{0xee});
    medium->mark(0, medium->data.size(), true);
  }
  void expect_only(uint64_t lba, uint32_t blocks, const std::vector<uint8_t>& pattern) {
    for (uint64_t i = 0; i < 4096; ++i) {
      const bool inside = i >= lba && i < lba + blocks;
      ASSERT_EQ(on_medium(i, 1), inside ? pattern : filled(512, 0xee)) << i;
    }
  }
  bool mapped(uint64_t lba) const { return medium->allocated[lba]; }
};

TEST_F(WriteSame, RepeatsTheBlock) {
  std::vector<uint8_t> pattern(512);
  for (size_t i = 0; i < 512; ++i) pattern[i] = static_cast<uint8_t>(i);
  EXPECT_EQ(end(cdb10(0x41, 100, 3000), pattern), "GOOD") << "longer than one piece";
  expect_only(100, 3000, pattern);
  std::fill(medium->data.begin(), medium->data.end(), uint8_t{0xee});
  EXPECT_EQ(end(cdb16(0x93, 7, 1), pattern), "GOOD");
  expect_only(7, 1, pattern);
}

TEST_F(WriteSame, ZeroesKeepTheirSpaceWithoutUnmap) {
  EXPECT_EQ(end(cdb10(0x41, 10, 20), filled(512, 0)), "GOOD");
  expect_only(10, 20, filled(512, 0));
  EXPECT_TRUE(mapped(10));
  EXPECT_EQ(end(cdb16(0x93, 50, 2, no_data)), "GOOD");
  EXPECT_EQ(on_medium(50, 2), filled(1024, 0));
  EXPECT_TRUE(mapped(50));
}

TEST_F(WriteSame, UnmapGivesSpaceBack) {
  for (const Cdb& cdb : {cdb10(0x41, 10, 20, unmap), cdb16(0x93, 10, 20, unmap)}) {
    EXPECT_EQ(end(cdb, filled(512, 0)), "GOOD");
    expect_only(10, 20, filled(512, 0));
    EXPECT_FALSE(mapped(10));
    SetUp();
  }
  EXPECT_EQ(end(cdb16(0x93, 10, 20, unmap | no_data)), "GOOD");
  expect_only(10, 20, filled(512, 0));
}

TEST_F(WriteSame, UnmapReadsZeroWhateverTheBlockHolds) {
  EXPECT_EQ(end(cdb10(0x41, 10, 20, unmap), filled(512, 0xff)), "GOOD");
  expect_only(10, 20, filled(512, 0));
}

TEST_F(WriteSame, NoBlocksMeansToTheEnd) {
  EXPECT_EQ(end(cdb10(0x41, 4000, 0, unmap), filled(512, 0)), "GOOD");
  expect_only(4000, 96, filled(512, 0));
  EXPECT_EQ(end(cdb10(0x41, 4096, 0), filled(512, 0)), "GOOD");
  EXPECT_EQ(end(cdb10(0x41, 4097, 0), filled(512, 0)), "5/21/00");
  EXPECT_EQ(end(cdb16(0x93, UINT64_MAX, 0), filled(512, 0)), "5/21/00");
}

TEST_F(WriteSame, RefusesMoreThanTheMaximum) {
  medium->data.resize((max_write_same_blocks + 2) * 512);
  medium->allocated.resize(max_write_same_blocks + 2);
  medium->geometry.size_bytes = medium->limits.size_bytes = medium->data.size();
  const uint32_t most = max_write_same_blocks;
  const auto too_long = run(cdb16(0x93, 0, most + 1, unmap), filled(512, 0));
  EXPECT_EQ(ending(*too_long), "5/24/00");
  EXPECT_EQ(field(*too_long), "cdb 10");
  EXPECT_EQ(end(cdb16(0x93, 1, 0, unmap), filled(512, 0)), "5/24/00") << "to the end is one too many";
  EXPECT_EQ(end(cdb16(0x93, 2, 0, unmap), filled(512, 0)), "GOOD");
  EXPECT_EQ(end(cdb16(0x93, 0, most, unmap), filled(512, 0)), "GOOD");
}

TEST_F(WriteSame, TakesOneBlockOfData) {
  for (const size_t bytes : {0, 256, 1024}) {
    EXPECT_EQ(end(cdb10(0x41, 0, 1), filled(bytes, 0)), "5/0e/03") << bytes;
    EXPECT_EQ(end(cdb16(0x93, 0, 1, unmap), filled(bytes, 0)), "5/0e/03") << bytes;
  }
}

TEST_F(WriteSame, RefusesAnchorPhysicalAndLogicalData) {
  for (const uint8_t flags : {0x10, 0x18, 0x04, 0x02, 0x20}) {
    EXPECT_EQ(end(cdb10(0x41, 0, 1, flags), filled(512, 0)), "5/24/00") << int{flags};
    EXPECT_EQ(end(cdb16(0x93, 0, 1, flags), filled(512, 0)), "5/24/00") << int{flags};
  }
  EXPECT_EQ(end(cdb10(0x41, 0, 1, no_data)), "5/24/00") << "WRITE SAME(10) has no NDOB";
  medium->geometry.thin = false;
  EXPECT_EQ(end(cdb10(0x41, 0, 1, unmap), filled(512, 0)), "5/24/00");
  EXPECT_EQ(end(cdb10(0x41, 0, 1), filled(512, 0)), "GOOD");
}

TEST_F(WriteSame, DeviceErrorsEndItAndGiveTheRangeBack) {
  FakeUnit& unit = target.unit("v");
  unit.fault = block::Status::no_space;
  unit.fault_in = 2;
  const auto failed = run(cdb10(0x41, 100, 3000), filled(512, 1));
  EXPECT_EQ(ending(*failed), "7/27/07");
  EXPECT_EQ(failed->sense.information, 100u + (1u << 20) / 512);
  unit.fault_in = 1;
  EXPECT_EQ(end(cdb10(0x41, 100, 3000), filled(512, 0)), "7/27/07");
  EXPECT_TRUE(medium->locks.empty());
}

TEST_F(WriteSame, AbortedWhileItWaitsForItsBlock) {
  auto waiting = task(cdb10(0x41, 100, 30), filled(512, 1));
  waiting->hold_data_out = true;
  target.submit(*host, *waiting);
  const auto answer = target.manage(*host, TaskManagement::abort_task_set, 0);
  target.shards.run();
  EXPECT_EQ(ending(*waiting), "aborted");
  EXPECT_EQ(*answer, TaskManagementResponse::complete);
}

TEST_F(WriteSame, AbortedBetweenPieces) {
  target.unit("v").hold = true;
  const auto task = start(*host, cdb10(0x41, 0, 4096), filled(512, 1));
  const auto answer = target.manage(*host, TaskManagement::abort_task, 0, task->tag);
  target.release("v", 0, 1);
  EXPECT_EQ(ending(*task), "aborted");
  EXPECT_TRUE(answer->has_value());
  EXPECT_EQ(on_medium(4095, 1), filled(512, 0xee));
}

TEST_F(WriteSame, OtherWritesComeBeforeOrAfterButNotBetween) {
  FakeUnit& unit = target.unit("v");
  unit.hold = true;
  const auto same = start(*host, cdb10(0x41, 0, 4096), filled(512, 1));
  const auto write = start(*host, cdb10(0x2a, 0, 4), filled(2048, 2));
  const auto second = start(*host, cdb10(0x41, 3, 1), filled(512, 3));
  EXPECT_EQ(unit.held(), 2u) << "the second WRITE SAME waits for the range";
  target.release("v", 0, 1);
  EXPECT_EQ(ending(*write), "pending");
  unit.hold = false;
  target.release("v");
  for (const auto* each : {&same, &write, &second}) EXPECT_EQ(ending(**each), "GOOD");
  EXPECT_EQ(on_medium(0, 3), filled(1536, 2));
  EXPECT_EQ(on_medium(4, 1), filled(512, 1));
}

TEST_F(WriteSame, OrWriteCombines) {
  std::fill(medium->data.begin(), medium->data.end(), uint8_t{0x0c});
  EXPECT_EQ(end(cdb16(0x8b, 5, 2, 0x18), filled(1024, 0x81)), "GOOD");
  EXPECT_EQ(on_medium(5, 2), filled(1024, 0x8d));
  EXPECT_EQ(on_medium(7, 1), filled(512, 0x0c));
  EXPECT_EQ(medium->durable_writes, 1u);
  EXPECT_EQ(end(cdb16(0x8b, 4095, 2), filled(1024, 1)), "5/21/00");
  EXPECT_EQ(end(cdb16(0x8b, 0, 0)), "GOOD");
  EXPECT_EQ(end(cdb16(0x8b, 0, 1, 0x20), filled(512, 1)), "5/24/00");
  target.unit("v").fault = block::Status::medium_error;
  target.unit("v").fault_in = 1;
  EXPECT_EQ(end(cdb16(0x8b, 0, 1), filled(512, 1)), "3/11/00");
  target.unit("v").fault_in = 2;
  EXPECT_EQ(end(cdb16(0x8b, 0, 1), filled(512, 1)), "3/0c/00");
}

}  // namespace
}  // namespace ashlar::scsi::test
