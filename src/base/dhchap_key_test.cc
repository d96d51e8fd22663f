#include "base/dhchap_key.h"

#include <gtest/gtest.h>

#include <numeric>

namespace ashlar {
namespace {

std::vector<uint8_t> counted(size_t bytes) {
  std::vector<uint8_t> made(bytes);
  std::iota(made.begin(), made.end(), uint8_t{0});
  return made;
}

// Made by another implementation (Python's zlib and base64).
const char* const keys[] = {
    "DHHC-1:00:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh+KfiaR:",
    "DHHC-1:02:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gISIjJCUmJygpKissLS4vcSEgBQ==:",
    "DHHC-1:03:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gISIjJCUmJygpKissLS4vMDEyMzQ1Njc4OTo7PD0+P4zODhA=:"};

TEST(DhchapKey, ThreeLengths) {
  const DhchapKey expected[] = {
      {std::nullopt, counted(32)}, {DhchapHash::sha384, counted(48)}, {DhchapHash::sha512, counted(64)}};
  for (size_t i = 0; i < std::size(keys); ++i) {
    const auto key = parse_dhchap_key(keys[i], "k");
    ASSERT_TRUE(key) << keys[i] << key.error().text();
    EXPECT_EQ(*key, expected[i]);
    EXPECT_EQ(print_dhchap_key(*key), keys[i]);
  }
  // The hash that binds it and its length are two things (nvme gen-dhchap-key --hmac=3 --key-length=32).
  EXPECT_TRUE(parse_dhchap_key("DHHC-1:03:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh+KfiaR:", "k"));
}

TEST(DhchapKey, ErrorsSayWhatIsWrongAndNothingOfTheKey) {
  const std::pair<std::string, std::string> wrong[] = {
      {"", "begins with"},
      {"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh+KfiaR", "begins with"},
      {"DHHC-1:", "00, 01, 02 or 03"},
      {"DHHC-1:04:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh+KfiaR:", "00, 01, 02 or 03"},
      {"DHHC-1:0:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh+KfiaR:", "00, 01, 02 or 03"},
      {"DHHC-1:00:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh+KfiaR", "ends with a colon"},
      {"DHHC-1:00::", "base64"},
      {"DHHC-1:00:", "base64"},
      {"DHHC-1:00:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh-KfiaR:", "base64"},
      {"DHHC-1:00:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh+Kfia:", "base64"},
      {"DHHC-1:00:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh+Kfi=R:", "base64"},
      {"DHHC-1:00:" + std::string(96, 'A') + ":", "base64"},
      {"DHHC-1:00:AAAA:", "0 bytes"},
      {"DHHC-1:00:" + std::string(44, 'A') + ":", "29 bytes"},
      {"DHHC-1:00:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh+KfiaQ:", "check value"},
      {"DHHC-1:00:BAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh+KfiaR:", "check value"}};
  for (const auto& [text, why] : wrong) {
    const auto key = parse_dhchap_key(text, "hosts/web1/dhchap/key");
    ASSERT_FALSE(key) << text;
    EXPECT_EQ(key.error().place, "hosts/web1/dhchap/key");
    EXPECT_NE(key.error().message.find(why), std::string::npos) << text << ": " << key.error().message;
    EXPECT_EQ(key.error().message.find("AAECAwQF"), std::string::npos);
  }
}

TEST(DhchapKey, Names) {
  for (const DhchapHash hash : all_dhchap_hashes) EXPECT_EQ(parse_dhchap_hash(name_of(hash), "p"), hash);
  for (const DhchapGroup group : all_dhchap_groups) EXPECT_EQ(parse_dhchap_group(name_of(group), "p"), group);
  EXPECT_EQ(name_of(DhchapGroup::ffdhe3072), "ffdhe3072");
  // A host may say any number. NOLINTNEXTLINE(clang-analyzer-optin.core.EnumCastOutOfRange)
  EXPECT_EQ(name_of(DhchapHash{9}), "9");
  EXPECT_EQ(parse_dhchap_hash("md5", "h").error().place, "h");
  EXPECT_EQ(parse_dhchap_group("ffdhe1024", "g").error().place, "g");
  for (const DhchapGroup group : usual_dhchap_groups) EXPECT_NE(group, DhchapGroup::null);
}

TEST(DhchapKey, ListsOfNames) {
  EXPECT_EQ(parse_dhchap_hashes({}, "h")->size(), 3u);
  EXPECT_EQ(parse_dhchap_groups({}, "g")->front(), DhchapGroup::ffdhe3072);
  EXPECT_EQ(*parse_dhchap_groups({"null", "ffdhe2048"}, "g"),
            (std::vector{DhchapGroup::null, DhchapGroup::ffdhe2048}));
  EXPECT_EQ(parse_dhchap_groups({"null", "null"}, "g").error().place, "g[1]");
  EXPECT_EQ(parse_dhchap_hashes({"sha-256", "sha256"}, "h").error().place, "h[1]");
}

}  // namespace
}  // namespace ashlar
