#include "sim/checker.h"

#include <gtest/gtest.h>

#include <array>

namespace ashlar::simulation {
namespace {

// One volume of 16 sectors, two sessions, and the words of a test.
class CheckerTest : public testing::Test {
 protected:
  CheckerTest() {
    volume = checker.add_volume(16);
    first = checker.open_session();
    second = checker.open_session();
  }
  uint32_t begin(uint64_t sector, uint32_t count = 1, bool durable = true, uint32_t session = 0) {
    Checker::WriteSpec spec;
    spec.first_sector = sector;
    spec.sectors = count;
    spec.durable = durable;
    spec.session = session;
    return checker.invoke_write(spec);
  }
  uint32_t write(uint64_t sector, bool durable = true) {
    const uint32_t number = begin(sector, 1, durable);
    checker.write_good(number);
    return number;
  }
  uint32_t zeroes(uint64_t sector, Checker::Content content = Checker::Content::zeroes) {
    Checker::WriteSpec spec;
    spec.first_sector = sector;
    spec.sectors = 1;
    spec.content = content;
    spec.durable = true;
    const uint32_t number = checker.invoke_write(spec);
    checker.write_good(number);
    return number;
  }
  /// Ends `read` as having seen `write` (0: zeroes) in `sector`; true if that is legal.
  bool ended(uint64_t read, uint64_t sector, uint32_t write) {
    std::array<uint8_t, sector_bytes> bytes{};
    if (write != 0) put_stamp(checker.stamp_of(write, sector), bytes);
    return !checker.read_returned(read, volume, sector, bytes).has_value();
  }
  bool sees(uint64_t sector, uint32_t write) { return ended(checker.invoke_read(volume), sector, write); }
  void flush() { checker.flush_good(checker.invoke_flush(volume)); }
  void lose_power() {
    checker.fence_all();
    checker.power_lost();
  }
  Checker checker;
  uint32_t volume = 0, first = 0, second = 0;
};

TEST_F(CheckerTest, TheLastAcknowledgedWriteAlone) {
  EXPECT_TRUE(sees(3, 0));
  const uint32_t a = write(3);
  const uint32_t b = write(3);
  EXPECT_TRUE(sees(3, b));
  EXPECT_FALSE(sees(3, a));
  EXPECT_FALSE(sees(3, 0));
  EXPECT_TRUE(sees(4, 0));
}

TEST_F(CheckerTest, AConcurrentWriteMayOrMayNotBeSeen) {
  const uint32_t a = write(3);
  const uint32_t b = begin(3);
  EXPECT_TRUE(sees(3, a));
  EXPECT_TRUE(sees(3, b));
  EXPECT_FALSE(sees(3, a));  // once seen, it has happened
  checker.write_good(b);
  EXPECT_TRUE(sees(3, b));
}

TEST_F(CheckerTest, AReadThatBeganBeforeMaySeeTheOlder) {
  const uint32_t a = write(3);
  const uint64_t early = checker.invoke_read(volume);
  const uint32_t b = write(3);
  const uint64_t late = checker.invoke_read(volume);
  EXPECT_TRUE(ended(early, 3, a));
  EXPECT_FALSE(ended(late, 3, a));
  EXPECT_TRUE(sees(3, b));
}

// Two concurrent writes: what the first reader saw to be last, stays last.
TEST_F(CheckerTest, ReadersAgreeOnTheOrderOfConcurrentWrites) {
  const uint32_t a = begin(3);
  const uint32_t b = begin(3);
  checker.write_good(a);
  checker.write_good(b);
  EXPECT_TRUE(sees(3, a));
  EXPECT_FALSE(sees(3, b));
}

TEST_F(CheckerTest, WhatWasRejectedOrIsOfAnotherPlaceIsNeverSeen) {
  const uint32_t a = begin(3);
  checker.write_rejected(a);
  EXPECT_FALSE(sees(3, a));
  const uint32_t b = write(4);
  std::array<uint8_t, sector_bytes> bytes{};
  put_stamp(checker.stamp_of(b, 4), bytes);
  EXPECT_TRUE(checker.read_returned(checker.invoke_read(volume), volume, 5, bytes).has_value());
  bytes[100] ^= 1;
  EXPECT_TRUE(checker.read_returned(checker.invoke_read(volume), volume, 4, bytes).has_value());
}

TEST_F(CheckerTest, AFailedWriteIsOverWhenItsAnswerComes) {
  const uint32_t a = begin(3);
  checker.write_failed(a);
  EXPECT_TRUE(sees(3, 0));
  EXPECT_FALSE(sees(3, a));  // it did not happen, then
  const uint32_t other = begin(4);
  checker.write_failed(other);
  EXPECT_TRUE(sees(4, other));
  const uint32_t b = begin(5);
  checker.write_failed(b);
  const uint32_t c = write(5);
  EXPECT_FALSE(sees(5, b));
  EXPECT_TRUE(sees(5, c));
}

TEST_F(CheckerTest, AnUnknownWriteMayLandLateUntilItsSessionIsFenced) {
  const uint32_t a = begin(3);
  checker.write_unknown(a);
  const uint32_t b = write(3);
  EXPECT_TRUE(sees(3, b));
  EXPECT_TRUE(sees(3, a));
  EXPECT_FALSE(sees(3, b));
  const uint32_t c = begin(4);
  checker.write_unknown(c);
  checker.fence_session(first);
  const uint32_t d = write(4);
  EXPECT_TRUE(sees(4, d));
  EXPECT_FALSE(sees(4, c));
}

TEST_F(CheckerTest, AnUnknownWriteAfterTheFenceIsOverSinceTheFence) {
  const uint32_t a = begin(3, 1, true, second);
  checker.fence_session(second);
  const uint32_t b = write(3);
  checker.write_unknown(a);
  EXPECT_FALSE(sees(3, a));
  EXPECT_TRUE(sees(3, b));
}

TEST_F(CheckerTest, AWriteOfSeveralSectorsTearsBetweenThem) {
  const uint32_t a = begin(0, 4);
  checker.write_good(a);
  const uint32_t b = begin(0, 4);
  checker.write_failed(b);
  EXPECT_TRUE(sees(0, b));
  EXPECT_TRUE(sees(1, a));
  EXPECT_FALSE(sees(0, a));
}

TEST_F(CheckerTest, ZeroesOfEveryKind) {
  const uint32_t a = write(3);
  zeroes(3);
  EXPECT_TRUE(sees(3, 0));
  EXPECT_FALSE(sees(3, a));
  const uint32_t b = write(3);
  EXPECT_FALSE(sees(3, 0));
  zeroes(3, Checker::Content::unmap);
  EXPECT_FALSE(sees(3, b));
  EXPECT_TRUE(sees(3, 0));
}

TEST_F(CheckerTest, WriteSameRepeatsItsFirstBlock) {
  Checker::WriteSpec spec;
  spec.first_sector = 8;
  spec.sectors = 4;
  spec.content = Checker::Content::same;
  spec.same_period = 2;
  const uint32_t a = checker.invoke_write(spec);
  checker.write_good(a);
  EXPECT_EQ(checker.stamp_of(a, 11).sector, 9u);
  EXPECT_TRUE(sees(11, a));
}

TEST_F(CheckerTest, PowerLossKeepsWhatWasDurable) {
  const uint32_t a = write(3, false);
  flush();
  const uint32_t b = write(4);
  lose_power();
  EXPECT_FALSE(sees(3, 0));
  EXPECT_TRUE(sees(3, a));
  EXPECT_FALSE(sees(4, 0));
  EXPECT_TRUE(sees(4, b));
}

TEST_F(CheckerTest, PowerLossMayTakeWhatWasNotAndThenItStaysGone) {
  const uint32_t a = write(3, false);
  flush();
  const uint32_t b = write(3, false);
  const uint32_t c = write(3, false);
  EXPECT_TRUE(sees(3, c));
  lose_power();
  EXPECT_TRUE(sees(3, a));
  EXPECT_FALSE(sees(3, b));
  EXPECT_FALSE(sees(3, c));
}

TEST_F(CheckerTest, WhatSurvivedAPowerLossIsDurable) {
  const uint32_t a = write(3, false);
  lose_power();
  EXPECT_TRUE(sees(3, a));
  lose_power();
  EXPECT_FALSE(sees(3, 0));
}

TEST_F(CheckerTest, AFlushCoversOnlyWhatWasAnsweredBeforeIt) {
  const uint32_t a = begin(3, 1, false);
  const uint64_t flushing = checker.invoke_flush(volume);
  checker.write_good(a);
  checker.flush_good(flushing);
  lose_power();
  EXPECT_TRUE(sees(3, 0));
}

TEST_F(CheckerTest, AFailedFlushLeavesDoubtThatTheNextDoesNotClear) {
  write(3, false);
  checker.flush_failed(checker.invoke_flush(volume));
  flush();
  lose_power();
  EXPECT_TRUE(sees(3, 0));
}

TEST_F(CheckerTest, AnAnswerThatWasUnderWayAtThePowerLossStillCounts) {
  const uint32_t a = begin(3);
  const uint32_t b = begin(4, 1, false);
  lose_power();
  checker.write_good(a);
  checker.write_good(b);
  EXPECT_FALSE(sees(3, 0));
  EXPECT_TRUE(sees(3, a));
  EXPECT_TRUE(sees(4, 0));
  EXPECT_FALSE(sees(4, b));
}

TEST_F(CheckerTest, DurableBeatsOlderUndurableAtAPowerLoss) {
  const uint32_t a = write(3, false);
  const uint32_t b = write(3, true);
  lose_power();
  EXPECT_FALSE(sees(3, a));
  EXPECT_TRUE(sees(3, b));
}

TEST_F(CheckerTest, OneCompareAndWriteWins) {
  const uint32_t a = write(3);
  std::array<uint8_t, sector_bytes> expected{};
  put_stamp(checker.stamp_of(a, 3), expected);
  const uint64_t read_of_b = checker.invoke_read(volume);
  const uint32_t b = begin(3);
  const uint64_t read_of_c = checker.invoke_read(volume);
  const uint32_t c = begin(3);
  EXPECT_FALSE(checker.compare_and_write_good(read_of_b, b, expected).has_value());
  EXPECT_FALSE(sees(3, a));
  EXPECT_TRUE(checker.compare_and_write_good(read_of_c, c, expected).has_value());
}

TEST_F(CheckerTest, WhatACompareAndWriteReplacedMayBeBackAfterAPowerLoss) {
  const uint32_t a = write(3, true);
  std::array<uint8_t, sector_bytes> expected{};
  put_stamp(checker.stamp_of(a, 3), expected);
  const uint64_t read = checker.invoke_read(volume);
  const uint32_t b = begin(3, 1, false);
  lose_power();
  EXPECT_FALSE(checker.compare_and_write_good(read, b, expected).has_value()) << "its answer was under way";
  EXPECT_TRUE(sees(3, a));
}

TEST_F(CheckerTest, WhatADurableCompareAndWriteReplacedIsGone) {
  const uint32_t a = write(3, true);
  std::array<uint8_t, sector_bytes> expected{};
  put_stamp(checker.stamp_of(a, 3), expected);
  const uint64_t read = checker.invoke_read(volume);
  const uint32_t b = begin(3, 1, true);
  lose_power();
  EXPECT_FALSE(checker.compare_and_write_good(read, b, expected).has_value()) << "its answer was under way";
  EXPECT_FALSE(sees(3, a)) << "it was on stable storage before it was answered";
  EXPECT_TRUE(sees(3, b));
}

TEST_F(CheckerTest, GrownSpaceReadsAsZeroes) {
  checker.grow_volume(volume, 32);
  EXPECT_TRUE(sees(31, 0));
  const uint32_t a = write(31);
  EXPECT_TRUE(sees(31, a));
}

}  // namespace
}  // namespace ashlar::simulation
