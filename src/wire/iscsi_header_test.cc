#include "wire/iscsi_header.h"

#include <gtest/gtest.h>

#include <vector>

namespace ashlar::wire::iscsi {
namespace {

TEST(AdditionalHeaders, ExtendedCdbAndReadLength) {
  // AHSLength counts the reserved byte: 16 more CDB bytes are 17, a read length is 5 (RFC 7143 11.2.2.3, 11.2.2.4).
  const std::vector<uint8_t> bytes = {0,  17, 1,  0,  1,  2,  3, 4, 5, 6, 7, 8, 9, 10,
                                      11, 12, 13, 14, 15, 16, 0, 5, 2, 0, 0, 0, 2, 0};
  AdditionalHeaders headers(bytes);
  AdditionalHeader header;
  ASSERT_TRUE(headers.next(header));
  EXPECT_EQ(header.type, AdditionalHeaderType::extended_cdb);
  ASSERT_EQ(header.content.size(), 16u);
  EXPECT_EQ(header.content[15], 16);
  EXPECT_EQ(header.read_length(), 0u);
  ASSERT_TRUE(headers.next(header));
  EXPECT_EQ(header.type, AdditionalHeaderType::bidirectional_read_length);
  EXPECT_EQ(header.read_length(), 512u);
  EXPECT_FALSE(headers.next(header));
  EXPECT_FALSE(headers.malformed());
}

TEST(AdditionalHeaders, EncodedIsWhatTheRfcDraws) {
  std::array<uint8_t, 16> out;
  const std::vector<uint8_t> content = {9, 8};
  ASSERT_EQ(encode({AdditionalHeaderType::extended_cdb, content}, out), 8u);
  const std::vector<uint8_t> expected = {0, 3, 1, 0, 9, 8, 0, 0};
  EXPECT_EQ(std::vector<uint8_t>(out.begin(), out.begin() + 8), expected);
  EXPECT_EQ(encode({AdditionalHeaderType::extended_cdb, content}, Bytes(out).first(7)), 0u);
  const std::vector<uint8_t> huge(max_additional_header_bytes);
  std::vector<uint8_t> room(2048);
  EXPECT_EQ(encode({AdditionalHeaderType::extended_cdb, huge}, room), 0u);
}

TEST(AdditionalHeaders, MalformedOnesStop) {
  const std::vector<std::vector<uint8_t>> bad = {
      {0}, {0, 5}, {0, 0, 1, 0}, {0, 5, 2, 0}, {0xff, 0xff, 1, 0}, {0, 5, 2, 0, 0, 0, 2},
  };
  for (const auto& bytes : bad) {
    AdditionalHeaders headers(bytes);
    AdditionalHeader header;
    EXPECT_FALSE(headers.next(header));
    EXPECT_TRUE(headers.malformed());
    EXPECT_FALSE(headers.next(header));
  }
}

TEST(AdditionalHeaders, EveryTruncationIsSafe) {
  const std::vector<uint8_t> whole = {0, 6, 1, 0, 1, 2, 3, 4, 5, 0, 0, 0, 0, 5, 2, 0, 0, 0, 2, 0};
  for (size_t size = 0; size <= whole.size(); ++size) {
    const std::vector<uint8_t> bytes(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size));
    AdditionalHeaders headers(bytes);
    AdditionalHeader header;
    int count = 0;
    while (headers.next(header)) ++count;
    EXPECT_EQ(count, size < 9 ? 0 : size < 20 ? 1 : 2) << size;
  }
}

}  // namespace
}  // namespace ashlar::wire::iscsi
