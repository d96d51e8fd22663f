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

TEST(AddressRange, AnAddressThatIsNoneIsNowhere) {
  EXPECT_FALSE(holds("::/0", ""));
  EXPECT_FALSE(holds("::/0", "/run/socket"));
}

}  // namespace
}  // namespace ashlar
