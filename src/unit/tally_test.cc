#include "unit/tally.h"

#include <gtest/gtest.h>

#include <thread>

namespace ashlar::unit {
namespace {

TEST(UnitTally, SumsOverShardsAndSinceTheReset) {
  UnitTally tally(3);
  tally.on(0).add(Count::read_bytes, 512);
  tally.on(2).add(Count::read_bytes, 1024);
  tally.on(2).add(Count::write_commands, 1);
  EXPECT_EQ(tally.sum(TallyReader::statistics, Count::read_bytes), 1536u);
  EXPECT_EQ(tally.sum(TallyReader::statistics, Count::write_commands), 1u);
  EXPECT_EQ(tally.sum(TallyReader::statistics, Count::verify_errors), 0u);
  tally.reset(TallyReader::statistics, Count::read_bytes);
  EXPECT_EQ(tally.sum(TallyReader::statistics, Count::read_bytes), 0u);
  EXPECT_EQ(tally.sum(TallyReader::statistics, Count::write_commands), 1u) << "only what was named";
  EXPECT_EQ(tally.sum(TallyReader::errors, Count::read_bytes), 1536u) << "and only for who asked";
  tally.on(1).add(Count::read_bytes, 7);
  EXPECT_EQ(tally.sum(TallyReader::statistics, Count::read_bytes), 7u);
}

TEST(UnitTally, LosesNothingWhileOthersReadAndReset) {
  UnitTally tally(2);
  constexpr uint64_t rounds = 20000;
  const auto count = [&tally](uint32_t shard) {
    for (uint64_t i = 0; i < rounds; ++i) tally.on(shard).add(Count::read_commands, 1);
  };
  std::thread first(count, 0);
  std::thread second(count, 1);
  for (int i = 0; i < 1000; ++i) {
    tally.reset(TallyReader::statistics, Count::write_commands);
    EXPECT_LE(tally.sum(TallyReader::statistics, Count::read_commands), 2 * rounds);
  }
  first.join();
  second.join();
  EXPECT_EQ(tally.sum(TallyReader::statistics, Count::read_commands), 2 * rounds);
}

}  // namespace
}  // namespace ashlar::unit
