// Hashes of texts, in lower-case hex.
#pragma once

#include <string>
#include <string_view>

namespace ashlar::notify {

std::string sha256_hex(std::string_view text);                             ///< 64 digits
std::string hmac_sha256_hex(std::string_view key, std::string_view text);  ///< RFC 2104; 64 digits

}  // namespace ashlar::notify
