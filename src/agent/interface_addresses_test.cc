#include "agent/interface_addresses.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <netinet/in.h>

#include <algorithm>

namespace ashlar::agent {
namespace {

TEST(InterfaceAddresses, ASocketsNameOfEitherFamily) {
  sockaddr_storage name{};
  auto& four = reinterpret_cast<sockaddr_in&>(name);
  four.sin_family = AF_INET;
  ASSERT_EQ(::inet_pton(AF_INET, "192.0.2.7", &four.sin_addr), 1);
  EXPECT_EQ(address_of(reinterpret_cast<const sockaddr&>(name)), isns_address("192.0.2.7"));
  name = {};
  auto& six = reinterpret_cast<sockaddr_in6&>(name);
  six.sin6_family = AF_INET6;
  ASSERT_EQ(::inet_pton(AF_INET6, "2001:db8::7", &six.sin6_addr), 1);
  EXPECT_EQ(address_of(reinterpret_cast<const sockaddr&>(name)), isns_address("2001:db8::7"));
  name = {};
  name.ss_family = AF_UNIX;
  EXPECT_EQ(address_of(reinterpret_cast<const sockaddr&>(name)), IsnsAddress{});
}

TEST(InterfaceAddresses, HaveLoopback) {
  EXPECT_THAT(interface_addresses(), testing::Contains(isns_address("127.0.0.1")));
}

TEST(InterfaceAddresses, AreSortedAndEachIsThereOnce) {
  const std::vector<IsnsAddress> all = interface_addresses();
  EXPECT_TRUE(std::ranges::is_sorted(all));
  EXPECT_EQ(std::ranges::adjacent_find(all), all.end());
  EXPECT_THAT(all, testing::Not(testing::Contains(IsnsAddress{}))) << "of links, which have no address";
}

}  // namespace
}  // namespace ashlar::agent
