// Names that hosts remember for ever: NAA, EUI-64, serial numbers, iSCSI names, UUIDs. Parse, print, make.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/result.h"

namespace ashlar {

/// NAA locally assigned (type 3, SPC-4 7.8.6.6.5): 8 bytes, high nibble of the first byte is 3. Text: "3" + 15 hex digits.
using Naa = std::array<uint8_t, 8>;
/// A NAA of either length: 8 bytes (types 2, 3, 5), or 16 (type 6: we make none, but volumes that come from other targets
/// keep theirs). SPC-4 7.8.6.6.
class NaaName {
 public:
  NaaName() = default;
  NaaName(const Naa& naa) : length_(naa.size()) { std::ranges::copy(naa, bytes_.begin()); }
  /// From 16 or 32 hex digits ("0x" and "naa." in front are accepted).
  static Result<NaaName> parse(std::string_view text, std::string_view place);
  ConstBytes bytes() const { return ConstBytes(bytes_).first(length_); }

 private:
  std::array<uint8_t, 16> bytes_{};
  size_t length_ = std::tuple_size_v<Naa>;
};
/// EUI-64, 8 bytes; text: 16 hex digits.
using Eui64 = std::array<uint8_t, 8>;
using Uuid = std::array<uint8_t, 16>;

std::string hex_of(ConstBytes bytes);
/// Exactly `out.size()` bytes from 2 * out.size() hex digits ("0x", "naa." and "eui." in front are accepted).
Result<void> parse_hex(std::string_view text, Bytes out, std::string_view place);

/// Deterministic from 16 random bytes, which the caller draws from the loop (so that simulations replay).
Naa make_naa(const Uuid& seed);
Eui64 make_eui64(const Uuid& seed);
std::string make_serial(const Uuid& seed);  ///< 16 characters, [0-9a-f]
Uuid make_uuid(const Uuid& seed);           ///< version 4 bits set
std::string uuid_text(const Uuid& uuid);
Result<Uuid> parse_uuid(std::string_view text, std::string_view place);

/// An iSCSI name as RFC 7143 4.2.7 and RFC 3722 allow it (iqn., eui., naa.), at most 223 bytes, lower-cased.
Result<std::string> parse_iscsi_name(std::string_view text, std::string_view place);
/// Names of our own resources: 1-63 characters of [A-Za-z0-9._-], first a letter or digit.
Result<std::string> parse_resource_name(std::string_view text, std::string_view place);

}  // namespace ashlar
