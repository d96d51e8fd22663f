#include "base/bytes.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <array>
#include <vector>

namespace ashlar {
namespace {

constexpr std::array<uint8_t, 10> counting = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10};

TEST(Endian, LoadsAndStoresBothWays) {
  EXPECT_EQ(load_be16(counting.data()), 0x0102);
  EXPECT_EQ(load_be24(counting.data()), 0x010203u);
  EXPECT_EQ(load_be32(counting.data()), 0x01020304u);
  EXPECT_EQ(load_be64(counting.data()), 0x0102030405060708u);
  EXPECT_EQ(load_le16(counting.data()), 0x0201);
  EXPECT_EQ(load_le32(counting.data()), 0x04030201u);
  EXPECT_EQ(load_le64(counting.data()), 0x0807060504030201u);
  std::array<uint8_t, 8> bytes{};
  store_be16(bytes.data(), 0xfedc);
  EXPECT_EQ(load_be16(bytes.data()), 0xfedc);
  store_be24(bytes.data(), 0xfedcba);
  EXPECT_EQ(load_be24(bytes.data()), 0xfedcbau);
  store_be32(bytes.data(), 0xfedcba98);
  EXPECT_EQ(load_be32(bytes.data()), 0xfedcba98u);
  store_be64(bytes.data(), 0xfedcba9876543210);
  EXPECT_EQ(load_be64(bytes.data()), 0xfedcba9876543210u);
  store_le32(bytes.data(), 0x01020304);
  EXPECT_EQ(bytes[0], 4);
  store_le64(bytes.data(), 0x0102030405060708);
  EXPECT_EQ(bytes[0], 8);
  EXPECT_EQ(bytes[7], 1);
}

TEST(Endian, HighBitsDoNotSpreadTheirSign) {
  const std::array<uint8_t, 8> ones = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
  EXPECT_EQ(load_be16(ones.data()), 0xffff);
  EXPECT_EQ(load_be24(ones.data()), 0xffffffu);
  EXPECT_EQ(load_le16(ones.data()), 0xffff);
}

TEST(Reader, ReadsFieldsOneAfterAnother) {
  Reader reader(counting);
  EXPECT_EQ(reader.u8(), 1);
  EXPECT_EQ(reader.u16(), 0x0203);
  EXPECT_EQ(reader.u24(), 0x040506u);
  EXPECT_EQ(reader.u32(), 0x0708090au);
  EXPECT_TRUE(reader.ok());
  EXPECT_EQ(reader.remaining(), 0u);
  Reader whole(ConstBytes(counting).first(8));
  EXPECT_EQ(whole.u64(), 0x0102030405060708u);
}

TEST(Reader, PastTheEndGivesZeroesAndRemembers) {
  Reader reader(ConstBytes(counting).first(3));
  EXPECT_EQ(reader.u16(), 0x0102);
  EXPECT_EQ(reader.u32(), 0u) << "a field that is half there is not there";
  EXPECT_FALSE(reader.ok());
  EXPECT_EQ(reader.remaining(), 0u);
  EXPECT_EQ(reader.u8(), 0);
  EXPECT_TRUE(reader.take(0).empty());
  EXPECT_FALSE(reader.ok()) << "for ever";
}

TEST(Reader, TakesAndSkips) {
  Reader reader(counting);
  reader.skip(2);
  EXPECT_EQ(reader.take(3)[0], 3);
  EXPECT_EQ(reader.position(), 5u);
  EXPECT_EQ(reader.take(SIZE_MAX).size(), 0u) << "no sum overflows";
  EXPECT_FALSE(reader.ok());
  Reader empty({});
  EXPECT_TRUE(empty.take(0).empty());
  EXPECT_TRUE(empty.ok());
}

TEST(Writer, DropsWhatDoesNotFit) {
  std::array<uint8_t, 4> bytes = {9, 9, 9, 9};
  Writer writer(bytes);
  writer.u24(0x010203);
  writer.u16(0xffff);
  EXPECT_FALSE(writer.ok());
  EXPECT_EQ(writer.size(), 3u);
  EXPECT_EQ(bytes[3], 9) << "not half written";
  writer.bytes(counting);
  writer.zeroes(SIZE_MAX);
  EXPECT_EQ(bytes[3], 9);
  writer.u8(7);
  EXPECT_EQ(bytes[3], 7);
  EXPECT_FALSE(writer.ok());
}

TEST(Writer, WritesTextAndZeroes) {
  std::array<uint8_t, 12> bytes;
  bytes.fill(9);
  Writer writer(bytes);
  writer.padded("ASHLAR", 8);
  writer.padded("cut short", 3);
  writer.zeroes(1);
  EXPECT_TRUE(writer.ok());
  EXPECT_EQ(text_of(writer.written()), std::string_view("ASHLAR  cut\0", 12));
  Writer nothing({});
  nothing.bytes({});
  nothing.zeroes(0);
  EXPECT_TRUE(nothing.ok());
}

RC_GTEST_PROP(ReaderAndWriter, AreInverse,
              (uint8_t a, uint16_t b, uint32_t c, uint64_t d, std::vector<uint8_t> tail)) {
  std::vector<uint8_t> memory(1 + 2 + 4 + 8 + 3 + tail.size());
  Writer writer(memory);
  writer.u8(a);
  writer.u16(b);
  writer.u24(c & 0xffffff);
  writer.u32(c);
  writer.u64(d);
  writer.bytes(tail);
  RC_ASSERT(writer.ok());
  Reader reader(memory);
  RC_ASSERT(reader.u8() == a);
  RC_ASSERT(reader.u16() == b);
  RC_ASSERT(reader.u24() == (c & 0xffffff));
  RC_ASSERT(reader.u32() == c);
  RC_ASSERT(reader.u64() == d);
  const ConstBytes rest = reader.take(tail.size());
  RC_ASSERT(std::vector<uint8_t>(rest.begin(), rest.end()) == tail);
  RC_ASSERT(reader.ok() && reader.remaining() == 0);
}

}  // namespace
}  // namespace ashlar
