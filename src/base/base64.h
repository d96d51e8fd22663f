// Bytes as text (RFC 4648 4), in one line.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"

namespace ashlar {

std::string base64_of(ConstBytes bytes);
/// Whole groups of four characters, padded; none: it is empty, or has any other character in it.
std::optional<std::vector<uint8_t>> from_base64(std::string_view text);

}  // namespace ashlar
