#include "agent/isns_registration.h"

#include <algorithm>
#include <set>

#include "base/address.h"

namespace ashlar::agent {
namespace {

constexpr std::array<uint8_t, 12> mapped_prefix = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

bool is_ipv4(const IsnsAddress& address) {
  return std::equal(mapped_prefix.begin(), mapped_prefix.end(), address.begin());
}

bool is_loopback(const IsnsAddress& address) {
  if (is_ipv4(address)) return address[12] == 127;
  const bool zeroes = std::all_of(address.begin(), address.end() - 1, [](uint8_t each) { return each == 0; });
  return zeroes && address.back() == 1;
}

// Means nothing without the name of an interface, which iSNS cannot tell (RFC 4007), or was taken for want of a better one.
bool is_link_local(const IsnsAddress& address) {
  if (is_ipv4(address)) return address[12] == 169 && address[13] == 254;
  return address[0] == 0xfe && (address[1] & 0xc0) == 0x80;
}

bool is_wildcard(const api::Portal& portal) {
  return portal.address == "0.0.0.0" || isns_address(portal.address) == IsnsAddress{};
}

struct Place {
  const api::Portal* portal = nullptr;
};
using Places = std::map<IsnsPortal, Place>;

// A portal of its own address is asked before one of all addresses: it is the one that listens there.
void add_places(Places& places, const api::Portal& portal, const std::vector<IsnsAddress>& interfaces) {
  if (!is_wildcard(portal)) {
    places[{isns_address(portal.address), portal.port}] = {&portal};
    return;
  }
  const bool ipv4 = portal.address == "0.0.0.0";  // "::" listens by IPv6 alone
  for (const IsnsAddress& each : interfaces) {
    if (is_ipv4(each) == ipv4 && !is_link_local(each))
      places.emplace(IsnsPortal{each, portal.port}, Place{&portal});
  }
}

// Where hosts of iSCSI can reach the array: others do not ask an iSNS server. What is told to another machine of a loopback address
// sends its hosts to themselves, so that counts only while there is nothing else: then server and hosts are here, too.
Places find_places(const api::Configuration& configuration,
                   const std::map<std::string, std::string>& failures,
                   const std::vector<IsnsAddress>& interfaces) {
  Places places;
  const auto listens = [&failures](const api::Portal& each) {
    return each.protocol == "iscsi" && !failures.contains("portals/" + each.name);
  };
  for (const bool wildcard : {false, true}) {
    for (const api::Portal& each : configuration.portals) {
      if (is_wildcard(each) == wildcard && listens(each)) add_places(places, each, interfaces);
    }
  }
  const auto is_local = [](const auto& each) { return is_loopback(each.first.address); };
  if (!std::ranges::all_of(places, is_local)) std::erase_if(places, is_local);
  return places;
}

bool is_reached(const api::Target& target, const api::Portal& portal) {
  return target.portals.empty() || std::ranges::find(target.portals, portal.name) != target.portals.end();
}

// A target that has moved for good is told by the array that has it now. One that is redirected for a while is still found here:
// its hosts are sent on at login, and come back when it ends.
bool is_told(const api::Target& target, const Places& places) {
  if (target.protocol != "iscsi" || (!target.redirect.empty() && target.redirect_permanent)) return false;
  return std::ranges::any_of(places,
                             [&](const auto& each) { return is_reached(target, *each.second.portal); });
}

}  // namespace

IsnsAddress isns_address(const std::string& literal) {
  return address_bytes(literal).value_or(IsnsAddress{});
}

IsnsRegistration isns_registration(const api::Configuration& configuration,
                                   const std::map<std::string, std::string>& failures,
                                   const std::vector<IsnsAddress>& interfaces) {
  Places places = find_places(configuration, failures, interfaces);
  IsnsRegistration out;
  std::vector<const api::Target*> targets;
  for (const api::Target& each : configuration.targets) {
    if (is_told(each, places)) targets.push_back(&each);
  }
  std::erase_if(places, [&](const auto& place) {
    return std::ranges::none_of(targets,
                                [&](const auto* each) { return is_reached(*each, *place.second.portal); });
  });
  if (places.size() > max_isns_portals) {
    out.left_out += places.size() - max_isns_portals;
    places.erase(std::next(places.begin(), max_isns_portals), places.end());
    std::erase_if(targets, [&](const auto* each) { return !is_told(*each, places); });
  }
  if (targets.size() > max_isns_targets) {
    out.left_out += targets.size() - max_isns_targets;
    targets.resize(max_isns_targets);
  }
  for (const auto& [portal, place] : places) out.portals.push_back(portal);
  for (const api::Target* each : targets) {
    IsnsTarget& target = out.targets.emplace_back(IsnsTarget{each->name, each->alias, {}});
    for (const auto& [portal, place] : places) {
      const bool reached = is_reached(*each, *place.portal);
      target.paths.push_back({portal, reached ? std::optional(place.portal->group_tag) : std::nullopt});
    }
  }
  return out;
}

}  // namespace ashlar::agent
