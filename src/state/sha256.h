// SHA-256 (FIPS 180-4) of what is kept: of generations and of the audit's chain.
#pragma once

#include <string>
#include <string_view>

namespace ashlar::state {

/// 64 lower-case hex digits.
std::string sha256_hex(std::string_view bytes);

}  // namespace ashlar::state
