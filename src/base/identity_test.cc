#include "base/identity.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <array>
#include <numeric>
#include <vector>

namespace ashlar {
namespace {

constexpr Uuid ones = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
                       0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff};

Uuid counting() {
  Uuid uuid;
  std::iota(uuid.begin(), uuid.end(), uint8_t{1});
  return uuid;
}

TEST(Hex, PrintsAndParses) {
  const std::array<uint8_t, 4> bytes = {0x00, 0x9f, 0xa0, 0xff};
  EXPECT_EQ(hex_of(bytes), "009fa0ff");
  std::array<uint8_t, 4> parsed{};
  for (const char* text : {"009fa0ff", "0x009FA0FF", "naa.009fa0ff", "eui.009fA0ff"}) {
    parsed.fill(0);
    EXPECT_TRUE(parse_hex(text, parsed, "here")) << text;
    EXPECT_EQ(parsed, bytes) << text;
  }
}

TEST(Hex, RefusesWithThePlace) {
  std::array<uint8_t, 2> parsed{};
  for (const char* text : {"", "123", "12345", "12g4", "12 4", "0x12", "naa.0x1234"}) {
    const Result<void> result = parse_hex(text, parsed, "volumes[0].naa");
    ASSERT_FALSE(result) << text;
    EXPECT_EQ(result.error().code, ErrorCode::invalid_argument);
    EXPECT_EQ(result.error().place, "volumes[0].naa");
  }
  EXPECT_NE(parse_hex("12g4", parsed, "").error().message.find("'g'"), std::string::npos);
}

RC_GTEST_PROP(Hex, RoundTrips, (const std::vector<uint8_t>& bytes)) {
  std::vector<uint8_t> parsed(bytes.size());
  RC_ASSERT(parse_hex(hex_of(bytes), parsed, "").has_value());
  RC_ASSERT(parsed == bytes);
}

TEST(Identity, MadeNamesHaveTheirType) {
  for (const Uuid& seed : {Uuid{}, counting(), ones}) {
    EXPECT_EQ(make_naa(seed)[0] >> 4, 3) << "locally assigned, SPC-4 7.8.6.6.5";
    EXPECT_EQ(make_eui64(seed)[0] & 3, 2) << "locally administered, individual";
    EXPECT_EQ(make_uuid(seed)[6] >> 4, 4) << "version 4, RFC 4122";
    EXPECT_EQ(make_uuid(seed)[8] >> 6, 2) << "variant, RFC 4122";
    EXPECT_EQ(make_serial(seed).size(), 16u);
  }
  EXPECT_EQ(make_naa(counting()), make_naa(counting())) << "simulations replay";
  EXPECT_NE(make_naa(counting()), make_naa(ones));
}

TEST(Uuid, PrintsAndParses) {
  EXPECT_EQ(uuid_text(counting()), "01020304-0506-0708-090a-0b0c0d0e0f10");
  EXPECT_EQ(*parse_uuid("01020304-0506-0708-090a-0b0c0d0e0f10", ""), counting());
  EXPECT_EQ(*parse_uuid("0102030405060708090A0B0C0D0E0F10", ""), counting());
}

TEST(Uuid, RefusesWhatIsNone) {
  for (const char* text : {"", "01020304-0506-0708-090a-0b0c0d0e0f1", "01020304-0506-0708-090a-0b0c0d0e0f100",
                           "0102-0304-0506-0708-090a-0b0c0d0e0f10", "01020304-0506-0708-090a-0b0c0d0e0f1g",
                           "--------0102030405060708090a0b0c0d0e0f10", "0x0102030405060708090a0b0c0d0e0f10",
                           "01020304050607080-90a-0b0c0d0e0f10aa"}) {
    const Result<Uuid> parsed = parse_uuid(text, "volumes[0].uuid");
    ASSERT_FALSE(parsed) << text;
    EXPECT_EQ(parsed.error().place, "volumes[0].uuid");
  }
}

RC_GTEST_PROP(Uuid, RoundTrips, ()) {
  Uuid uuid;
  for (uint8_t& byte : uuid) byte = *rc::gen::arbitrary<uint8_t>();
  RC_ASSERT(*parse_uuid(uuid_text(uuid), "") == uuid);
}

TEST(IscsiName, IsLowerCasedAndChecked) {
  EXPECT_EQ(*parse_iscsi_name("IQN.2026-11.com.Example:Host1", ""), "iqn.2026-11.com.example:host1");
  EXPECT_TRUE(parse_iscsi_name("eui.02004567A425678D", ""));
  EXPECT_TRUE(parse_iscsi_name("naa.52004567BA64678D", ""));
  EXPECT_TRUE(parse_iscsi_name("naa.62004567ba64678d0123456789abcdef", ""));
  EXPECT_TRUE(parse_iscsi_name("iqn." + std::string(219, 'a'), ""));
  for (const std::string& text :
       {std::string(), std::string("iqn."), std::string("host1"), "iqn." + std::string(220, 'a'),
        std::string("iqn.2026-11.com.example host"), std::string("iqn.2026-11.com/example"),
        std::string("iqn.2026\0.com", 13), std::string("iqn.a,b"), std::string("iqn.a_b"),
        std::string("eui."), std::string("eui.02004567a425678"), std::string("eui.02004567a425678g"),
        std::string("eui.02004567a425678d02004567a425678d"), std::string("naa.52004567ba64678"),
        std::string("naa.52004567ba64678d0"), std::string("naa.x2004567ba64678d")}) {
    const Result<std::string> parsed = parse_iscsi_name(text, "hosts[1].initiator");
    ASSERT_FALSE(parsed) << text;
    EXPECT_EQ(parsed.error().code, ErrorCode::invalid_argument);
    EXPECT_EQ(parsed.error().place, "hosts[1].initiator");
  }
}

TEST(ResourceName, IsChecked) {
  for (const std::string& text :
       {std::string("v"), std::string("Vol-1_a.b"), std::string(63, 'x'), std::string("0")}) {
    EXPECT_EQ(parse_resource_name(text, "").value_or(""), text);
  }
  for (const std::string& text :
       {std::string(), std::string(64, 'x'), std::string("-a"), std::string(".a"), std::string("a b"),
        std::string("a/b"), std::string("\xc3\xa9t\xc3\xa9"), std::string("a\0b", 3)}) {
    EXPECT_FALSE(parse_resource_name(text, "name")) << text;
  }
}

TEST(NaaName, TakesBothLengths) {
  const auto local = NaaName::parse("naa.3F2504E04F8911D3", "naa");
  ASSERT_TRUE(local) << local.error().text();
  EXPECT_EQ(hex_of(local->bytes()), "3f2504e04f8911d3");
  const auto extended = NaaName::parse("6001405a1b2c3d4e5f60718293a4b5c6", "naa");
  ASSERT_TRUE(extended) << extended.error().text();
  EXPECT_EQ(hex_of(extended->bytes()), "6001405a1b2c3d4e5f60718293a4b5c6");
}

TEST(NaaName, RefusesTheWrongTypeForItsLength) {
  for (const char* text :
       {"6001405a1b2c3d4e", "3001405a1b2c3d4e5f60718293a4b5c6", "3f2504e04f8911d", "", "3f2504e04f8911dg"})
    EXPECT_FALSE(NaaName::parse(text, "naa")) << text;
}

}  // namespace
}  // namespace ashlar
