#include "agent/interface_addresses.h"

#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>

#include <algorithm>
#include <cstring>
#include <memory>

namespace ashlar::agent {

std::vector<IsnsAddress> interface_addresses() {
  ifaddrs* first = nullptr;
  if (::getifaddrs(&first) != 0) return {};
  const std::unique_ptr<ifaddrs, void (*)(ifaddrs*)> all(first, ::freeifaddrs);
  std::vector<IsnsAddress> addresses;
  for (const ifaddrs* each = all.get(); each != nullptr; each = each->ifa_next) {
    if (each->ifa_addr == nullptr || (each->ifa_flags & IFF_UP) == 0) continue;
    IsnsAddress address{};
    if (each->ifa_addr->sa_family == AF_INET) {
      const auto& name = *reinterpret_cast<const sockaddr_in*>(each->ifa_addr);
      address[10] = address[11] = 0xff;  // IPv4 as mapped
      std::memcpy(&address[12], &name.sin_addr, sizeof name.sin_addr);
    } else if (each->ifa_addr->sa_family == AF_INET6) {
      const auto& name = *reinterpret_cast<const sockaddr_in6*>(each->ifa_addr);
      std::memcpy(address.data(), &name.sin6_addr, sizeof name.sin6_addr);
    } else {
      continue;
    }
    addresses.push_back(address);
  }
  std::ranges::sort(addresses);
  const auto twice = std::ranges::unique(addresses);
  addresses.erase(twice.begin(), twice.end());
  return addresses;
}

}  // namespace ashlar::agent
