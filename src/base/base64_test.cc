#include "base/base64.h"

#include <gtest/gtest.h>

namespace ashlar {
namespace {

// RFC 4648 10.
TEST(Base64, VectorsOfTheStandard) {
  const std::pair<std::string_view, std::string_view> vectors[] = {
      {"f", "Zg=="},        {"fo", "Zm8="},        {"foo", "Zm9v"},
      {"foob", "Zm9vYg=="}, {"fooba", "Zm9vYmE="}, {"foobar", "Zm9vYmFy"}};
  for (const auto& [bytes, text] : vectors) {
    EXPECT_EQ(base64_of(bytes_of(bytes)), text);
    const auto back = from_base64(text);
    ASSERT_TRUE(back) << text;
    EXPECT_EQ(std::string(back->begin(), back->end()), bytes);
  }
  EXPECT_EQ(base64_of({}), "");
}

TEST(Base64, WhatIsNone) {
  for (const std::string_view text :
       {"", "Zg", "Zg=", "Z===", "====", "Zm9 ", " Zm9", "Zm8=Zm8=", "Zm-v", "Zm_v", "Zm9v\n"})
    EXPECT_FALSE(from_base64(text)) << text;
}

}  // namespace
}  // namespace ashlar
