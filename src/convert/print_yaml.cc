// YAML as people write it: block style, words without quotes where no reader could take them for something else.
#include <algorithm>
#include <array>
#include <iterator>

#include "convert/formats.h"

namespace ashlar::convert {
namespace {

using json::Json;

// Words that YAML 1.1 or 1.2 takes for something else than text.
bool reserved(std::string_view text) {
  constexpr std::array words = {"true", "false", "null", "yes", "no", "on", "off", "y", "n"};
  std::string lower(text);
  std::ranges::transform(lower, lower.begin(), [](unsigned char c) { return std::tolower(c); });
  return std::ranges::find(words, lower) != words.end();
}

bool plain(std::string_view text) {
  if (text.empty() || text.size() > 256 || reserved(text)) return false;
  const auto letter = [](unsigned char c) { return c < 0x80 && std::isalpha(c); };
  const auto inner = [](unsigned char c) {
    return c < 0x80 && (std::isalnum(c) ||
                        std::string_view("_-./:+@").find(static_cast<char>(c)) != std::string_view::npos);
  };
  return (letter(static_cast<unsigned char>(text[0])) || text[0] == '/') &&
         std::ranges::all_of(text, inner) && text.back() != ':';
}

// A code point that must not stand as it is within double quotes (YAML 1.2.2, 5.1), or 0.
unsigned escaped_code_point(std::string_view sequence) {
  const auto byte = [&sequence](size_t i) { return static_cast<unsigned char>(sequence[i]); };
  if (sequence.size() == 1) return byte(0) < 0x20 || byte(0) == 0x7f ? byte(0) : 0;
  if (sequence.size() == 2) {
    const unsigned point = (byte(0) & 0x1fu) << 6 | (byte(1) & 0x3fu);
    return point < 0xa0 ? point : 0;
  }
  if (sequence.size() != 3) return 0;
  const unsigned point = (byte(0) & 0x0fu) << 12 | (byte(1) & 0x3fu) << 6 | (byte(2) & 0x3fu);
  return point == 0x2028 || point == 0x2029 || point == 0xfeff || point >= 0xfffe ? point : 0;
}

std::string in_quotes(std::string_view text) {
  std::string out = "\"";
  while (!text.empty()) {
    const size_t length = utf8_length(text);
    const std::string_view sequence = text.substr(0, std::max<size_t>(length, 1));
    text.remove_prefix(sequence.size());
    if (length == 0) {
      out += "\xef\xbf\xbd";  // U+FFFD, as print_json() does
    } else if (sequence == "\"" || sequence == "\\") {
      out += '\\';
      out += sequence;
    } else if (sequence == "\n") {
      out += "\\n";
    } else if (sequence == "\t") {
      out += "\\t";
    } else if (sequence == std::string_view("\0", 1)) {
      out += "\\0";
    } else if (const unsigned point = escaped_code_point(sequence); point != 0) {
      out += point < 0x100 ? fmt::format("\\x{:02x}", point) : fmt::format("\\u{:04x}", point);
    } else {
      out += sequence;
    }
  }
  return out + '"';
}

std::string scalar(const Json& value) {
  if (!value.is_string()) return json::print_json(value);
  const auto& text = value.get_ref<const std::string&>();
  return plain(text) ? text : in_quotes(text);
}

bool holds_something(const Json& value) { return value.is_structured() && !value.empty(); }

class Printer {
 public:
  std::string take() && { return std::move(out_); }

  void object(const Json& value, size_t indent, bool first_goes_on) {
    for (const auto& [name, member] : value.items()) {
      if (!first_goes_on) out_.append(indent, ' ');
      first_goes_on = false;
      out_ += scalar(name) + ":";
      if (!holds_something(member)) {
        out_ += " " + scalar(member) + "\n";
        continue;
      }
      out_ += "\n";
      if (member.is_object()) {
        object(member, indent + 2, false);
      } else {
        list(member, indent + 2);
      }
    }
  }

  void list(const Json& items, size_t indent) {
    for (const Json& item : items) {
      out_.append(indent, ' ');
      if (!holds_something(item)) {
        out_ += "- " + scalar(item) + "\n";
      } else if (item.is_object()) {
        out_ += "- ";
        object(item, indent + 2, true);
      } else {
        out_ += "-\n";
        list(item, indent + 2);
      }
    }
  }

 private:
  std::string out_;
};

}  // namespace

std::string print_yaml(const Json& configuration) {
  if (configuration.empty()) return "{}\n";
  Printer printer;
  printer.object(configuration, 0, false);
  return std::move(printer).take();
}

}  // namespace ashlar::convert
