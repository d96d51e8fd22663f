// Keyed hashes (RFC 2104), of keys that must not stay in memory.
#pragma once

#include <initializer_list>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"

namespace ashlar {

/// Of the parts as if they stood one behind the other; none of them is copied. `hash`: what OpenSSL calls it ("SHA256").
/// Errors: unsupported, when OpenSSL has it switched off.
Result<std::vector<uint8_t>> hmac_of(const char* hash, ConstBytes key,
                                     std::initializer_list<ConstBytes> parts);

}  // namespace ashlar
