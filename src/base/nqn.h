// NVMe Qualified Names (NVMe base 2.0 4.5).
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace ashlar {

constexpr size_t most_nqn_bytes = 223;

inline bool is_nqn(std::string_view name) { return name.starts_with("nqn."); }
/// "nqn.2026-11.io.ashlar:demo": the date, the domain in reverse, and what its owner likes; UTF-8 without control characters.
Result<std::string> parse_nqn(std::string_view text, std::string_view place);

}  // namespace ashlar
