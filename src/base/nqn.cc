#include "base/nqn.h"

#include <algorithm>

namespace ashlar {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// "2026-11"
bool is_date(std::string_view text) {
  return text.size() == 7 && text[4] == '-' && std::ranges::all_of(text.substr(0, 4), is_digit) &&
         is_digit(text[5]) && is_digit(text[6]);
}

}  // namespace

Result<std::string> parse_nqn(std::string_view text, std::string_view place) {
  const auto wrong = [&](std::string_view why) {
    return fail(ErrorCode::invalid_argument, std::string(place), "'{}' is no NVMe qualified name: {}", text,
                why);
  };
  if (!is_nqn(text)) return wrong("it begins with nqn.");
  if (text.size() > most_nqn_bytes) return wrong("at most 223 bytes");
  if (std::ranges::any_of(text, [](char c) { return static_cast<unsigned char>(c) <= 0x20 || c == 0x7f; }))
    return wrong("no spaces or control characters");
  const std::string_view rest = text.substr(4);
  const size_t dot = rest.find('.');
  if (dot == std::string_view::npos || !is_date(rest.substr(0, dot)))
    return wrong("after nqn. comes a year and a month, as in nqn.2026-11.com.example:array");
  const std::string_view owner = rest.substr(dot + 1);
  if (owner.empty() || owner.front() == ':' || owner.front() == '.')
    return wrong("after the date comes a domain in reverse");
  return std::string(text);
}

}  // namespace ashlar
