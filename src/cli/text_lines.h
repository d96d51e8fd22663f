// Text of several lines that came from elsewhere.
#pragma once

#include <string>
#include <string_view>

namespace ashlar::cli {

/// Line by line through printable(); ends with a newline unless it is empty.
std::string printable_lines(std::string_view text);

}  // namespace ashlar::cli
