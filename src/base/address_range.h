// A set of network addresses as administrators write it: "192.0.2.7", "192.0.2.0/24", "2001:db8::/32".
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/address.h"
#include "base/result.h"

namespace ashlar {

/// An IPv4 or IPv6 address, and how many leading bits of it count.
class AddressRange {
 public:
  /// Without "/N" it is one address. Errors (invalid_argument, with `place`): no address, N out of range, or bits set behind
  /// the prefix, which are most often a slip.
  static Result<AddressRange> parse(std::string_view text, const std::string& place);

  /// `address`: a literal as sockets tell it; an IPv4 one may come mapped (::ffff:192.0.2.7).
  bool contains(const std::string& address) const;
  /// Whether any IPv4, or any IPv6, address is in it.
  bool has_ipv4() const;
  bool has_ipv6() const;
  bool operator==(const AddressRange&) const = default;

 private:
  AddressBytes bytes_{};
  uint8_t prefix_bits_ = 128;  // of all 128
};

}  // namespace ashlar
