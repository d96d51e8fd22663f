#include "access/password.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

namespace ashlar::access {
namespace {

constexpr std::string_view good = "copper lantern over the fjord";

TEST(Password, ComesBack) {
  const Result<std::string> hash = hash_password(good);
  ASSERT_TRUE(hash) << hash.error().text();
  EXPECT_TRUE(hash->starts_with("$argon2id$v=19$m=19456,t=2,p=1$")) << *hash;
  EXPECT_TRUE(verify_password(good, *hash));
  EXPECT_FALSE(verify_password("Copper lantern over the fjord", *hash));
  EXPECT_FALSE(verify_password(std::string(good) + std::string(1, '\0'), *hash));
  EXPECT_FALSE(verify_password("", *hash));
  EXPECT_FALSE(verify_password(std::string(max_password_bytes + 1, 'a'), *hash));
}

TEST(Password, EveryHashHasItsSalt) { EXPECT_NE(*hash_password(good), *hash_password(good)); }

TEST(Password, TheSaltIsOfTheSource) {
  const RandomSource zeroes = [](Bytes out) { std::ranges::fill(out, uint8_t{0}); };
  const Result<std::string> hash = hash_password(good, zeroes);
  ASSERT_TRUE(hash);
  EXPECT_TRUE(hash->starts_with("$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$")) << *hash;
  EXPECT_EQ(*hash_password(good, zeroes), *hash);
}

TEST(Password, AnyBytes) {
  std::string bytes;
  for (int i = 0; i < 256; ++i) bytes += static_cast<char>(i);
  const Result<std::string> hash = hash_password(bytes);
  ASSERT_TRUE(hash);
  EXPECT_TRUE(verify_password(bytes, *hash));
  EXPECT_FALSE(verify_password(std::string_view(bytes).substr(0, 255), *hash));
}

TEST(Password, BoundsOfHashing) {
  EXPECT_FALSE(hash_password(""));
  EXPECT_FALSE(hash_password(std::string(max_password_bytes + 1, 'a')));
  const Result<std::string> longest = hash_password(std::string(max_password_bytes, 'a'));
  ASSERT_TRUE(longest);
  EXPECT_TRUE(verify_password(std::string(max_password_bytes, 'a'), *longest));
}

TEST(Password, HashesOfOtherCostAreTakenWithinBounds) {
  // The reference implementation's own test: argon2id, m=256 KiB, t=2, p=1, password "password", salt "somesalt".
  EXPECT_TRUE(verify_password(
      "password", "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4"));
}

TEST(Password, MalformedHashesFitNothing) {
  const std::string hash = *hash_password(good);
  std::vector<std::string> broken = {"",
                                     "x",
                                     "$",
                                     "$argon2id$",
                                     "$argon2id$v=19$m=19456,t=2,p=1$",
                                     "$argon2id$v=19$m=19456,t=2,p=1$$",
                                     "secret:1",
                                     std::string(5000, '$')};
  for (const size_t cut : {1u, 10u, 40u, 60u}) broken.push_back(hash.substr(0, hash.size() - cut));
  broken.push_back(hash + "A");
  broken.push_back(hash + "$");
  broken.push_back(hash.substr(1));
  broken.push_back("$argon2i$" + hash.substr(10));
  for (const auto& [from, to] :
       {std::pair{"m=19456", "m=4294967295"}, std::pair{"m=19456", "m=19456x"}, std::pair{"m=19456", "m=-1"},
        std::pair{"m=19456", "m=0"}, std::pair{"m=19456", "m=99999999999999"}, std::pair{"t=2", "t=0"},
        std::pair{"t=2", "t=1000000"}, std::pair{"p=1", "p=0"}, std::pair{"p=1", "p=16777215"},
        std::pair{"v=19", "v=16"}}) {
    std::string changed = hash;
    changed.replace(changed.find(from), std::string_view(from).size(), to);
    broken.push_back(changed);
  }
  for (const std::string& each : broken) EXPECT_FALSE(verify_password(good, each)) << each;
}

TEST(Password, ToPretendTakesAnyPassword) {
  pretend_to_verify(good);
  pretend_to_verify("");
  pretend_to_verify(std::string(5000, 'a'));
}

TEST(PasswordRules, GoodOnesPass) {
  for (const std::string_view password :
       {good, std::string_view("correct horse battery staple"), std::string_view("xK9#vQ2!mR7z"),
        std::string_view("839201748362"),
        std::string_view("\xc3\xa4\xc3\xb6\xc3\xbc\xc3\x9f quer \xc3\xbc"
                         "ber"),
        std::string_view("alice wants a copper kettle"), std::string_view("Passwort fuer den Keller")}) {
    const Result<void> checked = check_password(password, "alice", "password");
    EXPECT_TRUE(checked) << password << ": " << checked.error().text();
  }
}

TEST(PasswordRules, ShortOnesDoNot) {
  for (const std::string_view password : {"", "xK9#vQ2!mR7", "\xc3\xa4\xc3\xb6\xc3\xbc\xc3\x9f quer"}) {
    const Result<void> checked = check_password(password, "alice", "users/alice/password");
    ASSERT_FALSE(checked) << password;
    EXPECT_EQ(checked.error().code, ErrorCode::invalid_argument);
    EXPECT_EQ(checked.error().place, "users/alice/password");
    EXPECT_EQ(checked.error().message.find("xK9"), std::string::npos)
        << "an error must not tell the password";
  }
}

TEST(PasswordRules, EasyOnesDoNot) {
  for (const std::string_view password :
       {"aaaaaaaaaaaa",  "abababababab",     "abcabcabcabcabc",  "abcdefghijkl",  "ABCDEFGHIJKLM",
        "123456789012",  "987654321098",     "aaabbbcccddd",     "password1234",  "Password12345",
        "P@ssw0rd1234",  "p455w0rdp455w0rd", "passwordpassword", "qwertyuiop123", "QWERTYqwerty1",
        "1qaz2wsx3edc",  "iloveyou1234",     "letmeinletmein",   "adminadmin123", "Administrator1",
        "Welcome12345!", "Summer2024!!!",    "changemechangeme", "            ",  "ashlarashlar1"}) {
    EXPECT_FALSE(check_password(password, "bob", "password")) << password;
  }
}

TEST(PasswordRules, TheUsersNameDoesNot) {
  EXPECT_FALSE(check_password("bartholomew123", "bartholomew", "password"));
  EXPECT_FALSE(check_password("BartholomewBartholomew", "bartholomew", "password"));
  EXPECT_FALSE(check_password("b4rtholomew-123", "Bartholomew", "password"));
  EXPECT_TRUE(check_password("bartholomew123", "alice", "password"));
  // A name of one or two letters is in every password.
  EXPECT_TRUE(check_password("xa9#va2!ma7z", "a", "password"));
}

TEST(PasswordRules, Bound) {
  std::string longest;
  while (longest.size() < max_password_bytes) longest += "copper lantern ";
  longest.resize(max_password_bytes);
  EXPECT_TRUE(check_password(longest, "alice", "password"));
  const Result<void> longer = check_password(longest + "x", "alice", "password");
  ASSERT_FALSE(longer);
  EXPECT_EQ(longer.error().code, ErrorCode::out_of_range);
}

}  // namespace
}  // namespace ashlar::access
