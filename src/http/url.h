// The target of a request: percent-decoding and the one form in which a path reaches a handler.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/percent_encoding.h"
#include "base/result.h"

namespace ashlar::http {

constexpr size_t max_target_bytes = 16u << 10;
constexpr size_t max_query_pairs = 128;

struct Target {
  std::string path;                                        ///< decoded, begins with '/'
  std::vector<std::pair<std::string, std::string>> query;  ///< decoded, in order
  bool operator==(const Target&) const = default;
};

/// The target of a request line: "/path?query" or "https://host/path?query" (RFC 9112 3.2.1, 3.2.2).
/// invalid_argument: longer than max_target_bytes or more than max_query_pairs, not percent-encoded rightly, not UTF-8, with
/// control characters, or a path with "." or ".." segments, backslashes or encoded slashes: each of these two readers may
/// understand in two ways.
Result<Target> parse_target(std::string_view text);

using ashlar::percent_decode;

/// RFC 3629: no overlong forms, no surrogates, nothing past U+10FFFF.
bool is_utf8(std::string_view text);

}  // namespace ashlar::http
