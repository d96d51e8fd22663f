// Network addresses as text and as bytes.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace ashlar {

/// An IPv6 address, or an IPv4 one as mapped (::ffff:192.0.2.7).
using AddressBytes = std::array<uint8_t, 16>;

/// Nothing: `literal` is no address ("192.0.2.7", "2001:db8::7"; no brackets, no scope).
std::optional<AddressBytes> address_bytes(const std::string& literal);

/// Checks "192.0.2.9:3260" or "[2001:db8::9]:3260"; invalid_argument with `place` otherwise.
Result<void> parse_address_and_port(std::string_view text, const std::string& place);

constexpr size_t max_referrals = 16;
/// Where else discovery controllers are: addresses and ports as above, each once, at most max_referrals. The place of an error is
/// "PLACE[N]".
Result<void> check_referrals(const std::vector<std::string>& referrals, const std::string& place);

struct AddressAndPort {
  std::string address;  ///< without brackets
  uint16_t port = 0;
};
/// Of a text that was checked.
AddressAndPort address_and_port_of(std::string_view text);

/// "192.0.2.9:3260", "[2001:db8::9]:3260".
std::string print_address_and_port(const std::string& address, uint16_t port);

}  // namespace ashlar
