#include <gtest/gtest.h>

#include "scsi/host_test.h"
#include "scsi/vpd.h"

namespace ashlar::scsi::test {
namespace {

struct Range {
  uint64_t lba;
  uint32_t blocks;
};

std::vector<uint8_t> list_of(const std::vector<Range>& ranges) {
  std::vector<uint8_t> out(8 + ranges.size() * 16);
  store_be16(&out[0], static_cast<uint16_t>(out.size() - 2));
  store_be16(&out[2], static_cast<uint16_t>(ranges.size() * 16));
  for (size_t i = 0; i < ranges.size(); ++i) {
    store_be64(&out[8 + i * 16], ranges[i].lba);
    store_be32(&out[16 + i * 16], ranges[i].blocks);
  }
  return out;
}

class Unmap : public ScsiTest {
 protected:
  void SetUp() override {
    ScsiTest::SetUp();
    std::fill(medium->data.begin(), medium->data.end(), uint8_t{0xee});
    medium->mark(0, medium->data.size(), true);
  }
  std::unique_ptr<HostTask> unmap(const std::vector<uint8_t>& list) {
    return run(cdb10(0x42, 0, static_cast<uint16_t>(list.size())), list);
  }
  std::string ends(const std::vector<Range>& ranges) { return ending(*unmap(list_of(ranges))); }
  bool untouched() const {
    return std::ranges::all_of(medium->allocated, [](bool allocated) { return allocated; });
  }
};

TEST_F(Unmap, GivesRangesBackOneAfterTheOther) {
  EXPECT_EQ(ends({{8, 8}, {4095, 1}, {12, 8}, {0, 0}}), "GOOD") << "overlapping ranges are fine";
  EXPECT_EQ(on_medium(8, 12), filled(12 * 512, 0));
  EXPECT_EQ(on_medium(4095, 1), filled(512, 0));
  EXPECT_EQ(on_medium(20, 1), filled(512, 0xee));
  EXPECT_FALSE(medium->allocated[8]);
}

TEST_F(Unmap, NothingToDoIsNoError) {
  EXPECT_EQ(end(cdb10(0x42, 0, 0)), "GOOD");
  EXPECT_EQ(ends({}), "GOOD");
  EXPECT_EQ(ends({{4096, 0}}), "GOOD");
  EXPECT_TRUE(untouched());
}

TEST_F(Unmap, ChecksAllBeforeItUnmapsAny) {
  const auto beyond = unmap(list_of({{0, 8}, {4096, 1}}));
  EXPECT_EQ(ending(*beyond), "5/21/00");
  EXPECT_EQ(beyond->sense.information, 4096u);
  EXPECT_EQ(ends({{0, 8}, {4097, 0}}), "5/21/00");
  EXPECT_EQ(ends({{0, 8}, {UINT64_MAX, UINT32_MAX}}), "5/21/00");
  EXPECT_TRUE(untouched());
}

TEST_F(Unmap, RefusesMoreThanItsLimits) {
  EXPECT_EQ(ends(std::vector<Range>(max_unmap_descriptors, {0, 1})), "GOOD");
  EXPECT_EQ(ends(std::vector<Range>(max_unmap_descriptors + 1, {0, 1})), "5/24/00");
  const auto too_much = unmap(list_of(std::vector<Range>(max_unmap_descriptors, {0, 4096 + 1})));
  EXPECT_EQ(ending(*too_much), "5/21/00");
  medium->geometry.size_bytes = uint64_t{1} << 40;
  const auto blocks = unmap(list_of({{0, max_unmap_blocks}, {8, 1}}));
  EXPECT_EQ(ending(*blocks), "5/26/00");
  EXPECT_EQ(field(*blocks), "list 32");
}

TEST_F(Unmap, TruncatedLists) {
  const std::vector<uint8_t> list = list_of({{0, 8}, {16, 8}});
  EXPECT_EQ(end(cdb10(0x42, 0, 7), list), "5/1a/00");
  EXPECT_EQ(end(cdb10(0x42, 0, 40), filled(4, 0)), "5/1a/00");
  EXPECT_TRUE(untouched());
  EXPECT_EQ(end(cdb10(0x42, 0, 30), list), "GOOD") << "the second descriptor is not whole: ignored";
  EXPECT_FALSE(medium->allocated[0]);
  EXPECT_TRUE(medium->allocated[16]);
  std::vector<uint8_t> lying = list_of({{32, 8}});
  store_be16(&lying[2], 64);
  EXPECT_EQ(ending(*unmap(lying)), "GOOD") << "the header promises more than there is";
  EXPECT_FALSE(medium->allocated[32]);
  std::vector<uint8_t> shorter = list_of({{48, 8}, {64, 8}});
  store_be16(&shorter[2], 16);
  EXPECT_EQ(ending(*unmap(shorter)), "GOOD");
  EXPECT_FALSE(medium->allocated[48]);
  EXPECT_TRUE(medium->allocated[64]);
}

TEST_F(Unmap, RefusesAnchorAndUnitsThatAreNotThin) {
  EXPECT_EQ(end(cdb10(0x42, 0, 24, 0x01), list_of({{0, 8}})), "5/24/00");
  medium->geometry.thin = false;
  EXPECT_EQ(ends({{0, 8}}), "5/20/00");
  medium->geometry.thin = true;
  medium->limits.discard_granularity_bytes = 0;
  EXPECT_EQ(ends({{0, 8}}), "5/20/00");
  medium->geometry.read_only = true;
  EXPECT_EQ(ends({{0, 8}}), "7/27/00") << "thin, but protected";
}

TEST_F(Unmap, GoesInPiecesThatTheDeviceTakesAndTellsItsErrors) {
  medium->limits.max_discard_bytes = 4096 + 100;
  EXPECT_EQ(ends({{0, 20}}), "GOOD");
  EXPECT_EQ(on_medium(0, 20), filled(20 * 512, 0));
  target.unit("v").fault = block::Status::medium_error;
  target.unit("v").fault_in = 3;
  const auto failed = unmap(list_of({{0, 8}, {100, 16}}));
  EXPECT_EQ(ending(*failed), "3/0c/00");
  EXPECT_EQ(failed->sense.information, 108u);
}

class LbaStatus : public Unmap {
 protected:
  struct Entry {
    uint64_t lba;
    uint32_t blocks;
    int state;
    bool operator==(const Entry&) const = default;
  };
  std::vector<Entry> status(uint64_t lba, uint32_t room) {
    const std::vector<uint8_t> bytes = data(cdb16(0x9e, lba, room, 0x12));
    std::vector<Entry> out;
    for (size_t at = 8; at + 16 <= bytes.size(); at += 16) {
      out.push_back({load_be64(&bytes[at]), load_be32(&bytes[at + 8]), bytes[at + 12]});
    }
    if (bytes.size() >= 4) EXPECT_EQ(load_be32(bytes.data()), 4 + 16 * std::max<size_t>(out.size(), 1));
    return out;
  }
};

TEST_F(LbaStatus, MergesRunsOfEqualState) {
  EXPECT_EQ(status(0, 1000), (std::vector<Entry>{{0, 4096, 0}}));
  EXPECT_EQ(ends({{8, 8}, {16, 4}, {4000, 96}}), "GOOD");
  const std::vector<Entry> expected = {{0, 8, 0}, {8, 12, 1}, {20, 3980, 0}, {4000, 96, 1}};
  EXPECT_EQ(status(0, 1000), expected);
  EXPECT_EQ(status(10, 24), (std::vector<Entry>{{10, 10, 1}}));
  EXPECT_EQ(status(10, 39), (std::vector<Entry>{{10, 10, 1}}));
  EXPECT_EQ(status(10, 40), (std::vector<Entry>{{10, 10, 1}, {20, 3980, 0}}));
  EXPECT_EQ(status(4095, 24), (std::vector<Entry>{{4095, 1, 1}}));
  EXPECT_TRUE(status(0, 8).empty());
}

TEST_F(LbaStatus, RefusesWhatIsBeyondTheEndAndTellsErrors) {
  EXPECT_EQ(end(cdb16(0x9e, 4096, 24, 0x12)), "5/21/00");
  EXPECT_EQ(end(cdb16(0x9e, UINT64_MAX, 24, 0x12)), "5/21/00");
  target.unit("v").fault = block::Status::device_failed;
  target.unit("v").fault_in = 1;
  EXPECT_EQ(end(cdb16(0x9e, 0, 24, 0x12)), "4/44/00");
}

TEST_F(LbaStatus, ADeviceThatCannotTellIsMapped) {
  medium->limits.find_extent = false;
  EXPECT_EQ(status(96, 100), (std::vector<Entry>{{96, 4000, 0}}));
}

TEST_F(LbaStatus, IsBounded) {
  std::vector<Range> holes;
  for (uint32_t i = 0; i < 200; ++i) holes.push_back({i * 16, 8});
  EXPECT_EQ(ends(holes), "GOOD");
  const std::vector<Entry> first = status(0, 65536);
  ASSERT_EQ(first.size(), 64u);
  EXPECT_EQ(status(first.back().lba + first.back().blocks, 24).front().state, 1);
}

}  // namespace
}  // namespace ashlar::scsi::test
