// TOML 1.0 by toml++.
#include <toml++/toml.h>

#include <cmath>

#include "convert/formats.h"

namespace ashlar::convert {
namespace {

using json::Json;

// toml++ makes a table of each part of a dotted key and takes tables apart by recursion, so a key of a million parts ends the
// stack; and it looks the tables up in a list, so very many such keys take hours.
constexpr size_t max_key_parts = 16;
constexpr size_t max_dotted_keys = 50'000;

Position position_of_source(const toml::source_position& source) { return {source.line, source.column}; }

Error refusal(Position position, std::string message, ErrorCode code = ErrorCode::invalid_argument) {
  return Error{code, place_text(position), std::move(message)};
}

// Counts the dots of what could be keys. It knows no strings, and errs towards counting too many.
Result<void> check_keys(std::string_view text) {
  size_t dots = 0, dotted_keys = 0;
  bool line_is_empty = true, comment = false;
  for (size_t at = 0; at < text.size(); ++at) {
    const char c = text[at];
    if (c == '\n') {
      line_is_empty = true;
      comment = false;
      dots = 0;
      continue;
    }
    if (line_is_empty && c == '#') comment = true;
    line_is_empty = line_is_empty && (c == ' ' || c == '\t');
    if (comment) continue;
    if (c == '.') {
      ++dots;
    } else if (c == '=' || c == ']') {
      if (dots >= max_key_parts) {
        return std::unexpected(refusal(position_at(text, at),
                                       fmt::format("a key of more than {} parts", max_key_parts),
                                       ErrorCode::out_of_range));
      }
      if (dots > 0 && ++dotted_keys > max_dotted_keys) {
        return std::unexpected(refusal(position_at(text, at),
                                       fmt::format("more than {} keys with dots", max_dotted_keys),
                                       ErrorCode::out_of_range));
      }
      dots = 0;
    } else if (c == ',' || c == '{' || c == '[') {
      dots = 0;
    }
  }
  return {};
}

class Converter {
 public:
  Result<Located> convert(const toml::node& node, size_t depth) {
    const Position position = position_of_source(node.source().begin);
    if (++nodes_ > max_nodes) {
      return std::unexpected(
          refusal(position, fmt::format("more than {} values", max_nodes), ErrorCode::out_of_range));
    }
    if (depth > max_depth) {
      return std::unexpected(
          refusal(position, fmt::format("nested deeper than {} levels", max_depth), ErrorCode::out_of_range));
    }
    if (const toml::table* table = node.as_table()) return convert_table(*table, position, depth);
    if (const toml::array* array = node.as_array()) return convert_array(*array, position, depth);
    TRY_ASSIGN(Json json, scalar(node, position));
    return Located{std::move(json), {position, {}}};
  }

 private:
  Result<Located> convert_table(const toml::table& table, Position position, size_t depth) {
    Located result{Json::object(), {position, {}}};
    if (table.size() > max_members) {
      return std::unexpected(refusal(position, fmt::format("an object has more than {} members", max_members),
                                     ErrorCode::out_of_range));
    }
    for (const auto& [key, value] : table) {
      TRY_ASSIGN(Located member, convert(value, depth + 1));
      result.json[std::string(key.str())] = std::move(member.json);
      const Position of_key = position_of_source(key.source().begin);
      if (of_key.line != 0) member.place.position = of_key;
      result.place.children.push_back(std::move(member.place));
    }
    return result;
  }
  Result<Located> convert_array(const toml::array& array, Position position, size_t depth) {
    Located result{Json::array(), {position, {}}};
    for (const toml::node& each : array) {
      TRY_ASSIGN(Located item, convert(each, depth + 1));
      result.json.push_back(std::move(item.json));
      result.place.children.push_back(std::move(item.place));
    }
    return result;
  }
  static Result<Json> scalar(const toml::node& node, Position position) {
    if (const auto* text = node.as_string()) return Json(text->get());
    if (const auto* flag = node.as_boolean()) return Json(flag->get());
    if (const auto* number = node.as_integer()) {
      const int64_t value = number->get();
      return value < 0 ? Json(value) : Json(static_cast<uint64_t>(value));
    }
    if (const auto* number = node.as_floating_point()) {
      if (std::isfinite(number->get())) return Json(number->get());
      return std::unexpected(refusal(position, "inf and nan are not numbers that a field can hold"));
    }
    return std::unexpected(refusal(position, "a date or time: write it in quotes"));
  }

  size_t nodes_ = 0;
};

}  // namespace

Result<Located> read_toml(std::string_view text) {
  TRY(check_text(text, "TOML"));
  TRY(check_keys(text));
  try {
    const toml::table table = toml::parse(text);
    return Converter().convert(table, 0);
  } catch (const toml::parse_error& problem) {
    return std::unexpected(refusal(position_of_source(problem.source().begin),
                                   fmt::format("this is not TOML: {}", problem.description())));
  } catch (const std::exception& problem) {
    return fail(ErrorCode::invalid_argument, "", "this is not TOML: {}", problem.what());
  }
}

}  // namespace ashlar::convert
