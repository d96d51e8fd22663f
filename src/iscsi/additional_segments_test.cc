#include "iscsi/additional_segments.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace ashlar::iscsi {
namespace {

using wire::iscsi::AdditionalHeader;
using wire::iscsi::AdditionalHeaderType;

std::vector<uint8_t> segment(AdditionalHeaderType type, const std::vector<uint8_t>& content) {
  std::vector<uint8_t> out(wire::iscsi::max_additional_header_bytes);
  out.resize(encode(AdditionalHeader{type, content}, out));
  return out;
}
std::vector<uint8_t> extension(size_t bytes) {
  std::vector<uint8_t> content(bytes);
  for (size_t i = 0; i < bytes; ++i) content[i] = static_cast<uint8_t>(i + 1);
  return segment(AdditionalHeaderType::extended_cdb, content);
}
std::vector<uint8_t> joined(std::vector<uint8_t> first, const std::vector<uint8_t>& second) {
  first.insert(first.end(), second.begin(), second.end());
  return first;
}
std::string said(const std::vector<uint8_t>& bytes) {
  AdditionalSegments segments;
  const char* wrong = segments.read(bytes);
  return wrong != nullptr ? wrong : "";
}

TEST(AdditionalSegments, NoneIsWell) {
  AdditionalSegments segments;
  EXPECT_EQ(segments.read({}), nullptr);
  EXPECT_EQ(segments.cdb_bytes, 0);
  EXPECT_FALSE(segments.read_length);
}

TEST(AdditionalSegments, ExtendTheCdb) {
  for (const size_t bytes : {1, 4, 15, 16}) {
    AdditionalSegments segments;
    EXPECT_EQ(segments.read(extension(bytes)), nullptr);
    ASSERT_EQ(segments.cdb_bytes, bytes);
    for (size_t i = 0; i < 16; ++i) EXPECT_EQ(segments.cdb[i], i < bytes ? i + 1 : 0);
  }
  AdditionalSegments longer;
  EXPECT_EQ(longer.read(extension(244)), nullptr) << "a CDB of 260 bytes";
  EXPECT_EQ(longer.cdb_bytes, 16);
}

TEST(AdditionalSegments, TellTheReadLengthToo) {
  AdditionalSegments segments;
  const auto length = segment(AdditionalHeaderType::bidirectional_read_length, {0, 1, 2, 3});
  EXPECT_EQ(segments.read(joined(extension(16), length)), nullptr);
  EXPECT_EQ(segments.cdb_bytes, 16);
  EXPECT_EQ(segments.read_length, 0x00010203u);
}

TEST(AdditionalSegments, UnknownTypesArePassedOver) {
  EXPECT_EQ(said(joined(segment(static_cast<AdditionalHeaderType>(9), {1, 2, 3}), extension(16))), "");
}

TEST(AdditionalSegments, WrongOnesAreNamed) {
  EXPECT_EQ(said(joined(extension(16), extension(16))), "two extensions of the CDB");
  EXPECT_EQ(said(extension(0)), "an extension of the CDB without a byte");
  const auto length = segment(AdditionalHeaderType::bidirectional_read_length, {0, 0, 0, 1});
  EXPECT_EQ(said(joined(length, length)), "two expected read lengths");
  EXPECT_EQ(said(segment(AdditionalHeaderType::bidirectional_read_length, {0, 0, 1})),
            "an expected read length that is not of 4 bytes");
  const std::string unfit = "an additional header segment that does not fit";
  EXPECT_EQ(said({0, 0, 1, 0}), unfit) << "AHSLength zero";
  EXPECT_EQ(said({0, 18, 1, 0, 1, 2, 3, 4}), unfit) << "longer than what came";
  EXPECT_EQ(said({0xff, 0xff, 1, 0}), unfit);
  EXPECT_EQ(said(joined(extension(16), {0, 9, 1, 0})), unfit) << "after a good one";
}

}  // namespace
}  // namespace ashlar::iscsi
