// What an iSNS server (RFC 4171) is to be told of this array: addresses, targets, and which target is reached by which address.
// Pure.
#pragma once

#include <compare>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "api/configuration.h"
#include "wire/isns_attribute.h"

namespace ashlar::agent {

using IsnsAddress = wire::isns::Address;

/// What iSNS calls a portal: one address and port, never a wildcard.
struct IsnsPortal {
  IsnsAddress address{};
  uint16_t port = 0;
  auto operator<=>(const IsnsPortal&) const = default;
};

/// What iSNS calls a portal group object: a target at a portal.
struct IsnsPath {
  IsnsPortal portal;
  std::optional<uint16_t> group_tag;  ///< absent: the target is not reached there
  bool operator==(const IsnsPath&) const = default;
};

struct IsnsTarget {
  std::string name;
  std::string alias;
  std::vector<IsnsPath> paths;  ///< for each portal of the registration
  bool operator==(const IsnsTarget&) const = default;
};

constexpr size_t max_isns_portals = 64;
constexpr size_t max_isns_targets = 4096;

struct IsnsRegistration {
  std::vector<IsnsPortal> portals;
  std::vector<IsnsTarget> targets;
  size_t left_out = 0;  ///< portals and targets above the bounds
  bool empty() const { return targets.empty(); }
  bool operator==(const IsnsRegistration&) const = default;
};

/// `failures` as Array::failures() tells them; `interfaces` are the addresses of this machine, which stand for a wildcard.
IsnsRegistration isns_registration(const api::Configuration& configuration,
                                   const std::map<std::string, std::string>& failures,
                                   const std::vector<IsnsAddress>& interfaces);

/// A literal as the configuration has it; zeroes for what is none.
IsnsAddress isns_address(const std::string& literal);

}  // namespace ashlar::agent
