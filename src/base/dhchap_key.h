// Keys of DH-HMAC-CHAP as people write them (NVMe base 2.0 8.13.5.8), and the names of its hashes and groups.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"

namespace ashlar {

/// Hash functions, by their number on the wire.
enum class DhchapHash : uint8_t { sha256 = 1, sha384 = 2, sha512 = 3 };
/// Diffie-Hellman groups of RFC 7919, by their number on the wire; `null`: no exchange.
enum class DhchapGroup : uint8_t {
  null = 0,
  ffdhe2048 = 1,
  ffdhe3072 = 2,
  ffdhe4096 = 3,
  ffdhe6144 = 4,
  ffdhe8192 = 5
};

constexpr std::array all_dhchap_hashes = {DhchapHash::sha256, DhchapHash::sha384, DhchapHash::sha512};
/// What is agreed on first where nothing else is said, and what is not agreed on at all: without an exchange (null) whoever has
/// listened can try keys at home.
constexpr std::array usual_dhchap_groups = {DhchapGroup::ffdhe3072, DhchapGroup::ffdhe4096,
                                            DhchapGroup::ffdhe6144, DhchapGroup::ffdhe8192,
                                            DhchapGroup::ffdhe2048};
constexpr std::array all_dhchap_groups = {DhchapGroup::null,      DhchapGroup::ffdhe2048,
                                          DhchapGroup::ffdhe3072, DhchapGroup::ffdhe4096,
                                          DhchapGroup::ffdhe6144, DhchapGroup::ffdhe8192};

/// "sha-256"; the number alone when there is no such hash.
std::string name_of(DhchapHash hash);
/// "ffdhe3072", "null".
std::string name_of(DhchapGroup group);
/// Errors: invalid_argument that tells the names there are.
Result<DhchapHash> parse_dhchap_hash(std::string_view name, std::string_view place);
Result<DhchapGroup> parse_dhchap_group(std::string_view name, std::string_view place);

/// What may be agreed on, as people name it: in their order, each once; empty: what is usual. Errors name `place` and the number.
Result<std::vector<DhchapHash>> parse_dhchap_hashes(const std::vector<std::string>& names,
                                                    const std::string& place);
Result<std::vector<DhchapGroup>> parse_dhchap_groups(const std::vector<std::string>& names,
                                                     const std::string& place);

struct DhchapKey {
  /// With which the key is bound to the name of its owner before it is used; none: it is used as it is.
  std::optional<DhchapHash> transform;
  std::vector<uint8_t> secret;  ///< 32, 48 or 64 bytes
  bool operator==(const DhchapKey&) const = default;
};

/// "DHHC-1:01:BASE64:", where BASE64 has the secret and its CRC-32. Errors: invalid_argument; none shows any of the secret.
Result<DhchapKey> parse_dhchap_key(std::string_view text, std::string_view place);
std::string print_dhchap_key(const DhchapKey& key);

}  // namespace ashlar
