#include "unit/pool_level.h"

#include <gtest/gtest.h>

namespace ashlar::unit {
namespace {

PoolFigures with(uint64_t available) { return {.size_bytes = 1000, .available_bytes = available}; }

TEST(PoolLevel, TellsOnceForEachCrossing) {
  PoolLevel level;
  EXPECT_FALSE(level.figures().known());
  EXPECT_FALSE(level.take(with(300), 200));
  EXPECT_TRUE(level.take(with(200), 200)) << "reached when it is equal";
  EXPECT_FALSE(level.take(with(100), 200));
  EXPECT_FALSE(level.take(with(210), 200)) << "within the two percent of grace";
  EXPECT_FALSE(level.take(with(190), 200));
  EXPECT_FALSE(level.take(with(221), 200));
  EXPECT_TRUE(level.take(with(150), 200));
  EXPECT_EQ(level.figures(), with(150));
}

TEST(PoolLevel, AUnitThatOpensOverAFullPoolIsToldAtOnce) {
  PoolLevel level;
  EXPECT_TRUE(level.take(with(0), 200));
}

TEST(PoolLevel, WithoutAThresholdOrAPoolNothingIsTold) {
  PoolLevel level;
  EXPECT_FALSE(level.take(with(0), 0));
  EXPECT_FALSE(level.take({}, 200));
  EXPECT_TRUE(level.take(with(0), 200));
}

}  // namespace
}  // namespace ashlar::unit
