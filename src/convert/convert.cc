#include "convert/convert.h"

#include <algorithm>

#include "convert/formats.h"

namespace ashlar::convert {
namespace {

using api::Json;

constexpr std::string_view header = "# Ashlar configuration\n";

Result<Located> read_json(std::string_view text) {
  Result<Json> json = api::parse_json(text);
  if (json) return Located{std::move(*json), {}};
  Error error = std::move(json).error();
  // What is not the syntax's fault comes without a place.
  if (error.place.empty() && text.size() <= api::max_json_bytes) error.place = place_text(json_refusal(text));
  return std::unexpected(std::move(error));
}

Result<Located> read(std::string_view text, Format format) {
  switch (format) {
    case Format::json: return read_json(text);
    case Format::yaml: return read_yaml(text);
    case Format::toml: break;
  }
  return read_toml(text);
}

// "volumes[3].size_byte" to "line 12, column 3 (volumes[3].size_byte)".
Error located_error(Error error, std::string_view text, Format format, const Located& document) {
  const std::vector<size_t> steps = steps_of(document.json, error.place);
  const Position position =
      format == Format::json ? json_position(text, steps) : position_of(document.place, steps);
  error.place =
      error.place.empty() ? place_text(position) : fmt::format("{} ({})", place_text(position), error.place);
  return error;
}

bool is_key_character(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) || c == '_' || c == '-' || c == '.';
}

// The first line that says something.
std::string_view first_line(std::string_view text) {
  if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    while (!line.empty() && std::isspace(static_cast<unsigned char>(line.front()))) line.remove_prefix(1);
    if (!line.empty() && line.front() != '#') return line;
  }
  return {};
}

}  // namespace

Result<Format> parse_format(std::string_view name) {
  if (name == "json") return Format::json;
  if (name == "yaml" || name == "yml") return Format::yaml;
  if (name == "toml") return Format::toml;
  return fail(ErrorCode::invalid_argument, "format", "'{}' is not a format: json, yaml or toml", name);
}

Result<Format> guess_format(std::string_view text) {
  const std::string_view line = first_line(text);
  if (line.starts_with('{')) return Format::json;
  if (line.starts_with("---") || line.starts_with('%')) return Format::yaml;
  if (line.starts_with('[')) return Format::toml;
  const auto end = std::ranges::find_if_not(line, [](char c) { return is_key_character(c) || c == '"'; });
  const std::string_view rest = line.substr(static_cast<size_t>(end - line.begin()));
  const size_t sign = rest.find_first_not_of(" \t");
  if (end != line.begin() && sign != std::string_view::npos) {
    if (rest[sign] == '=') return Format::toml;
    if (rest[sign] == ':') return Format::yaml;
  }
  return fail(ErrorCode::invalid_argument, "", "this is none of JSON, YAML and TOML{}",
              line.empty() ? ": there is nothing in it" : "; say which it is meant to be");
}

Result<std::string> print(const Json& configuration, Format format) {
  TRY_ASSIGN(const Json json, portable_json(configuration));
  if (format == Format::json) return api::print_json(json, 2) + "\n";
  if (format == Format::yaml) return std::string(header) + print_yaml(json);
  TRY_ASSIGN(const std::string text, print_toml(json));
  return std::string(header) + text;
}

Result<Json> parse(std::string_view text, Format format) {
  TRY_ASSIGN(Located document, read(text, format));
  // A file of comments alone is an empty configuration, as it is in TOML.
  if (format == Format::yaml && document.json.is_null()) document.json = Json::object();
  if (Result<api::Configuration> taken = api::read_configuration(document.json); !taken)
    return std::unexpected(located_error(std::move(taken).error(), text, format, document));
  return std::move(document.json);
}

Result<Json> parse_yaml(std::string_view text) {
  TRY_ASSIGN(Located document, read_yaml(text));
  return std::move(document.json);
}

}  // namespace ashlar::convert
