#include "base/buffer_pool.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <deque>
#include <numeric>
#include <set>
#include <vector>

namespace ashlar {
namespace {

constexpr uint32_t kib = 1024;

uint64_t bytes_in(std::span<const iovec> parts) {
  return std::accumulate(parts.begin(), parts.end(), uint64_t{0},
                         [](uint64_t sum, const iovec& part) { return sum + part.iov_len; });
}

std::vector<uint8_t> counting(size_t size) {
  std::vector<uint8_t> bytes(size);
  for (size_t i = 0; i < size; ++i) bytes[i] = static_cast<uint8_t>(i * 7 + i / 256);
  return bytes;
}

TEST(BufferPool, GivesAlignedPiecesOfTheFittingClass) {
  BufferPool pool({.small = 4, .medium = 4, .large = 64});
  struct Case {
    uint32_t bytes;
    size_t pieces;
  };
  for (const Case& c : {Case{1, 1},
                        {4096, 1},
                        {4097, 1},
                        {32 * kib, 1},
                        {32 * kib + 1, 1},
                        {256 * kib, 1},
                        {256 * kib + 1, 2},
                        {1024 * kib, 4},
                        {16384 * kib, 64}}) {
    Buffer buffer;
    ASSERT_TRUE(pool.allocate(buffer, c.bytes)) << c.bytes;
    EXPECT_EQ(buffer.size(), c.bytes);
    EXPECT_EQ(buffer.segments().size(), c.pieces) << c.bytes;
    EXPECT_EQ(bytes_in(buffer.segments()), c.bytes);
    for (const iovec& part : buffer.segments())
      EXPECT_EQ(reinterpret_cast<uintptr_t>(part.iov_base) % 4096, 0u);
    EXPECT_EQ(pool.in_use(), c.pieces);
  }
  EXPECT_EQ(pool.in_use(), 0u);
}

TEST(BufferPool, AClassThatRanDryIsHelpedByTheNextLarger) {
  BufferPool pool({.small = 1, .medium = 1, .large = 1});
  std::deque<Buffer> buffers(4);
  for (size_t i = 0; i < 3; ++i) EXPECT_TRUE(pool.allocate(buffers[i], 4096));
  EXPECT_FALSE(pool.allocate(buffers[3], 4096)) << "all are out";
  EXPECT_TRUE(buffers[3].empty());
  EXPECT_EQ(pool.in_use(), 3u);
  buffers[0].release();
  EXPECT_FALSE(pool.allocate(buffers[3], 4097)) << "large requests never fall to smaller pieces";
  EXPECT_TRUE(pool.allocate(buffers[3], 4096));
}

TEST(BufferPool, TakesNothingWhenItCannotGiveAll) {
  BufferPool pool({.small = 1, .medium = 1, .large = 3});
  Buffer buffer;
  EXPECT_FALSE(pool.allocate(buffer, 4 * 256 * kib));
  EXPECT_EQ(pool.in_use(), 0u);
  EXPECT_TRUE(pool.allocate(buffer, 3 * 256 * kib));
}

TEST(BufferPool, GivesNoPieceTwice) {
  BufferPool pool({.small = 16, .medium = 4, .large = 2});
  std::set<const void*> seen;
  std::deque<Buffer> buffers(22);
  for (Buffer& buffer : buffers) {
    ASSERT_TRUE(pool.allocate(buffer, 100));
    EXPECT_TRUE(seen.insert(buffer.segments()[0].iov_base).second);
  }
}

TEST(BufferPoolDeathTest, MisuseStops) {
  EXPECT_DEATH(
      {
        BufferPool pool({.small = 1, .medium = 1, .large = 1});
        Buffer buffer;
        (void)pool.allocate(buffer, 0);
      },
      "bytes 0");
  EXPECT_DEATH(
      {
        BufferPool pool({.small = 2, .medium = 1, .large = 1});
        Buffer buffer;
        (void)pool.allocate(buffer, 1);
        (void)pool.allocate(buffer, 1);
      },
      "CHECK failed");
  EXPECT_DEATH(
      {
        Buffer buffer;
        BufferPool pool({.small = 1, .medium = 1, .large = 1});
        (void)pool.allocate(buffer, 1);
      },
      "still in use");
}

TEST(Buffer, ShrinksAndKeepsWhatItOwns) {
  BufferPool pool({.small = 1, .medium = 1, .large = 4});
  Buffer buffer;
  ASSERT_TRUE(pool.allocate(buffer, 1024 * kib));
  buffer.shrink(256 * kib + 10);
  EXPECT_EQ(buffer.size(), 256 * kib + 10);
  EXPECT_EQ(buffer.segments().size(), 2u);
  EXPECT_EQ(bytes_in(buffer.segments()), 256 * kib + 10);
  buffer.shrink(256 * kib);
  EXPECT_EQ(buffer.segments().size(), 1u);
  EXPECT_EQ(pool.in_use(), 4u);
  buffer.shrink(0);
  EXPECT_TRUE(buffer.empty());
  EXPECT_TRUE(buffer.segments().empty());
  EXPECT_EQ(pool.in_use(), 4u);
  buffer.release();
  EXPECT_EQ(pool.in_use(), 0u);
  EXPECT_TRUE(pool.allocate(buffer, 1024 * kib)) << "usable again";
}

TEST(Buffer, SlicesStopAtTheRoomGiven) {
  BufferPool pool({.small = 1, .medium = 1, .large = 4});
  Buffer buffer;
  ASSERT_TRUE(pool.allocate(buffer, 1024 * kib));
  std::array<iovec, 2> out;
  EXPECT_EQ(buffer.slice(100, 1000 * kib, out), 2u);
  EXPECT_EQ(bytes_in(out), 512 * kib - 100);
  EXPECT_EQ(buffer.slice(5, 0, out), 0u);
  EXPECT_EQ(buffer.slice(1024 * kib, 0, out), 0u);
}

TEST(BufferDeathTest, SlicesPastTheEndStop) {
  BufferPool pool({.small = 1, .medium = 1, .large = 1});
  Buffer buffer;
  ASSERT_TRUE(pool.allocate(buffer, 100));
  std::array<iovec, 2> out;
  EXPECT_DEATH(buffer.slice(50, 51, out), "slice 50\\+51 of 100");
  EXPECT_DEATH(buffer.slice(UINT32_MAX, UINT32_MAX, out), "slice");
  EXPECT_DEATH(buffer.shrink(101), "CHECK failed");
}

RC_GTEST_PROP(Buffer, DoesAsAPlainArrayDoes,
              (uint32_t size_seed, uint32_t offset_seed, uint32_t length_seed)) {
  BufferPool pool({.small = 2, .medium = 2, .large = 4});
  const uint32_t size = 1 + size_seed % (1024 * kib);
  const uint32_t offset = offset_seed % size;
  const uint32_t length = length_seed % (size - offset + 1);
  Buffer buffer;
  RC_ASSERT(pool.allocate(buffer, size));
  std::vector<uint8_t> model(size, 0);
  buffer.fill_zero(0, size);
  const std::vector<uint8_t> source = counting(length);
  buffer.copy_in(offset, source);
  std::copy(source.begin(), source.end(), model.begin() + offset);
  const uint32_t zeroed = length / 3;
  buffer.fill_zero(offset + zeroed, zeroed);
  std::fill_n(model.begin() + offset + zeroed, zeroed, uint8_t{0});
  std::vector<uint8_t> all(size);
  buffer.copy_out(0, all);
  RC_ASSERT(all == model);
  std::array<iovec, Buffer::max_segments> parts;
  const size_t count = buffer.slice(offset, length, parts);
  RC_ASSERT(bytes_in(std::span(parts).first(count)) == length);
}

}  // namespace
}  // namespace ashlar
