#include "engine/state_folder.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "engine/unit_records.h"
#include "engine/volume_keys.h"
#include "loop/real_loop_testing.h"

namespace ashlar::engine {
namespace {

class StateFolder : public testing::Test {
 protected:
  StateFolder() : path_(fmt::format("{}/ashlar_state_folder_{}", testing::TempDir(), getpid())) {}
  ~StateFolder() override { std::filesystem::remove_all(path_); }
  std::string path_;
};

loop::Task<void> keep_all(std::string folder) {
  UnitRecords records(folder, "boot");
  VolumeKeys keys(folder);
  const Uuid unit{1};
  const auto none = std::make_shared<const unit::Reservations>();
  auto reservations = records.keep(unit, none);
  EXPECT_TRUE(co_await reservations);
  auto parameters = records.keep_mode_parameters(unit, "write_cache=1");
  EXPECT_TRUE(co_await parameters);
  auto rewrite = records.keep_rewrite(unit, "sanitize_failed");
  EXPECT_TRUE(co_await rewrite);
  auto information = records.keep_identifying_information(unit, "device=61 text=");
  EXPECT_TRUE(co_await information);
  auto key = keys.renew(unit);
  EXPECT_TRUE(co_await key);
}

TEST_F(StateFolder, HasRoomForEveryKindOfRecord) {
  ASSERT_TRUE(make_state_folder(path_));
  ASSERT_TRUE(make_state_folder(path_)) << "it is there already";
  loop::test::run_story(loop::test::small_shards(), [this](loop::RealShards&) { return keep_all(path_); });
}

TEST_F(StateFolder, SaysWhatCannotBeMade) {
  std::ofstream(path_) << "a file";
  const Result<void> made = make_state_folder(path_);
  ASSERT_FALSE(made);
  EXPECT_TRUE(made.error().place.starts_with(path_)) << made.error().text();
}

}  // namespace
}  // namespace ashlar::engine
