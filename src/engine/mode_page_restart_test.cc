// What hosts saved of mode pages is there for the engine's next life.
#include <gmock/gmock.h>

#include "engine/restart_world_test.h"
#include "engine/unit_records.h"

namespace ashlar::engine {
namespace {

constexpr uint8_t task_aborted_status = 0x40;  // byte 5 of page 0Ah

class ModePageRestart : public RestartTest {
 protected:
  initiator::Answer ask(initiator::Cdb cdb, ConstBytes out, Bytes in) {
    return with(demo_host, [&](initiator::BlockUnit& unit) { return unit.execute(cdb, out, in); });
  }
  /// MODE SELECT(6) of the control page, with SP or without.
  uint8_t select(uint8_t byte5, bool save) {
    const std::vector<uint8_t> list = {0, 0, 0, 0, 0x0a, 10, 0, 0x10, 0, byte5, 0, 0, 0xff, 0xff, 0, 0};
    return ask({0x15, static_cast<uint8_t>(save ? 0x11 : 0x10), 0, 0, 16, 0}, list, {}).status;
  }
  uint8_t sensed() {
    std::vector<uint8_t> page(16);
    EXPECT_EQ(ask({0x1a, 0x08, 0x0a, 0, 16, 0}, {}, page).status, 0);
    return page[4 + 5];
  }
};

TEST_F(ModePageRestart, WhatWasSavedOutlivesTheEngineAndTheRestDoesNot) {
  EXPECT_EQ(select(0, false), 0);
  EXPECT_EQ(sensed(), 0);
  restart();
  EXPECT_EQ(sensed(), task_aborted_status);
  EXPECT_EQ(select(0, true), 0);
  restart();
  EXPECT_EQ(sensed(), 0);
  EXPECT_EQ(select(task_aborted_status, false), 0);
  EXPECT_EQ(sensed(), task_aborted_status);
  restart();
  EXPECT_EQ(sensed(), 0);
}

TEST_F(ModePageRestart, IdentifyingInformationOutlivesTheEngine) {
  const std::vector<uint8_t> words = {'r', 'a', 'c', 'k', ' ', '7'};
  EXPECT_EQ(ask({0xa4, 0x06, 0, 0, 0, 0, 0, 0, 0, 6, 0, 0}, words, {}).status, 0);
  restart();
  std::vector<uint8_t> told(10);
  EXPECT_EQ(ask({0xa3, 0x05, 0, 0, 0, 0, 0, 0, 0, 10, 0, 0}, {}, told).status, 0);
  EXPECT_EQ(std::vector<uint8_t>(told.begin() + 4, told.end()), words);
}

TEST_F(ModePageRestart, RecordsOfManyAreWrittenInTurn) {
  UnitRecords records("/srv", "boot");
  const Uuid unit = {7};
  EXPECT_EQ(world.run([&] { return records.recall(unit); }).mode_parameters, "");
  for (const char* text : {"write_cache=1", "write_cache=0"}) {
    EXPECT_TRUE(world.run([&] { return records.keep_mode_parameters(unit, text); }));
    EXPECT_EQ(world.run([&] { return records.recall(unit); }).mode_parameters, text);
  }
  EXPECT_EQ(world.run([&] { return records.recall({8}); }).mode_parameters, "") << "each unit has its own";
}

}  // namespace
}  // namespace ashlar::engine
