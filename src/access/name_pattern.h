// Patterns of names in grants: "*" is any characters, "?" is one byte, all else is itself.
#pragma once

#include <cstddef>
#include <string_view>

namespace ashlar::access {

/// No name and no pattern is longer, in bytes; what is longer fits nothing.
constexpr size_t max_pattern_bytes = 1024;

/// Does all of `name` fit `pattern`? At most pattern times name steps, whatever the pattern; takes no memory.
bool fits(std::string_view pattern, std::string_view name);

}  // namespace ashlar::access
