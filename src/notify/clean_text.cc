#include "notify/clean_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdint>

namespace ashlar::notify {
namespace {

struct Character {
  uint32_t code = 0;
  size_t bytes = 1;
  bool valid = false;
};

// RFC 3629, 4: no overlong forms, no surrogates, nothing past U+10FFFF.
Character first_character(std::string_view text) {
  const auto byte = [text](size_t at) { return static_cast<uint8_t>(text[at]); };
  if (byte(0) < 0x80) return {byte(0), 1, true};
  const size_t length = byte(0) >= 0xF0 ? 4 : byte(0) >= 0xE0 ? 3 : 2;
  if (byte(0) < 0xC2 || byte(0) > 0xF4 || text.size() < length) return {};
  uint32_t code = byte(0) & (0x7Fu >> length);
  for (size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xC0) != 0x80) return {};
    code = (code << 6) | (byte(i) & 0x3Fu);
  }
  const bool overlong = (length == 3 && code < 0x800) || (length == 4 && code < 0x10000);
  if (overlong || code > 0x10FFFF || (code >= 0xD800 && code <= 0xDFFF)) return {};
  return {code, length, true};
}

bool is_control(uint32_t code) { return code < 0x20 || (code >= 0x7F && code <= 0x9F); }

}  // namespace

bool has_control_characters(std::string_view text) {
  while (!text.empty()) {
    const Character character = first_character(text);
    if (!character.valid || is_control(character.code)) return true;
    text.remove_prefix(character.bytes);
  }
  return false;
}

bool is_printable_ascii(std::string_view text) {
  return std::ranges::all_of(text, [](char each) { return each >= 0x20 && each <= 0x7E; });
}

std::string clean_line(std::string_view text, size_t most_bytes) {
  std::string clean;
  while (!text.empty()) {
    const Character character = first_character(text);
    std::string_view piece = text.substr(0, character.bytes);
    if (!character.valid) piece = "\xEF\xBF\xBD";
    if (character.valid && is_control(character.code)) piece = " ";
    if (clean.size() + piece.size() > most_bytes) break;
    clean += piece;
    text.remove_prefix(character.bytes);
  }
  return clean;
}

std::string number_text(double number) {
  if (!std::isfinite(number)) return "unknown";
  const double size = std::abs(number);
  if (size < 1e15 && std::trunc(number) == number) return fmt::format("{:.0f}", number + 0.0);
  if (size < 0.01 || size >= 1e15) return fmt::format("{:.3g}", number);
  std::string text = fmt::format("{:.2f}", number);
  while (text.back() == '0') text.pop_back();
  if (text.back() == '.') text.pop_back();
  return text;
}

}  // namespace ashlar::notify
