#include "json/sizes.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace ashlar::json {
namespace {

TEST(Sizes, AcceptedForms) {
  const std::pair<const char*, uint64_t> table[] = {
      {"0", 0},
      {"4096", 4096},
      {"10GiB", 10ull << 30},
      {"512 MiB", 512ull << 20},
      {" 1 KiB ", 1024},
      {"7B", 7},
      {"1TiB", 1ull << 40},
      {"3PiB", 3ull << 50},
      {"10GB", 10'000'000'000},
      {"5kB", 5000},
      {"18446744073709551615", UINT64_MAX},
  };
  for (const auto& [text, bytes] : table) {
    const auto parsed = parse_size(text, "size");
    ASSERT_TRUE(parsed) << text << ": " << parsed.error().text();
    EXPECT_EQ(*parsed, bytes) << text;
  }
}

TEST(Sizes, RefusedFormsSayWhy) {
  const std::tuple<const char*, ErrorCode, const char*> table[] = {
      {"", ErrorCode::invalid_argument, "not a size"},
      {"ten", ErrorCode::invalid_argument, "not a size"},
      {"-1", ErrorCode::invalid_argument, "not a size"},
      {"1.5GiB", ErrorCode::invalid_argument, "whole numbers"},
      {"10G", ErrorCode::invalid_argument, "unit 'G' is not known"},
      {"10gib", ErrorCode::invalid_argument, "unit 'gib' is not known"},
      {"18446744073709551616", ErrorCode::out_of_range, "64 bits"},
      {"16384PiB", ErrorCode::out_of_range, "64 bits"},
  };
  for (const auto& [text, code, words] : table) {
    const auto parsed = parse_size(text, "volumes[0].size_bytes");
    ASSERT_FALSE(parsed) << text;
    EXPECT_EQ(parsed.error().code, code) << text;
    EXPECT_EQ(parsed.error().place, "volumes[0].size_bytes");
    EXPECT_NE(parsed.error().message.find(words), std::string::npos) << parsed.error().text();
  }
}

TEST(Sizes, Printed) {
  EXPECT_EQ(print_size(0), "0 B");
  EXPECT_EQ(print_size(513), "513 B");
  EXPECT_EQ(print_size(1ull << 30), "1 GiB");
  EXPECT_EQ(print_size(1536ull << 20), "1536 MiB");
  EXPECT_EQ(print_size_rounded(1536ull << 20), "1.5 GiB");
  EXPECT_EQ(print_size_rounded(1ull << 40), "1 TiB");
  EXPECT_EQ(print_size_rounded((200ull << 20) + 4096), "200 MiB");
}

RC_GTEST_PROP(SizesProperty, PrintedSizesParseToThemselves, (uint64_t bytes, uint8_t zeroes)) {
  bytes = bytes >> (zeroes % 64) << (zeroes % 64);
  const auto parsed = parse_size(print_size(bytes), "");
  RC_ASSERT(parsed.has_value());
  RC_ASSERT(*parsed == bytes);
}

}  // namespace
}  // namespace ashlar::json
