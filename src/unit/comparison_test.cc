#include "unit/comparison.h"

#include <gtest/gtest.h>

#include "unit/clearing.h"

namespace ashlar::unit {
namespace {

struct Filled {
  Filled(BufferPool& pool, uint32_t bytes) {
    EXPECT_TRUE(pool.allocate(buffer, bytes));
    std::vector<uint8_t> content(bytes);
    for (uint32_t i = 0; i < bytes; ++i) content[i] = static_cast<uint8_t>(i % 512 / 3);
    buffer.copy_in(0, content);
  }
  void put(uint32_t at, uint8_t byte) { buffer.copy_in(at, {&byte, 1}); }
  Buffer buffer;
};

TEST(Comparison, OfData) {
  BufferPool pool;
  const Filled data(pool, 12288);
  Filled read(pool, 4096);
  EXPECT_EQ(find_difference(read.buffer, 8192, Expected::data, data.buffer, 512), std::nullopt);
  read.put(4095, 0xee);
  EXPECT_EQ(find_difference(read.buffer, 8192, Expected::data, data.buffer, 512), 12287u);
  read.put(7, 0xee);
  EXPECT_EQ(find_difference(read.buffer, 8192, Expected::data, data.buffer, 512), 8199u)
      << "of the range, not of the piece";
  EXPECT_EQ(find_difference(read.buffer, 8192, Expected::anything, data.buffer, 512), std::nullopt);
}

TEST(Comparison, OfOneBlockThatIsRepeated) {
  BufferPool pool;
  const Filled data(pool, 512);
  Filled read(pool, 8192);
  EXPECT_EQ(find_difference(read.buffer, 8192, Expected::one_block, data.buffer, 512), std::nullopt);
  read.put(8000, 0xee);
  EXPECT_EQ(find_difference(read.buffer, 8192, Expected::one_block, data.buffer, 512), 8000u % 512)
      << "within the block";
}

TEST(Comparison, ScratchIsNoLargerThanAPiece) {
  BufferPool pool;
  Buffer small, large;
  ASSERT_TRUE(take_scratch(pool, 512, small));
  EXPECT_EQ(small.size(), 512u);
  ASSERT_TRUE(take_scratch(pool, 1ull << 40, large));
  EXPECT_EQ(large.size(), chunk_bytes);
}

// What every protocol checks a range with.
TEST(Comparison, RangesThatAMediumHolds) {
  Geometry geometry;
  geometry.size_bytes = 100 * 512;
  EXPECT_TRUE(geometry.holds(0, 100));
  EXPECT_TRUE(geometry.holds(99, 1));
  EXPECT_TRUE(geometry.holds(100, 0));
  EXPECT_FALSE(geometry.holds(100, 1));
  EXPECT_FALSE(geometry.holds(101, 0));
  EXPECT_FALSE(geometry.holds(UINT64_MAX, 1));
  EXPECT_FALSE(geometry.holds(1, UINT64_MAX));
  EXPECT_FALSE(geometry.holds(UINT64_MAX, UINT64_MAX));
}

TEST(Comparison, PiecesThatADeviceClears) {
  EXPECT_EQ(clearing_piece_bytes({.max_discard_bytes = 10000}, 4096), 8192u);
  EXPECT_EQ(clearing_piece_bytes({.max_discard_bytes = 100}, 512), 512u) << "at least a block";
}

}  // namespace
}  // namespace ashlar::unit
