// Percent-encoding of URLs (RFC 3986 2.1).
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace ashlar {

/// Everything but unreserved characters (RFC 3986 2.3) becomes %XX.
std::string percent_encode(std::string_view text);
/// %XX becomes a byte. `plus_is_space`: as in a query. invalid_argument, of `url`: a '%' without two hex digits.
Result<std::string> percent_decode(std::string_view text, bool plus_is_space = false);

}  // namespace ashlar
