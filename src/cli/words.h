// A line of the shell as words.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace ashlar::cli {

/// Blanks part words; '...' and "..." keep them together, a backslash takes what follows as it is (not within '...'); a word
/// that begins with # ends the line. An error for a quote that does not end.
Result<std::vector<std::string>> split_words(std::string_view line);

}  // namespace ashlar::cli
