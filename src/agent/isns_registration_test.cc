#include "agent/isns_registration.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ashlar::agent {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

std::string shown(const IsnsPortal& portal) {
  char text[INET6_ADDRSTRLEN] = {};
  inet_ntop(AF_INET6, portal.address.data(), text, sizeof text);
  return fmt::format("{} {}", text, portal.port);
}

class IsnsRegistrationTest : public testing::Test {
 protected:
  IsnsRegistrationTest() {
    all.portals = {{.name = "a", .address = "192.0.2.1"},
                   {.name = "b", .address = "2001:db8::1", .port = 860, .group_tag = 2}};
    all.targets = {{.name = "iqn.2026-11.io.ashlar:one", .alias = "first"}};
  }
  IsnsRegistration made() const {
    std::vector<IsnsAddress> addresses;
    addresses.reserve(interfaces.size());
    for (const std::string& each : interfaces) addresses.push_back(isns_address(each));
    return isns_registration(all, failures, addresses);
  }
  std::vector<std::string> portals() const {
    std::vector<std::string> out;
    for (const IsnsPortal& each : made().portals) out.push_back(shown(each));
    return out;
  }
  std::vector<std::string> targets() const {
    std::vector<std::string> out;
    for (const IsnsTarget& each : made().targets) out.push_back(each.name);
    return out;
  }
  /// "::ffff:192.0.2.1 3260 tag 1", or "... not".
  std::vector<std::string> paths(size_t target) const {
    std::vector<std::string> out;
    for (const IsnsPath& each : made().targets.at(target).paths)
      out.push_back(fmt::format("{} {}", shown(each.portal),
                                each.group_tag ? fmt::format("tag {}", *each.group_tag) : "not"));
    return out;
  }

  api::Configuration all;
  std::map<std::string, std::string> failures;
  std::vector<std::string> interfaces = {"127.0.0.1",   "::1",     "192.0.2.7",  "198.51.100.7",
                                         "2001:db8::7", "fe80::7", "169.254.1.1"};
};

TEST_F(IsnsRegistrationTest, TargetsAreAtTheirPortalsWithTheirTags) {
  EXPECT_THAT(portals(), ElementsAre("::ffff:192.0.2.1 3260", "2001:db8::1 860"));
  EXPECT_THAT(paths(0), ElementsAre("::ffff:192.0.2.1 3260 tag 1", "2001:db8::1 860 tag 2"));
  EXPECT_EQ(made().targets[0].alias, "first");
}

TEST_F(IsnsRegistrationTest, ATargetIsNotWhereItIsNot) {
  all.targets.push_back({.name = "iqn.2026-11.io.ashlar:two", .portals = {"b"}});
  EXPECT_THAT(paths(0), ElementsAre("::ffff:192.0.2.1 3260 tag 1", "2001:db8::1 860 tag 2"));
  EXPECT_THAT(paths(1), ElementsAre("::ffff:192.0.2.1 3260 not", "2001:db8::1 860 tag 2"));
}

TEST_F(IsnsRegistrationTest, WhatIsServedOverNvmeIsNotTold) {
  all.portals.push_back(
      {.name = "n", .protocol = "nvme-tcp", .address = "192.0.2.1", .port = 4420, .group_tag = 3});
  all.targets.push_back({.name = "nqn.2026-11.io.ashlar:two", .protocol = "nvme-tcp"});
  EXPECT_THAT(targets(), ElementsAre("iqn.2026-11.io.ashlar:one"));
  EXPECT_THAT(paths(0), ElementsAre("::ffff:192.0.2.1 3260 tag 1", "2001:db8::1 860 tag 2"));
}

TEST_F(IsnsRegistrationTest, APortalThatNoTargetHasIsNotTold) {
  all.targets[0].portals = {"b"};
  EXPECT_THAT(portals(), ElementsAre("2001:db8::1 860"));
}

TEST_F(IsnsRegistrationTest, AWildcardStandsForTheAddressesOfItsFamily) {
  all.portals = {{.name = "all", .address = "0.0.0.0"}};
  EXPECT_THAT(portals(), ElementsAre("::ffff:192.0.2.7 3260", "::ffff:198.51.100.7 3260"));
  all.portals = {{.name = "all", .address = "::"}};
  EXPECT_THAT(portals(), ElementsAre("2001:db8::7 3260"));
}

TEST_F(IsnsRegistrationTest, APortalOfItsOwnAddressIsAskedBeforeAWildcard) {
  all.portals = {{.name = "all", .address = "0.0.0.0", .group_tag = 1},
                 {.name = "one", .address = "192.0.2.7", .group_tag = 9}};
  EXPECT_THAT(paths(0), ElementsAre("::ffff:192.0.2.7 3260 tag 9", "::ffff:198.51.100.7 3260 tag 1"));
}

TEST_F(IsnsRegistrationTest, LoopbackIsToldOnlyWhenThereIsNothingElse) {
  all.portals = {{.name = "all", .address = "0.0.0.0"}, {.name = "lo", .address = "127.0.0.9"}};
  EXPECT_THAT(portals(), ElementsAre("::ffff:192.0.2.7 3260", "::ffff:198.51.100.7 3260"));
  interfaces = {"127.0.0.1", "::1"};
  EXPECT_THAT(portals(), ElementsAre("::ffff:127.0.0.1 3260", "::ffff:127.0.0.9 3260"));
  all.portals = {{.name = "all", .address = "::"}};
  EXPECT_THAT(portals(), ElementsAre("::1 3260"));
}

TEST_F(IsnsRegistrationTest, APortalThatDoesNotListenIsNotTold) {
  failures["portals/a"] = "address not available";
  EXPECT_THAT(portals(), ElementsAre("2001:db8::1 860"));
  failures["portals/b"] = "address not available";
  EXPECT_TRUE(made().empty());
  EXPECT_THAT(portals(), IsEmpty());
}

TEST_F(IsnsRegistrationTest, ATargetThatHasMovedForGoodIsNotTold) {
  all.targets.push_back(
      {.name = "iqn.2026-11.io.ashlar:two", .redirect = "192.0.2.9:3260", .redirect_permanent = true});
  all.targets.push_back({.name = "iqn.2026-11.io.ashlar:zoo", .redirect = "192.0.2.9:3260"});
  EXPECT_THAT(targets(), ElementsAre("iqn.2026-11.io.ashlar:one", "iqn.2026-11.io.ashlar:zoo"));
}

TEST_F(IsnsRegistrationTest, WithoutPortalsOrTargetsThereIsNothingToTell) {
  all.targets.clear();
  EXPECT_TRUE(made().empty());
  EXPECT_THAT(portals(), IsEmpty());
  all.targets = {{.name = "iqn.2026-11.io.ashlar:one"}};
  all.portals.clear();
  EXPECT_TRUE(made().empty());
}

TEST_F(IsnsRegistrationTest, WhatIsAboveTheBoundsIsCounted) {
  for (uint16_t i = 0; i < 70; ++i)
    all.portals.push_back(
        {.name = fmt::format("p{}", i), .address = "192.0.2.1", .port = static_cast<uint16_t>(4000 + i)});
  for (size_t i = 0; i < max_isns_targets; ++i)
    all.targets.push_back({.name = fmt::format("iqn.2026-11.io.ashlar:t{:04}", i)});
  const IsnsRegistration registration = made();
  EXPECT_EQ(registration.portals.size(), max_isns_portals);
  EXPECT_EQ(registration.targets.size(), max_isns_targets);
  EXPECT_EQ(registration.left_out, 8u + 1);
}

TEST(IsnsAddress, IsMappedForIpv4AndNothingForOtherWords) {
  EXPECT_EQ(shown({isns_address("192.0.2.1"), 1}), "::ffff:192.0.2.1 1");
  EXPECT_EQ(shown({isns_address("2001:db8::1"), 1}), "2001:db8::1 1");
  EXPECT_EQ(isns_address("san.example.org"), IsnsAddress{});
}

}  // namespace
}  // namespace ashlar::agent
