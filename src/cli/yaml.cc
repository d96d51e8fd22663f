#include "cli/yaml.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <string_view>

namespace ashlar::cli {
namespace {

using api::Json;

// What YAML 1.1 readers take for a boolean or nothing, though it is a word.
constexpr std::array<std::string_view, 9> words_of_yaml = {"true", "false", "yes", "no", "on",
                                                           "off",  "null",  "y",   "n"};

bool is_plain(std::string_view text) {
  if (text.empty() || text.size() > 200) return false;
  const auto letter = [](char c) { return std::isalpha(static_cast<unsigned char>(c)) != 0; };
  // A digit first could be a number, a date or base 60.
  if (!letter(text.front()) && text.front() != '/' && text.front() != '_') return false;
  const auto harmless = [&letter](char c) {
    return letter(c) || std::isdigit(static_cast<unsigned char>(c)) != 0 ||
           std::string_view("_./@:-").contains(c);
  };
  if (!std::ranges::all_of(text, harmless) || text.ends_with(':')) return false;
  std::string lower(text);
  for (char& c : lower) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return std::ranges::find(words_of_yaml, lower) == words_of_yaml.end();
}

// Bytes that a terminal obeys though JSON lets them stand: U+007F and U+0080 to U+009F; and what turns the writing direction.
std::string escape_controls(const std::string& text) {
  std::string safe;
  safe.reserve(text.size());
  for (size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    const auto after = [&](size_t n) {
      return i + n < text.size() ? static_cast<unsigned char>(text[i + n]) : static_cast<unsigned char>(0);
    };
    const bool general = byte == 0xe2 && (after(1) == 0x80 || after(1) == 0x81);
    const uint32_t point = general ? 0x2000u + ((after(1) & 0x3fu) << 6) + (after(2) & 0x3fu) : 0;
    if (byte == 0x7f) {
      safe += "\\u007f";
    } else if (byte == 0xc2 && after(1) >= 0x80 && after(1) < 0xa0) {
      safe += fmt::format("\\u00{:02x}", after(1));
      ++i;
    } else if ((point >= 0x2028 && point <= 0x202e) || (point >= 0x2066 && point <= 0x2069)) {
      safe += fmt::format("\\u{:04x}", point);
      i += 2;
    } else {
      safe += text[i];
    }
  }
  return safe;
}

std::string scalar(const Json& json) {
  if (json.is_string() && is_plain(json.get_ref<const std::string&>())) return json.get<std::string>();
  return print_safe_json(json, -1);  // a JSON string is a double-quoted YAML one
}

std::string key_of(const std::string& key) { return scalar(Json(key)); }

void print(const Json& json, size_t indent, std::string& out);

// After "key:" or "-": on the same line what fits there, else below.
void print_value(const Json& value, size_t indent, std::string& out) {
  if (value.is_structured() && !value.empty()) {
    out += '\n';
    print(value, indent, out);
  } else {
    out += " " + scalar(value) + "\n";  // {} and [] are YAML too
  }
}

void print_item(const Json& item, size_t indent, std::string& out) {
  const std::string margin(indent, ' ');
  if (item.is_object() && !item.empty()) {
    // "- name: db1", and the rest below it.
    std::string members;
    print(item, indent + 2, members);
    members[indent] = '-';
    out += members;
    return;
  }
  out += margin + "-";
  print_value(item, indent + 2, out);
}

void print(const Json& json, size_t indent, std::string& out) {
  if (json.is_object()) {
    for (const auto& [key, value] : json.items()) {
      out += std::string(indent, ' ') + key_of(key) + ":";
      print_value(value, value.is_array() ? indent : indent + 2, out);
    }
  } else {
    for (const Json& item : json) print_item(item, indent, out);
  }
}

}  // namespace

std::string print_safe_json(const Json& json, int indent) {
  return escape_controls(api::print_json(json, indent));
}

std::string print_yaml(const Json& json) {
  if (!json.is_structured() || json.empty()) return scalar(json) + "\n";
  std::string out;
  print(json, 0, out);
  return out;
}

}  // namespace ashlar::cli
