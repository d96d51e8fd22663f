#include "access/token.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <set>

namespace ashlar::access {
namespace {

TEST(Random, Base64UrlOfKnownBytes) {
  // RFC 4648, 10, without padding; and the two characters in which it differs from plain base64.
  const auto text_of_bytes = [](std::string_view bytes) {
    return random_text(bytes.size(), [&](Bytes out) { std::ranges::copy(bytes_of(bytes), out.begin()); });
  };
  EXPECT_EQ(text_of_bytes(""), "");
  EXPECT_EQ(text_of_bytes("f"), "Zg");
  EXPECT_EQ(text_of_bytes("fo"), "Zm8");
  EXPECT_EQ(text_of_bytes("foo"), "Zm9v");
  EXPECT_EQ(text_of_bytes("foob"), "Zm9vYg");
  EXPECT_EQ(text_of_bytes("foobar"), "Zm9vYmFy");
  EXPECT_EQ(text_of_bytes("\xff\xff\xfe"), "___-");
}

TEST(Random, FillsAllOfIt) {
  std::array<uint8_t, 1000> bytes{};
  system_random(bytes);
  std::set<uint8_t> seen(bytes.begin(), bytes.end());
  EXPECT_GT(seen.size(), 200u);  // expected: 251, with a deviation of 2
  system_random({});
}

TEST(Token, Shape) {
  const std::string token = make_token();
  ASSERT_EQ(token.size(), 50u);
  EXPECT_TRUE(token.starts_with("ashlar_"));
  const std::string_view digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  EXPECT_EQ(token.find_first_not_of(digits, 7), std::string::npos) << token;
}

TEST(Token, NoTwoAreTheSameAndNoPlaceStandsStill) {
  std::set<std::string> tokens;
  std::array<std::set<char>, 50> places;
  for (int i = 0; i < 1000; ++i) {
    const std::string token = make_token();
    tokens.insert(token);
    for (size_t at = 0; at < token.size(); ++at) places[at].insert(token[at]);
  }
  EXPECT_EQ(tokens.size(), 1000u);
  // The last character holds 4 bits, the others 6: each value comes 15 times in 1000.
  for (size_t at = 7; at + 1 < places.size(); ++at) EXPECT_GT(places[at].size(), 50u) << at;
  EXPECT_EQ(places[49].size(), 16u);
}

TEST(Token, IsMadeOfTheSource) {
  const RandomSource zeroes = [](Bytes out) { std::ranges::fill(out, uint8_t{0}); };
  EXPECT_EQ(make_token(zeroes), "ashlar_" + std::string(43, 'A'));
}

TEST(Token, HashIsSha256) {
  // FIPS 180-2, B.1
  EXPECT_EQ(hash_token("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(hash_token(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

}  // namespace
}  // namespace ashlar::access
