#include "scsi/nexus_state.h"

#include <gtest/gtest.h>

#include "scsi/host_test.h"

namespace ashlar::scsi::test {
namespace {

const Cdb test_unit_ready = cdb6(0x00);
const Cdb read_one = cdb10(0x28, 0, 1);

class Nexus : public ScsiTest {
 protected:
  Nexus() { target.add_volume("w", 64); }
  void replace(const std::vector<TestMapping>& mappings) {
    target.shards.at(0).in_turn([&] { host->replace_view(target.view(mappings)); });
    target.shards.run();
  }
  std::string at(uint16_t lun, const Cdb& cdb = test_unit_ready) {
    return ending(*run(*host, cdb, {}, 512, lun));
  }
};

TEST_F(Nexus, ANewMappingIsToldOnAllUnits) {
  replace({{0, "v"}, {1, "w"}});
  EXPECT_EQ(at(1), "6/29/00");
  EXPECT_EQ(at(1), "6/3f/0e");
  EXPECT_EQ(at(1), "GOOD");
  EXPECT_EQ(at(0), "6/3f/0e");
  EXPECT_EQ(at(0), "GOOD");
}

TEST_F(Nexus, TheSameListIsNotTold) {
  replace({{0, "v"}});
  EXPECT_EQ(at(0), "GOOD");
  replace({{0, "v", true}});
  EXPECT_EQ(at(0), "GOOD");
  EXPECT_EQ(ending(*run(cdb10(0x2a, 0, 1), filled(512, 1))), "7/27/00")
      << "but read-only is in force at once";
}

TEST_F(Nexus, TasksOfAUnmappedUnitEndAndSayWhy) {
  replace({{0, "v"}, {1, "w"}, {2, "w"}});
  for (uint16_t lun : {0, 1, 1, 2, 2}) at(lun);
  target.unit("v").hold = target.unit("w").hold = true;
  const auto stays = start(*host, read_one, {}, 512);
  auto with_device = task(read_one, {}, 512, 1);
  target.submit(*host, *with_device);
  auto ordered = task(read_one, {}, 512, 1);
  ordered->attribute = TaskAttribute::ordered;
  target.submit(*host, *ordered);
  auto fetching = task(cdb10(0x2a, 0, 1), filled(512, 1), 0, 1);
  fetching->hold_data_out = true;
  target.submit(*host, *fetching);
  target.shards.run();
  replace({{0, "v"}, {2, "w"}});
  EXPECT_EQ(ending(*ordered), "5/25/00");
  EXPECT_EQ(ending(*fetching), "5/25/00");
  EXPECT_EQ(ending(*with_device), "pending");
  EXPECT_EQ(host->tasks_in_flight(), 2u);
  EXPECT_EQ(at(1), "5/25/00");
  target.release("w");
  EXPECT_EQ(ending(*with_device), "5/25/00");
  target.release("v");
  EXPECT_EQ(ending(*stays), "GOOD");
  target.unit("v").hold = target.unit("w").hold = false;
  EXPECT_EQ(at(2), "6/3f/0e");
}

TEST_F(Nexus, AnotherVolumeUnderTheSameLunIsAnotherUnit) {
  replace({{0, "w"}});
  EXPECT_EQ(at(0), "6/29/00");
  EXPECT_EQ(at(0), "6/3f/0e");
  EXPECT_EQ(load_be32(data(cdb10(0x25, 0, 0)).data()), 63u);
}

TEST_F(Nexus, CloseWaitsForTheDeviceAndAnswersNobody) {
  NexusState& closing = login();
  target.unit("v").hold = true;
  const auto with_device = start(closing, read_one, {}, 512);
  auto fetching = task(cdb10(0x2a, 0, 1), filled(512, 1));
  fetching->hold_data_out = true;
  target.submit(closing, *fetching);
  auto nowhere = task(test_unit_ready, {}, 0, 77);
  target.submit(closing, *nowhere);
  const auto reset = target.manage(closing, TaskManagement::logical_unit_reset, 0);
  int closed = 0;
  target.shards.at(0).in_turn([&] { closing.close([&] { ++closed; }); });
  target.shards.run();
  EXPECT_EQ(closed, 0);
  EXPECT_EQ(ending(*fetching), "aborted");
  EXPECT_EQ(ending(*nowhere), "aborted");
  target.release("v");
  EXPECT_EQ(ending(*with_device), "aborted");
  EXPECT_TRUE(reset->has_value());
  EXPECT_EQ(closed, 1);
  auto late = task(test_unit_ready);
  target.submit(closing, *late);
  target.shards.run();
  EXPECT_EQ(ending(*late), "aborted");
  target.unit("v").hold = false;
  std::erase_if(target.nexuses, [&](const auto& nexus) { return nexus.get() == &closing; });
}

TEST_F(Nexus, CloseOfAnIdleNexusIsTold) {
  NexusState& idle = login();
  int closed = 0;
  target.shards.at(0).in_turn([&] {
    idle.close([&] { ++closed; });
    EXPECT_EQ(closed, 0) << "from the ready list";
  });
  target.shards.run();
  EXPECT_EQ(closed, 1);
  std::erase_if(target.nexuses, [&](const auto& nexus) { return nexus.get() == &idle; });
}

}  // namespace
}  // namespace ashlar::scsi::test
