#include "scsi/saved_mode_pages.h"

#include <gtest/gtest.h>

#include "scsi/mode_test.h"

namespace ashlar::scsi::test {
namespace {

/// Somebody keeps the pages.
class SavedMode : protected WithKeeper, public ModeTest {
 protected:
  SavedMode() : ModeTest(&keeper) {}
  std::string saves(const std::vector<uint8_t>& page) {
    return ending(*select6(joined({{0, 0, 0, 0}, page}), 0x11));
  }
  FakeMedium& recall(const std::string& text) {
    FakeMedium& other = target.add_volume("w", 64);
    target.shards.at(0).in_turn([&] {
      target.domains[0]->recall("w", target.unit("w"), {.reservations = {}, .mode_parameters = text});
    });
    return other;
  }
};

TEST_F(SavedMode, PagesThatAHostMayChangeSayThatTheyCanBeSaved) {
  EXPECT_EQ(page(0x08)[0], 0x88);
  EXPECT_EQ(page(0x0a)[0], 0x8a);
  EXPECT_EQ(data(sense6(0x1c, 0x02))[4], 0xdc);
  EXPECT_EQ(page(0x01)[0], 0x01);
}

TEST_F(SavedMode, SavedValuesSurviveAResetAndNothingElseDoes) {
  const std::vector<uint8_t> wanted = with(with(control, 2, 0x24), 5, 0x00);
  EXPECT_EQ(saves(wanted), "GOOD");
  EXPECT_EQ(sets(with(wanted, 4, 0x08)), "GOOD") << "current alone";
  EXPECT_EQ(
      decode_mode_parameters(keeper.mode_parameters.at(medium->identity.uuid), "v")->task_aborted_status,
      false);
  EXPECT_EQ(page(0xc0 | 0x0a), with(wanted, 0, 0x8a));
  EXPECT_EQ(page(0x80 | 0x0a), with(control, 0, 0x8a));
  target.manage(*host, TaskManagement::logical_unit_reset, 0);
  target.shards.run();
  EXPECT_EQ(end(cdb6(0x00)), "6/29/03");
  EXPECT_EQ(page(0x0a), with(wanted, 0, 0x8a));
}

TEST_F(SavedMode, WithoutASavedPageTheSavedValuesAreTheDefaults) {
  EXPECT_EQ(sets(with(control, 2, 0x04)), "GOOD");
  EXPECT_EQ(page(0xc0 | 0x0a), with(control, 0, 0x8a));
}

TEST_F(SavedMode, TheNextLifeBeginsWithThem) {
  FakeMedium& other =
      recall("write_cache=1 descriptor_sense=1 separate_task_sets=1 threshold_sets=7 threshold_enabled=0");
  host = &login({{0, "w"}});
  EXPECT_TRUE(other.geometry.write_cache);
  EXPECT_EQ(page(0x0a), (std::vector<uint8_t>{0x8a, 10, 0x24, 0x10, 0, 0x40, 0, 0, 0xff, 0xff, 0, 0}));
  const std::vector<uint8_t> sensed = data(sense6(0x1c, 0x02));
  EXPECT_EQ(std::vector<uint8_t>(sensed.begin() + 4, sensed.end()), with(thresholds(7, 0), 0, 0xdc));
  login({{0, "w"}});
  EXPECT_EQ(sets(with(caching, 2, 0)), "GOOD");
  login({{0, "w"}});
  EXPECT_FALSE(other.geometry.write_cache) << "they are put in force once, not with each host";
}

TEST_F(SavedMode, TheAdministratorsWriteCacheTakesThePlaceOfASavedOne) {
  EXPECT_EQ(saves(with(caching, 2, 0x04)), "GOOD");
  keeper.refuse = true;
  EXPECT_FALSE(configure_write_cache(false)) << "the next start would undo it";
  EXPECT_TRUE(medium->geometry.write_cache);
  EXPECT_EQ(end(cdb6(0x00)), "GOOD") << "nothing to tell";
  keeper.refuse = false;
  EXPECT_TRUE(configure_write_cache(false));
  EXPECT_FALSE(medium->geometry.write_cache);
  EXPECT_FALSE(decode_mode_parameters(keeper.mode_parameters.at(medium->identity.uuid), "v")->write_cache);
  EXPECT_EQ(end(cdb6(0x00)), "6/2a/01");
  reset();
  EXPECT_FALSE(medium->geometry.write_cache);
}

TEST_F(SavedMode, WhatCannotBeKeptIsNotChanged) {
  keeper.refuse = true;
  EXPECT_EQ(saves(with(control, 2, 0x04)), "4/44/00");
  EXPECT_EQ(page(0x0a), with(control, 0, 0x8a));
  EXPECT_TRUE(keeper.mode_parameters.empty());
}

TEST_F(SavedMode, WhatIsKeptAndWrongIsLeftAside) {
  recall("descriptor_sense=2");
  host = &login({{0, "w"}});
  EXPECT_EQ(page(0x0a), with(control, 0, 0x8a));
}

TEST(ModeParametersText, ComesBackAsItWas) {
  ModeParameters parameters;
  for (int bits = 0; bits < 64; ++bits) {
    parameters.write_cache = (bits & 1) != 0;
    parameters.descriptor_sense = (bits & 2) != 0;
    parameters.software_write_protect = (bits & 4) != 0;
    parameters.separate_task_sets = (bits & 8) != 0;
    parameters.task_aborted_status = (bits & 16) != 0;
    parameters.attention_interlock =
        (bits & 32) != 0 ? AttentionInterlock::kept_busy : AttentionInterlock::kept;
    parameters.threshold_enabled = (bits & 3) != 0;
    parameters.threshold_sets = (bits & 1) != 0 ? std::nullopt : std::optional<uint32_t>(UINT32_MAX);
    const auto back = decode_mode_parameters(encode_mode_parameters(parameters), "v");
    ASSERT_TRUE(back.has_value());
    EXPECT_EQ(*back, parameters);
  }
}

TEST(ModeParametersText, RefusesWhatIsNoParameter) {
  for (const char* text : {"colour=1", "write_cache", "write_cache=", "write_cache=x", "write_cache=2",
                           "attention_interlock=1", "threshold_sets=4294967296", "write_cache=1  swp=0"}) {
    const auto parameters = decode_mode_parameters(text, "volume v");
    ASSERT_FALSE(parameters.has_value()) << text;
    EXPECT_EQ(parameters.error().place, "volume v");
  }
  EXPECT_EQ(*decode_mode_parameters("", "v"), ModeParameters{});
}

}  // namespace
}  // namespace ashlar::scsi::test
