#include "access/totp.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

namespace ashlar::access {
namespace {

/// RFC 6238, appendix B: "12345678901234567890" in base32.
constexpr std::string_view secret = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";

bool verify_once(std::string_view code, int64_t now) {
  int64_t last_step = 0;
  return verify_totp(secret, code, now, last_step);
}

struct Vector {
  int64_t now;
  const char* code;
};
/// The last six of the appendix's eight digits (RFC 4226, 5.3: the number modulo 10^digits).
constexpr Vector vectors[] = {{59, "287082"},         {1111111109, "081804"}, {1111111111, "050471"},
                              {1234567890, "005924"}, {2000000000, "279037"}, {20000000000, "353130"}};

TEST(Totp, VectorsOfTheStandard) {
  for (const Vector& each : vectors) {
    int64_t last_step = 0;
    EXPECT_TRUE(verify_totp(secret, each.code, each.now, last_step)) << each.now;
    EXPECT_EQ(last_step, each.now / 30);
  }
}

TEST(Totp, OneStepEitherWay) {
  constexpr int64_t middle = 1234567890;  // the first second of its step
  static_assert(middle % 30 == 0);
  EXPECT_FALSE(verify_once("005924", middle - 31));
  EXPECT_TRUE(verify_once("005924", middle - 30));
  EXPECT_TRUE(verify_once("005924", middle - 1));
  EXPECT_TRUE(verify_once("005924", middle + 29));
  EXPECT_TRUE(verify_once("005924", middle + 59));
  EXPECT_FALSE(verify_once("005924", middle + 60));
}

TEST(Totp, ACodeCountsOnce) {
  int64_t last_step = 0;
  EXPECT_TRUE(verify_totp(secret, "050471", 1111111111, last_step));
  const int64_t step = last_step;
  EXPECT_FALSE(verify_totp(secret, "050471", 1111111111, last_step));
  EXPECT_FALSE(verify_totp(secret, "050471", 1111111139, last_step));
  // The one before it is refused too, although it was never used and is still in the window.
  EXPECT_FALSE(verify_totp(secret, "081804", 1111111111, last_step));
  EXPECT_EQ(last_step, step);
}

TEST(Totp, AClockSetBackDoesNotOpenOldCodes) {
  int64_t last_step = 0;
  EXPECT_TRUE(verify_totp(secret, "279037", 2000000000, last_step));
  EXPECT_FALSE(verify_totp(secret, "005924", 1234567890, last_step));
  EXPECT_FALSE(verify_totp(secret, "279037", 2000000000, last_step));
  EXPECT_TRUE(verify_totp(secret, "353130", 20000000000, last_step));
}

TEST(Totp, AWrongCodeLeavesTheStep) {
  int64_t last_step = 17;
  for (const std::string_view code : {"", "0", "00592", "0059240", "005925", " 05924", "00592a", "-05924",
                                      "+05924", "005 924", "\xd9\xa0\xd9\xa0\xd9\xa5"}) {
    EXPECT_FALSE(verify_totp(secret, code, 1234567890, last_step)) << code;
  }
  EXPECT_FALSE(verify_totp(secret, std::string_view("00592\0", 6), 1234567890, last_step));
  EXPECT_EQ(last_step, 17);
}

TEST(Totp, TheFirstAndTheLastTimes) {
  int64_t last_step = 0;
  EXPECT_TRUE(verify_totp(secret, "287082", 31, last_step));
  EXPECT_FALSE(verify_once("287082", -1));
  EXPECT_FALSE(verify_once("287082", INT64_MIN));
  EXPECT_FALSE(verify_once("287082", INT64_MAX));
  EXPECT_FALSE(verify_once("755224", 0));  // step 0 itself: `last_step` starts there
}

TEST(Totp, SecretsAsPeopleTypeThem) {
  int64_t last_step = 0;
  EXPECT_TRUE(verify_totp("gezd gnbv gy3t qojq gezd gnbv gy3t qojq", "287082", 59, last_step));
}

TEST(Totp, BrokenSecretsFitNothing) {
  for (const std::string& broken : {std::string(), std::string("1"), std::string("GEZDGNBV"),
                                    std::string("!!!!"), std::string(secret) + "1", std::string(5000, 'A')}) {
    for (int code = 0; code < 1000; ++code) {
      int64_t last_step = 0;
      ASSERT_FALSE(verify_totp(broken, fmt::format("{:06}", code), 59, last_step)) << broken;
    }
  }
}

TEST(Totp, SecretsAreDrawn) {
  const std::string first = make_totp_secret();
  EXPECT_EQ(first.size(), 32u);
  EXPECT_EQ(first.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"), std::string::npos) << first;
  EXPECT_NE(first, make_totp_secret());
  const RandomSource standard = [](Bytes out) {
    std::ranges::copy(bytes_of("12345678901234567890"), out.begin());
  };
  EXPECT_EQ(make_totp_secret(standard), secret);
}

TEST(Totp, Uri) {
  EXPECT_EQ(totp_uri("ABC", "alice", "Ashlar"),
            "otpauth://totp/Ashlar:alice?secret=ABC&issuer=Ashlar&algorithm=SHA1&digits=6&period=30");
  EXPECT_EQ(totp_uri("ABC", "a:b&c=\xc3\xa9", "My array/1"),
            "otpauth://totp/My%20array%2F1:a.b%26c%3D%C3%A9?secret=ABC&issuer=My%20array%2F1&algorithm=SHA1"
            "&digits=6&period=30");
}

}  // namespace
}  // namespace ashlar::access
