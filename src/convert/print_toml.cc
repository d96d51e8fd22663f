// TOML as people write it: an array of tables for each kind, a line for each field.
#include <algorithm>

#include "convert/formats.h"

namespace ashlar::convert {
namespace {

using json::Json;

std::string in_quotes(std::string_view text) {
  std::string out = "\"";
  while (!text.empty()) {
    const size_t length = utf8_length(text);
    const std::string_view sequence = text.substr(0, std::max<size_t>(length, 1));
    text.remove_prefix(sequence.size());
    const unsigned char c = static_cast<unsigned char>(sequence[0]);
    if (length == 0) {
      out += "\xef\xbf\xbd";  // U+FFFD, as print_json() does
    } else if (c == '"' || c == '\\') {
      out += '\\';
      out += sequence;
    } else if (c == '\n') {
      out += "\\n";
    } else if (c == '\t') {
      out += "\\t";
    } else if (c < 0x20 || c == 0x7f) {
      out += fmt::format("\\u{:04X}", c);
    } else {
      out += sequence;
    }
  }
  return out + '"';
}

std::string key(std::string_view name) {
  const bool bare = !name.empty() && std::ranges::all_of(name, [](unsigned char c) {
    return c < 0x80 && (std::isalnum(c) || c == '_' || c == '-');
  });
  return bare ? std::string(name) : in_quotes(name);
}

Result<std::string> inline_value(const Json& value, const std::string& path) {
  if (value.is_string()) return in_quotes(value.get_ref<const std::string&>());
  // TOML's whole numbers have a sign; fields as large as this take text as well.
  if (value.is_number_unsigned() && value.get<uint64_t>() > INT64_MAX)
    return fmt::format("\"{}\"", value.get<uint64_t>());
  if (value.is_null()) return fail(ErrorCode::unsupported, path, "is null, which TOML cannot tell");
  if (!value.is_structured()) return json::print_json(value);
  std::string out;
  for (const auto& [name, member] : value.items()) {
    if (value.is_object() && member.is_null()) continue;
    TRY_ASSIGN(const std::string text, inline_value(member, path));
    if (!out.empty()) out += ", ";
    if (value.is_object()) out += key(name) + " = ";
    out += text;
  }
  if (value.is_array()) return "[" + out + "]";
  return out.empty() ? "{}" : "{ " + out + " }";
}

}  // namespace

Result<std::string> print_toml(const Json& configuration) {
  std::string out;
  for (const auto& [kind, resources] : configuration.items()) {
    for (const Json& resource : resources) {
      out += fmt::format("\n[[{}]]\n", key(kind));
      for (const auto& [name, member] : resource.items()) {
        if (member.is_null()) continue;
        TRY_ASSIGN(const std::string text, inline_value(member, fmt::format("{}.{}", kind, name)));
        out += fmt::format("{} = {}\n", key(name), text);
      }
    }
  }
  return out;
}

}  // namespace ashlar::convert
