#include "agent/interface_addresses.h"

#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>

#include <algorithm>
#include <cstring>
#include <memory>

namespace ashlar::agent {

IsnsAddress address_of(const sockaddr& name) {
  IsnsAddress address{};
  if (name.sa_family == AF_INET) {
    const auto& four = reinterpret_cast<const sockaddr_in&>(name);
    address[10] = address[11] = 0xff;
    std::memcpy(&address[12], &four.sin_addr, sizeof four.sin_addr);
  } else if (name.sa_family == AF_INET6) {
    const auto& six = reinterpret_cast<const sockaddr_in6&>(name);
    std::memcpy(address.data(), &six.sin6_addr, sizeof six.sin6_addr);
  }
  return address;
}

std::vector<IsnsAddress> interface_addresses() {
  ifaddrs* first = nullptr;
  if (::getifaddrs(&first) != 0) return {};
  const std::unique_ptr<ifaddrs, void (*)(ifaddrs*)> all(first, ::freeifaddrs);
  std::vector<IsnsAddress> addresses;
  for (const ifaddrs* each = all.get(); each != nullptr; each = each->ifa_next) {
    if (each->ifa_addr == nullptr || (each->ifa_flags & IFF_UP) == 0) continue;
    if (const IsnsAddress address = address_of(*each->ifa_addr); address != IsnsAddress{})
      addresses.push_back(address);
  }
  std::ranges::sort(addresses);
  const auto twice = std::ranges::unique(addresses);
  addresses.erase(twice.begin(), twice.end());
  return addresses;
}

}  // namespace ashlar::agent
