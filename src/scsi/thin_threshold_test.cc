#include <gtest/gtest.h>

#include "scsi/host_test.h"
#include "scsi/log_pages.h"

namespace ashlar::scsi::test {
namespace {

const Cdb ready_cdb = cdb6(0x00);

/// A pool of 1000 threshold sets, and a host on each of two shards.
class ThinThreshold : public ScsiTest {
 protected:
  ThinThreshold() : ScsiTest(512, 2) { target.add_volume("other", 64); }
  void SetUp() override {
    ScsiTest::SetUp();
    second = &login({{0, "v"}, {1, "other"}}, 1);
  }
  bool available(uint64_t sets, uint64_t threshold_sets = 200) {
    bool told = false;
    const unit::PoolFigures figures{.size_bytes = 1000 * threshold_set_bytes,
                                    .available_bytes = sets * threshold_set_bytes,
                                    .threshold_bytes = threshold_sets * threshold_set_bytes};
    target.shards.at(0).in_turn(
        [&] { told = target.domains[0]->take_pool_level("v", target.unit("v"), figures); });
    target.shards.run();
    return told;
  }
  void select_threshold(uint8_t enabled, uint32_t sets) {
    std::vector<uint8_t> list(4 + 24);
    list[4] = 0x5c;
    list[5] = 0x02;
    list[7] = 20;
    list[20] = enabled;
    list[21] = 0x01;
    store_be32(&list[24], sets);
    EXPECT_EQ(end(cdb6(0x15, 0x10, 0, 0, 28), list), "GOOD");
    EXPECT_EQ(ending(*run(*second, ready_cdb)), "6/2a/01");
  }
  NexusState* second = nullptr;
};

TEST_F(ThinThreshold, EveryHostIsToldOnceForEachCrossing) {
  EXPECT_FALSE(available(300));
  EXPECT_EQ(end(ready_cdb), "GOOD");
  EXPECT_TRUE(available(200));
  EXPECT_EQ(end(ready_cdb), "6/38/07");
  EXPECT_EQ(end(ready_cdb), "GOOD");
  EXPECT_EQ(ending(*run(*second, ready_cdb)), "6/38/07");
  EXPECT_EQ(ending(*run(*second, ready_cdb, {}, 0, 1)), "GOOD") << "another volume, another pool";
  EXPECT_FALSE(available(100));
  EXPECT_FALSE(available(210)) << "not enough to have left it";
  EXPECT_FALSE(available(150));
  EXPECT_EQ(end(ready_cdb), "GOOD");
  EXPECT_FALSE(available(500));
  EXPECT_TRUE(available(150));
  EXPECT_EQ(end(ready_cdb), "6/38/07");
}

TEST_F(ThinThreshold, AHostMayChooseAnother) {
  select_threshold(0x80, 500);
  EXPECT_FALSE(available(501));
  EXPECT_TRUE(available(500));
  EXPECT_EQ(end(ready_cdb), "6/38/07");
}

TEST_F(ThinThreshold, AHostMayWantNone) {
  select_threshold(0x00, 0);
  EXPECT_FALSE(available(0));
  EXPECT_EQ(end(ready_cdb), "GOOD");
}

TEST_F(ThinThreshold, ThickUnitsHaveNone) {
  medium->geometry.thin = false;
  EXPECT_FALSE(available(0));
  EXPECT_EQ(end(ready_cdb), "GOOD");
  EXPECT_FALSE(medium->pool_level.figures().known());
}

TEST_F(ThinThreshold, AFullPoolKeepsOutWhatNeedsRoomAndNothingElse) {
  const auto refused = [this](const Cdb& cdb, const std::vector<uint8_t>& list = {}) {
    target.unit("v").fault = block::Status::no_space;
    target.unit("v").fault_in = 1;
    return end(cdb, list);
  };
  EXPECT_EQ(refused(cdb10(0x2a, 0, 1), filled(512, 1)), "7/27/07");
  EXPECT_EQ(refused(cdb10(0x41, 0, 1), filled(512, 1)), "7/27/07") << "WRITE SAME";
  EXPECT_EQ(end(cdb10(0x28, 0, 1)), "GOOD");
  EXPECT_EQ(end(cdb10(0x2a, 0, 1), filled(512, 1)), "GOOD") << "where there is room";
  const std::vector<uint8_t> unmap = {0, 22, 0, 16, 0, 0, 0, 0, 0, 0, 0, 0,
                                      0, 0,  0, 0,  0, 0, 0, 8, 0, 0, 0, 0};
  EXPECT_EQ(end({0x42, 0, 0, 0, 0, 0, 0, 0, 24, 0}, unmap), "GOOD");
}

}  // namespace
}  // namespace ashlar::scsi::test
