#include "wire/iscsi_text.h"

#include <gtest/gtest.h>

#include <string>

namespace ashlar::wire::iscsi {
namespace {

using namespace std::string_literals;

ErrorCode code_of(const Result<TextPairs>& result) { return result ? ErrorCode{} : result.error().code; }

TEST(IscsiText, PairsInOrder) {
  const std::string text = "InitiatorName=iqn.2026-11.io.ashlar:h\0SessionType=Normal\0A=b=c\0Empty=\0"s;
  const auto pairs = parse_text(text);
  ASSERT_TRUE(pairs);
  const TextPairs expected = {
      {"InitiatorName", "iqn.2026-11.io.ashlar:h"}, {"SessionType", "Normal"}, {"A", "b=c"}, {"Empty", ""}};
  EXPECT_EQ(*pairs, expected);
  ASSERT_NE(find_value(*pairs, "A"), nullptr);
  EXPECT_EQ(*find_value(*pairs, "A"), "b=c");
  EXPECT_EQ(find_value(*pairs, "a"), nullptr);
}

TEST(IscsiText, EmptyAndPadding) {
  EXPECT_TRUE(parse_text("")->empty());
  EXPECT_TRUE(parse_text("\0\0\0"s)->empty());
  EXPECT_EQ(parse_text("A=1\0\0\0B=2\0"s)->size(), 2u);
}

TEST(IscsiText, Malformed) {
  for (const std::string& text :
       {"A=1"s, "A\0"s, "=1\0"s, "A=1\0B=2"s, "A b=1\0"s, "\x01=1\0"s, "\xc3\xa9=1\0"s}) {
    EXPECT_EQ(code_of(parse_text(text)), ErrorCode::protocol_error) << text;
  }
}

TEST(IscsiText, ValuesAreUtf8WithoutControls) {
  for (const std::string& good :
       {"A=\xc3\xa9\0"s, "A=\xe2\x82\xac\0"s, "A=\xf0\x9f\x98\x80\0"s, "A=\xef\xbf\xbd\0"s, "A= ~\0"s}) {
    EXPECT_TRUE(parse_text(good)) << good;
  }
  const auto bad = {"A=\n\0"s,
                    "A=\x1b[2J\0"s,
                    "A=\x7f\0"s,
                    "A=\x80\0"s,
                    "A=\xc0\x80\0"s,
                    "A=\xc3\0"s,
                    "A=\xe0\x80\x80\0"s,
                    "A=\xed\xa0\x80\0"s,
                    "A=\xf0\x80\x80\x80\0"s,
                    "A=\xf4\x90\x80\x80\0"s,
                    "A=\xf5\x80\x80\x80\0"s,
                    "A=\xe2\x82\0"s};
  for (const std::string& text : bad) {
    const auto parsed = parse_text(text);
    ASSERT_FALSE(parsed);
    EXPECT_EQ(parsed.error().place, "A");
  }
}

TEST(IscsiText, Bounds) {
  const std::string longest_key(max_text_key_bytes, 'K');
  EXPECT_TRUE(parse_text(longest_key + "=1\0"s));
  EXPECT_FALSE(parse_text("K" + longest_key + "=1\0"s));
  const std::string longest_value(max_text_value_bytes, 'v');
  EXPECT_TRUE(parse_text("A=" + longest_value + "\0"s));
  EXPECT_EQ(code_of(parse_text("A=v" + longest_value + "\0"s)), ErrorCode::exhausted);
  std::string many;
  for (size_t i = 0; i < max_text_pairs; ++i) many += "K" + std::to_string(i) + "=1\0"s;
  EXPECT_EQ(parse_text(many)->size(), max_text_pairs);
  EXPECT_EQ(code_of(parse_text(many + "More=1\0"s)), ErrorCode::exhausted);
  EXPECT_EQ(code_of(parse_text(std::string(max_text_bytes + 1, '\0'))), ErrorCode::exhausted);
}

// A key of any length must come back as an error or a pair, never as a crash (CVE-2013-2850 was an echo of a long key).
TEST(IscsiText, EveryKeyLength) {
  for (size_t length = 0; length <= 4096; ++length) {
    const auto parsed = parse_text(std::string(length, 'k') + "=v\0"s);
    EXPECT_EQ(parsed.has_value(), length >= 1 && length <= max_text_key_bytes) << length;
  }
}

TEST(IscsiText, WriterWritesWhatTheParserReads) {
  TextWriter writer;
  writer.add("MaxBurstLength", uint64_t{262144});
  writer.add("InitialR2T", false);
  writer.add("ImmediateData", true);
  writer.add("HeaderDigest", "None");
  writer.append("X=y\0"s);
  EXPECT_EQ(writer.text(),
            "MaxBurstLength=262144\0InitialR2T=No\0ImmediateData=Yes\0HeaderDigest=None\0X=y\0"s);
  EXPECT_EQ(parse_text(writer.text())->size(), 5u);
}

TEST(IscsiText, Lists) {
  EXPECT_EQ(*parse_list("K", "CRC32C,None"), (std::vector<std::string_view>{"CRC32C", "None"}));
  EXPECT_EQ(parse_list("K", "None")->size(), 1u);
  for (const char* bad : {"", ",", "a,", ",a", "a,,b"}) EXPECT_FALSE(parse_list("K", bad)) << bad;
  std::string many = "x";
  for (size_t i = 1; i < max_text_list_items; ++i) many += ",x";
  EXPECT_EQ(parse_list("K", many)->size(), max_text_list_items);
  EXPECT_FALSE(parse_list("K", many + ",x"));
}

TEST(IscsiText, Numbers) {
  EXPECT_EQ(*parse_number("K", "0"), 0u);
  EXPECT_EQ(*parse_number("K", "262144"), 262144u);
  EXPECT_EQ(*parse_number("K", "0x1F"), 31u);
  EXPECT_EQ(*parse_number("K", "0X1f"), 31u);
  EXPECT_EQ(*parse_number("K", "0x00ff"), 255u);
  EXPECT_EQ(*parse_number("K", "18446744073709551615"), UINT64_MAX);
  for (const char* bad :
       {"", "-1", "+1", " 1", "1 ", "01", "1a", "0x", "0xg", "0x-1", "18446744073709551616", "1~2", "Yes"}) {
    EXPECT_FALSE(parse_number("K", bad)) << bad;
  }
}

TEST(IscsiText, Booleans) {
  EXPECT_TRUE(*parse_boolean("K", "Yes"));
  EXPECT_FALSE(*parse_boolean("K", "No"));
  for (const char* bad : {"", "yes", "YES", "1", "Yes "}) EXPECT_FALSE(parse_boolean("K", bad)) << bad;
}

TEST(IscsiText, BinaryValues) {
  const std::vector<uint8_t> bytes = {0x00, 0x01, 0xfe, 0xff};
  EXPECT_EQ(*parse_binary("K", "0x0001feFF", 4), bytes);
  EXPECT_EQ(*parse_binary("K", "0X0001feff", 4), bytes);
  EXPECT_EQ(*parse_binary("K", "0bAAH+/w==", 4), bytes);
  EXPECT_EQ(*parse_binary("K", "0BAAH+/w", 4), bytes);
  EXPECT_EQ(binary_as_hex(bytes), "0x0001feff");
  EXPECT_EQ(binary_as_base64(bytes), "0bAAH+/w==");
  for (const char* bad : {"", "0x", "0b", "0b=", "0b==", "0bA", "0bAAAAA", "0x1", "0x0g", "0x0x12", "0bAA!=",
                          "0bA=A=", "12345678", "0x0001feff00", "0bAAH+/wA=", "0bAA=====", "x0001"}) {
    EXPECT_FALSE(parse_binary("K", bad, 4)) << bad;
  }
}

TEST(IscsiText, BinaryOfEverySizeRoundTripsAndIsBounded) {
  for (size_t size = 1; size <= 80; ++size) {
    std::vector<uint8_t> bytes(size);
    for (size_t i = 0; i < size; ++i) bytes[i] = static_cast<uint8_t>(i * 37 + size);
    EXPECT_EQ(*parse_binary("K", binary_as_hex(bytes), size), bytes);
    EXPECT_EQ(*parse_binary("K", binary_as_base64(bytes), size), bytes);
    if (size > 1) {
      EXPECT_FALSE(parse_binary("K", binary_as_hex(bytes), size - 1));
      EXPECT_FALSE(parse_binary("K", binary_as_base64(bytes), size - 1));
    }
  }
}

TEST(IscsiText, ShortenedKeepsWholeCodePoints) {
  EXPECT_EQ(shortened("abc", 3), "abc");
  EXPECT_EQ(shortened("abcd", 3), "abc");
  EXPECT_EQ(shortened("ab\xe2\x82\xac", 4), "ab");
  EXPECT_EQ(shortened("ab\xe2\x82\xac", 5), "ab\xe2\x82\xac");
}

TEST(IscsiText, AnswerOnlyWords) {
  for (const char* word : {"Reject", "Irrelevant", "NotUnderstood"}) EXPECT_TRUE(is_text_answer_only(word));
  EXPECT_FALSE(is_text_answer_only("None"));
}

}  // namespace
}  // namespace ashlar::wire::iscsi
