#include "access/name_pattern.h"

namespace ashlar::access {

bool fits(std::string_view pattern, std::string_view name) {
  if (pattern.size() > max_pattern_bytes || name.size() > max_pattern_bytes) return false;
  constexpr size_t none = static_cast<size_t>(-1);
  size_t at = 0;
  size_t read = 0;
  size_t after_star = none;
  size_t star_end = 0;
  while (read < name.size()) {
    if (at < pattern.size() && pattern[at] == '*') {
      // A later star takes over from an earlier one: what came before it fits as early as it can, so that going back
      // further never helps. This is what keeps it from growing with the number of stars.
      after_star = ++at;
      star_end = read;
    } else if (at < pattern.size() && (pattern[at] == '?' || pattern[at] == name[read])) {
      ++at;
      ++read;
    } else if (after_star != none) {
      at = after_star;
      read = ++star_end;
    } else {
      return false;
    }
  }
  while (at < pattern.size() && pattern[at] == '*') ++at;
  return at == pattern.size();
}

}  // namespace ashlar::access
