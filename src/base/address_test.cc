#include "base/address.h"

#include <gtest/gtest.h>

namespace ashlar {
namespace {

TEST(Address, Ipv4IsMapped) {
  EXPECT_EQ(address_bytes("192.0.2.7"),
            (AddressBytes{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 192, 0, 2, 7}));
  EXPECT_EQ(address_bytes("::ffff:192.0.2.7"), address_bytes("192.0.2.7"));
  EXPECT_EQ(address_bytes("2001:db8::7"),
            (AddressBytes{0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7}));
}

TEST(Address, WhatIsNone) {
  for (const char* text : {"", "192.0.2", "192.0.2.256", "[::1]", "fe80::1%eth0", "192.0.2.7:3260", "san"})
    EXPECT_FALSE(address_bytes(text)) << text;
}

TEST(AddressAndPort, IsParsed) {
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

TEST(AddressAndPort, IsPrinted) {
  EXPECT_EQ(print_address_and_port("192.0.2.9", 3260), "192.0.2.9:3260");
  EXPECT_EQ(print_address_and_port("2001:db8::9", 3260), "[2001:db8::9]:3260");
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

}  // namespace
}  // namespace ashlar
