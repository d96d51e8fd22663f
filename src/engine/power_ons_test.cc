#include "engine/power_ons.h"

#include <gtest/gtest.h>

#include "engine/record_file.h"
#include "loop/sim_test.h"

namespace ashlar::engine {
namespace {

constexpr char path[] = "/srv/power-ons";

loop::Task<Result<void>> spoil(std::string text) {
  auto writing = write_record(path, std::move(text));
  co_return co_await writing;
}

class PowerOnsTest : public testing::Test {
 protected:
  nvme::PowerOns start(uint64_t at) {
    return loop::run_story(process.loop(0), count_power_on, std::string(path), at);
  }
  loop::SimWorld world{1};
  loop::SimProcess& process = world.add_process("array", 1, loop::small_pools);
};

TEST_F(PowerOnsTest, EachStartIsOneMore) {
  EXPECT_EQ(start(10), (nvme::PowerOns{1, {10}}));
  EXPECT_EQ(start(20), (nvme::PowerOns{2, {10, 20}}));
  for (uint64_t i = 0; i < 2 * most_power_ons; ++i) start(100 + i);
  const nvme::PowerOns last = start(999);
  EXPECT_EQ(last.count, 3 + 2 * most_power_ons);
  EXPECT_EQ(last.milliseconds.size(), most_power_ons);
  EXPECT_EQ(last.milliseconds.back(), 999u);
}

TEST_F(PowerOnsTest, WhatCannotBeUnderstoodBeginsAnew) {
  for (const char* text :
       {"?", "{}", R"({"count":1,"milliseconds":[1,2]})", R"({"count":-1,"milliseconds":[]})"}) {
    EXPECT_FALSE(parse_power_ons(text)) << text;
    ASSERT_TRUE(loop::run_story(process.loop(0), spoil, std::string(text)));
    EXPECT_EQ(start(5), (nvme::PowerOns{1, {5}})) << text;
  }
}

}  // namespace
}  // namespace ashlar::engine
