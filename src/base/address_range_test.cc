#include "base/address_range.h"

#include <gtest/gtest.h>

namespace ashlar {
namespace {

bool holds(const char* range, const char* address) {
  const auto parsed = AddressRange::parse(range, "r");
  EXPECT_TRUE(parsed) << range;
  return parsed && parsed->contains(address);
}

TEST(AddressRange, OneAddress) {
  EXPECT_TRUE(holds("192.0.2.7", "192.0.2.7"));
  EXPECT_TRUE(holds("192.0.2.7", "::ffff:192.0.2.7"));
  EXPECT_FALSE(holds("192.0.2.7", "192.0.2.8"));
  EXPECT_TRUE(holds("2001:db8::1", "2001:0db8:0::1"));
  EXPECT_FALSE(holds("2001:db8::1", "2001:db8::2"));
}

TEST(AddressRange, Prefixes) {
  EXPECT_TRUE(holds("192.0.2.0/24", "192.0.2.255"));
  EXPECT_FALSE(holds("192.0.2.0/24", "192.0.3.0"));
  EXPECT_TRUE(holds("192.0.2.128/25", "192.0.2.200"));
  EXPECT_FALSE(holds("192.0.2.128/25", "192.0.2.100"));
  EXPECT_TRUE(holds("0.0.0.0/0", "203.0.113.1"));
  EXPECT_FALSE(holds("0.0.0.0/0", "2001:db8::1")) << "all of IPv4 is not IPv6";
  EXPECT_TRUE(holds("::/0", "2001:db8::1"));
  EXPECT_TRUE(holds("2001:db8::/32", "2001:db8:ffff::1"));
  EXPECT_FALSE(holds("2001:db8::/32", "2001:db9::1"));
}

TEST(AddressRange, WhatIsNoRange) {
  for (const char* text :
       {"", "host1", "192.0.2", "192.0.2.0/33", "192.0.2.0/", "192.0.2.0/8x", "192.0.2.7/24",
        "2001:db8::/129", "2001:db8::1/32", "[::1]", "192.0.2.7:3260", "1.2.3.4/-1"}) {
    const auto parsed = AddressRange::parse(text, "hosts/h/addresses[0]");
    ASSERT_FALSE(parsed) << text;
    EXPECT_EQ(parsed.error().place, "hosts/h/addresses[0]");
    EXPECT_EQ(parsed.error().code, ErrorCode::invalid_argument);
  }
}

TEST(AddressAndPort, Forms) {
  EXPECT_TRUE(parse_address_and_port("192.0.2.9:3260", "p"));
  EXPECT_TRUE(parse_address_and_port("[2001:db8::9]:3260", "p"));
  for (const char* text :
       {"", "192.0.2.9", "192.0.2.9:", "192.0.2.9:0", "192.0.2.9:65536", "192.0.2.9:3260,1",
        "[192.0.2.9]:3260", "2001:db8::9:3260", "host1:3260", ":3260", "[]:3260"}) {
    const auto parsed = parse_address_and_port(text, "p");
    ASSERT_FALSE(parsed) << text;
    EXPECT_EQ(parsed.error().place, "p");
  }
}

TEST(AddressAndPort, Referrals) {
  EXPECT_TRUE(check_referrals({"192.0.2.9:8009", "[2001:db8::9]:8009"}, "p"));
  EXPECT_EQ(address_and_port_of("[2001:db8::9]:8009").address, "2001:db8::9");
  EXPECT_EQ(address_and_port_of("192.0.2.9:8009").port, 8009);
  EXPECT_EQ(check_referrals({"192.0.2.9:8009", "san"}, "p").error().place, "p[1]");
  EXPECT_EQ(check_referrals({"192.0.2.9:8009", "192.0.2.9:8009"}, "p").error().place, "p[1]");
  EXPECT_EQ(check_referrals({"0.0.0.0:8009"}, "p").error().place, "p[0]");
  EXPECT_EQ(check_referrals(std::vector<std::string>(17, "192.0.2.9:8009"), "p").error().place, "p");
}

TEST(AddressRange, AnAddressThatIsNoneIsNowhere) {
  EXPECT_FALSE(holds("::/0", ""));
  EXPECT_FALSE(holds("::/0", "/run/socket"));
}

}  // namespace
}  // namespace ashlar
