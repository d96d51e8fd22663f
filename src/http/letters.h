// ASCII comparisons that no locale can change: names of headers, hex digits.
#pragma once

#include <algorithm>
#include <optional>
#include <string_view>

namespace ashlar::http {

constexpr char lower_letter(char letter) {
  return letter >= 'A' && letter <= 'Z' ? static_cast<char>(letter - 'A' + 'a') : letter;
}

constexpr bool same_without_case(std::string_view left, std::string_view right) {
  return std::ranges::equal(left, right, [](char a, char b) { return lower_letter(a) == lower_letter(b); });
}

constexpr std::optional<unsigned> hex_digit(char letter) {
  if (letter >= '0' && letter <= '9') return static_cast<unsigned>(letter - '0');
  const char low = lower_letter(letter);
  if (low >= 'a' && low <= 'f') return static_cast<unsigned>(low - 'a' + 10);
  return std::nullopt;
}

/// RFC 9110 5.6.2: what a method or the name of a header may be made of.
constexpr bool is_token(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char letter) {
    return (letter >= '0' && letter <= '9') || (lower_letter(letter) >= 'a' && lower_letter(letter) <= 'z') ||
           std::string_view("!#$%&'*+-.^_`|~").contains(letter);
  });
}

/// RFC 9110 5.5: a value that cannot end its line, and so cannot begin another header.
constexpr bool is_header_value(std::string_view text) {
  return std::ranges::none_of(text, [](char letter) {
    const auto byte = static_cast<unsigned char>(letter);
    return (byte < 0x20 && byte != '\t') || byte == 0x7f;
  });
}

}  // namespace ashlar::http
