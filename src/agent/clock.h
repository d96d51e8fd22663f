// Wall-clock time as the API writes it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace ashlar::agent {

/// "2026-11-20T19:25:04Z" of seconds since 1970.
std::string rfc3339(int64_t seconds);
/// The same back; nothing when it is not of that form.
std::optional<int64_t> parse_rfc3339(std::string_view text);
int64_t seconds_now();

}  // namespace ashlar::agent
