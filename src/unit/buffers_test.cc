#include "unit/buffers.h"

#include <gtest/gtest.h>

#include <vector>

namespace ashlar::unit {
namespace {

std::vector<uint8_t> contents(const Buffer& buffer) {
  std::vector<uint8_t> out(buffer.size());
  buffer.copy_out(0, out);
  return out;
}

class Buffers : public testing::Test {
 protected:
  BufferPool pool{BufferPool::Sizes{.small = 4, .medium = 8, .large = 2}};
  Buffer left, right;
};

TEST_F(Buffers, CompareAcrossPieces) {
  ASSERT_TRUE(pool.allocate(left, 200000));  // one large piece
  ASSERT_TRUE(pool.allocate(right, 32768));
  left.fill_zero(0, 200000);
  right.fill_zero(0, 32768);
  EXPECT_EQ(equal_bytes(left, 100, right, 0, 32768), 32768u);
  const uint8_t one = 1;
  left.copy_in(32767 + 100, {&one, 1});
  EXPECT_EQ(equal_bytes(left, 100, right, 0, 32768), 32767u);
  EXPECT_EQ(equal_bytes(left, 0, right, 0, 0), 0u);
  EXPECT_FALSE(is_zero(left, 40000));
  EXPECT_TRUE(is_zero(left, 32867));
}

TEST_F(Buffers, RepeatsABlock) {
  ASSERT_TRUE(pool.allocate(left, 32768 * 2));
  ASSERT_TRUE(pool.allocate(right, 512));
  std::vector<uint8_t> pattern(512);
  for (size_t i = 0; i < pattern.size(); ++i) pattern[i] = static_cast<uint8_t>(i * 7);
  right.copy_in(0, pattern);
  repeat_block(left, right, 512);
  const std::vector<uint8_t> all = contents(left);
  for (size_t i = 0; i < all.size(); ++i) ASSERT_EQ(all[i], pattern[i % 512]) << i;
}

TEST_F(Buffers, Combines) {
  ASSERT_TRUE(pool.allocate(left, 1024));
  ASSERT_TRUE(pool.allocate(right, 1024));
  left.copy_in(0, std::vector<uint8_t>(1024, 0x0f));
  right.copy_in(0, std::vector<uint8_t>(1024, 0x30));
  or_bytes(left, 512, right, 0, 512);
  EXPECT_EQ(contents(left)[511], 0x0f);
  EXPECT_EQ(contents(left)[512], 0x3f);
}

}  // namespace
}  // namespace ashlar::unit
