#include "api/schema.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <set>
#include <utility>

#include "api/schema_node.h"
#include "json/fields.h"

namespace ashlar::api {
namespace {

constexpr size_t max_depth = 128;        // schemas within schemas on the way to one value
constexpr size_t max_steps = 8'000'000;  // schemas asked about one value; 16 MiB of JSON need 6 million
constexpr size_t steps_of_message = 20;  // of an alternative that fails, beside its own
constexpr size_t max_shown_bytes = 80;   // of a value in a message

uint8_t types_of(const Json& value) {
  switch (value.type()) {
    case Json::value_t::null: return type_null;
    case Json::value_t::boolean: return type_boolean;
    case Json::value_t::number_integer:
    case Json::value_t::number_unsigned: return type_integer | type_number;
    case Json::value_t::number_float: return type_number;
    case Json::value_t::string: return type_string;
    case Json::value_t::array: return type_array;
    case Json::value_t::object: return type_object;
    default: return 0;
  }
}

std::string words_of(uint8_t types) {
  constexpr std::pair<uint8_t, const char*> words[] = {
      {type_object, "an object"}, {type_array, "a list"},
      {type_string, "a string"},  {type_integer, "a whole number"},
      {type_number, "a number"},  {type_boolean, "true or false"},
      {type_null, "null"},
  };
  std::vector<const char*> wanted;
  for (const auto& [type, word] : words) {
    if ((types & type) != 0) wanted.push_back(word);
  }
  return fmt::format("{}", fmt::join(wanted, " or "));
}

long double number_of(const Json& number) {
  if (number.is_number_unsigned()) return static_cast<long double>(number.get<uint64_t>());
  if (number.is_number_integer()) return static_cast<long double>(number.get<int64_t>());
  return static_cast<long double>(number.get<double>());
}

/// Code points of UTF-8; of other bytes no fewer than a quarter of them, so that a bound on it bounds the bytes.
size_t length_of(std::string_view text) {
  size_t count = 0;
  for (const char c : text) count += (static_cast<unsigned char>(c) & 0xc0) != 0x80 ? 1 : 0;
  return std::max(count, text.size() / 4);
}

std::string shorten(const Json& value) {
  std::string text = value.is_string() ? value.get_ref<const std::string&>() : print_json(value);
  if (text.size() > max_shown_bytes) text = text.substr(0, max_shown_bytes) + "...";
  return value.is_string() ? "'" + text + "'" : text;
}

/// One value under examination. Errors carry the path, which is only spelled out when there is one.
class Examiner {
 public:
  Examiner(Direction direction, std::string_view place) : direction_(direction), place_(place) {}

  Result<void> check(const SchemaNode& node, const Json& value, bool partial);

 private:
  struct Step {
    const std::string* name;  ///< null: an index
    size_t index;
  };

  Result<void> check_combined(const SchemaNode& node, const Json& value, bool partial);
  Result<void> check_one_of(const SchemaNode& node, const Json& value, bool partial);
  Result<void> check_any_of(const SchemaNode& node, const Json& value, bool partial);
  Result<void> check_values(const SchemaNode& node, const Json& value) const;
  Result<void> check_number(const SchemaNode& node, const Json& value) const;
  Result<void> check_string(const SchemaNode& node, const Json& value) const;
  Result<void> check_array(const SchemaNode& node, const Json& value);
  Result<void> check_object(const SchemaNode& node, const Json& value, bool partial);
  Result<void> check_required(const SchemaNode& node, const Json& value) const;
  Result<void> check_member(const SchemaNode& node, const std::string& name, const Json& member,
                            bool partial);
  Result<void> check_inside(Step step, const SchemaNode& node, const Json& value, bool partial);

  /// An alternative that fails: the one that came furthest into the value is what was meant.
  void keep_best(std::optional<std::pair<size_t, Error>>& best, Error error) {
    count_ += steps_of_message;
    if (!best || furthest_ > best->first) best.emplace(furthest_, std::move(error));
  }

  std::string path(std::string_view member = "") const {
    std::string text = place_;
    const auto add_name = [&text](std::string_view name) {
      if (!text.empty()) text += '.';
      text += name;
    };
    for (const Step& step : steps_) {
      if (step.name == nullptr)
        text += fmt::format("[{}]", step.index);
      else
        add_name(*step.name);
    }
    if (!member.empty()) add_name(member);
    return text;
  }

  template <typename... Arguments>
  std::unexpected<Error> refuse(ErrorCode code, fmt::format_string<Arguments...> format,
                                Arguments&&... arguments) const {
    furthest_ = std::max(furthest_, steps_.size());
    return fail(code, path(), format, std::forward<Arguments>(arguments)...);
  }

  std::string shown(const Json& value) const { return secret_ ? "the secret" : shorten(value); }

  Direction direction_;
  std::string place_;
  std::vector<Step> steps_;
  bool secret_ = false;  ///< within something that is write-only: no message may show it
  size_t depth_ = 0, count_ = 0;
  mutable size_t furthest_ = 0;  ///< steps into the value at which the last refusal stood
};

Result<void> Examiner::check(const SchemaNode& node, const Json& value, bool partial) {
  if (depth_ >= max_depth) return refuse(ErrorCode::out_of_range, "is nested too deeply");
  if (++count_ > max_steps)
    return refuse(ErrorCode::out_of_range, "is more than can be checked at once: send less");
  if (node.never) return refuse(ErrorCode::invalid_argument, "must not be there");
  if (node.types != 0 && (node.types & types_of(value)) == 0) {
    furthest_ = std::max(furthest_, steps_.size());
    return std::unexpected(wrong_type(value, path(), words_of(node.types)));
  }
  partial = partial || node.partial;
  const bool outside = std::exchange(secret_, secret_ || node.write_only);
  ++depth_;
  Result<void> done = check_combined(node, value, partial);
  if (done) done = check_values(node, value);
  if (done && value.is_number()) done = check_number(node, value);
  if (done && value.is_string()) done = check_string(node, value);
  if (done && value.is_array()) done = check_array(node, value);
  if (done && value.is_object()) done = check_object(node, value, partial);
  --depth_;
  secret_ = outside;
  return done;
}

Result<void> Examiner::check_combined(const SchemaNode& node, const Json& value, bool partial) {
  if (node.reference != nullptr) TRY(check(*node.reference, value, partial));
  for (const SchemaNode* each : node.all_of) TRY(check(*each, value, partial));
  if (!node.any_of.empty()) TRY(check_any_of(node, value, partial));
  return node.one_of.empty() ? Result<void>{} : check_one_of(node, value, partial);
}

Result<void> Examiner::check_any_of(const SchemaNode& node, const Json& value, bool partial) {
  std::optional<std::pair<size_t, Error>> best;
  for (const SchemaNode* each : node.any_of) {
    furthest_ = 0;
    Result<void> done = check(*each, value, partial);
    if (done) return {};
    keep_best(best, std::move(done).error());
  }
  furthest_ = best->first;
  return std::unexpected(std::move(best->second));
}

Result<void> Examiner::check_one_of(const SchemaNode& node, const Json& value, bool partial) {
  std::optional<std::pair<size_t, Error>> best;
  size_t fits = 0;
  for (const SchemaNode* each : node.one_of) {
    furthest_ = 0;
    Result<void> done = check(*each, value, partial);
    if (done)
      ++fits;
    else
      keep_best(best, std::move(done).error());
  }
  if (fits == 1) return {};
  if (fits > 1) return refuse(ErrorCode::invalid_argument, "could be meant in {} ways: say more", fits);
  furthest_ = best->first;
  return std::unexpected(std::move(best->second));
}

Result<void> Examiner::check_values(const SchemaNode& node, const Json& value) const {
  if (!node.has_values || std::find(node.values.begin(), node.values.end(), value) != node.values.end())
    return {};
  std::vector<std::string> texts;
  for (const Json& each : node.values)
    texts.push_back(each.is_string() ? each.get_ref<const std::string&>() : print_json(each));
  if (value.is_string() && !secret_) {
    const std::vector<std::string_view> known(texts.begin(), texts.end());
    return refuse(ErrorCode::invalid_argument, "{} is not known{}", shown(value),
                  advice(value.get_ref<const std::string&>(), known));
  }
  return refuse(ErrorCode::invalid_argument, "{} is none of: {}", shown(value), fmt::join(texts, ", "));
}

Result<void> Examiner::check_number(const SchemaNode& node, const Json& value) const {
  const long double number = number_of(value);
  if (node.minimum && !(number >= number_of(*node.minimum)))
    return refuse(ErrorCode::out_of_range, "{} is less than {}", shown(value), print_json(*node.minimum));
  if (node.maximum && !(number <= number_of(*node.maximum)))
    return refuse(ErrorCode::out_of_range, "{} is more than {}", shown(value), print_json(*node.maximum));
  if (node.above && !(number > number_of(*node.above)))
    return refuse(ErrorCode::out_of_range, "{} must be more than {}", shown(value), print_json(*node.above));
  if (node.below && !(number < number_of(*node.below)))
    return refuse(ErrorCode::out_of_range, "{} must be less than {}", shown(value), print_json(*node.below));
  return {};
}

Result<void> Examiner::check_string(const SchemaNode& node, const Json& value) const {
  const auto& text = value.get_ref<const std::string&>();
  const size_t length = length_of(text);
  if (length > node.max_length)
    return refuse(ErrorCode::out_of_range, "has {} characters; at most {}", length, node.max_length);
  if (length < node.min_length && node.min_length == 1) return refuse(ErrorCode::out_of_range, "is empty");
  if (length < node.min_length)
    return refuse(ErrorCode::out_of_range, "has {} characters; at least {}", length, node.min_length);
  if (!node.pattern || std::regex_search(text, *node.pattern)) return {};
  if (node.pattern_help.empty())
    return refuse(ErrorCode::invalid_argument, "{} does not fit {}", shown(value), node.pattern_text);
  return refuse(ErrorCode::invalid_argument, "{} does not fit {} ({})", shown(value), node.pattern_text,
                node.pattern_help);
}

Result<void> Examiner::check_array(const SchemaNode& node, const Json& value) {
  if (value.size() > node.max_items)
    return refuse(ErrorCode::out_of_range, "has {} entries; at most {}", value.size(), node.max_items);
  if (value.size() < node.min_items)
    return refuse(ErrorCode::out_of_range, "has {} entries; at least {}", value.size(), node.min_items);
  std::set<std::string> seen;
  for (size_t i = 0; i < value.size(); ++i) {
    if (node.items != nullptr) TRY(check_inside({nullptr, i}, *node.items, value[i], false));
    if (node.unique_items && !seen.insert(print_json(value[i])).second)
      return refuse(ErrorCode::invalid_argument, "{} stands twice in the list", shown(value[i]));
  }
  return {};
}

Result<void> Examiner::check_object(const SchemaNode& node, const Json& value, bool partial) {
  if (value.size() > node.max_properties)
    return refuse(ErrorCode::out_of_range, "has {} members; at most {}", value.size(), node.max_properties);
  if (value.size() < node.min_properties && !partial)
    return refuse(ErrorCode::out_of_range, "has {} members; at least {}", value.size(), node.min_properties);
  // Members first: an unknown key explains a missing one.
  for (const auto& [name, member] : value.items()) TRY(check_member(node, name, member, partial));
  return partial ? Result<void>{} : check_required(node, value);
}

Result<void> Examiner::check_member(const SchemaNode& node, const std::string& name, const Json& member,
                                    bool partial) {
  const auto known = node.properties.find(name);
  const SchemaNode* schema = known == node.properties.end() ? node.additional : known->second;
  if (schema == nullptr) return {};
  if (known == node.properties.end() && schema->never) {
    furthest_ = std::max(furthest_, steps_.size());
    const std::vector<std::string_view> names(node.names.begin(), node.names.end());
    return fail(ErrorCode::invalid_argument, path(name.substr(0, max_shown_bytes)), "unknown key{}",
                advice(name, names));
  }
  if (direction_ == Direction::request && is_read_only(*schema)) return {};
  if (partial && member.is_null()) return {};
  return check_inside({&name, 0}, *schema, member, partial);
}

Result<void> Examiner::check_inside(Step step, const SchemaNode& node, const Json& value, bool partial) {
  steps_.push_back(step);
  Result<void> done = check(node, value, partial);
  steps_.pop_back();
  return done;
}

Result<void> Examiner::check_required(const SchemaNode& node, const Json& value) const {
  for (const std::string& name : node.required) {
    if (value.contains(name)) continue;
    const auto known = node.properties.find(name);
    if (known != node.properties.end()) {
      if (direction_ == Direction::request && is_read_only(*known->second)) continue;
      if (direction_ == Direction::response && is_write_only(*known->second)) continue;
    }
    furthest_ = std::max(furthest_, steps_.size());
    return fail(ErrorCode::invalid_argument, path(name), "is missing");
  }
  return {};
}

void drop_read_only(const SchemaNode& node, Json& value) {
  if (node.reference != nullptr) drop_read_only(*node.reference, value);
  for (const SchemaNode* each : node.all_of) drop_read_only(*each, value);
  if (value.is_array() && node.items != nullptr) {
    for (Json& each : value) drop_read_only(*node.items, each);
  }
  if (!value.is_object()) return;
  for (const auto& [name, schema] : node.properties) {
    const auto member = value.find(name);
    if (member == value.end()) continue;
    if (is_read_only(*schema))
      value.erase(member);
    else
      drop_read_only(*schema, *member);
  }
}

const SchemaNode& end_of(const SchemaNode& node) {
  const SchemaNode* end = &node;
  while (end->types == 0 && end->reference != nullptr) end = end->reference;
  return *end;
}

template <typename Number>
std::optional<Json> read_number(std::string_view text) {
  Number number{};
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (problem != std::errc() || end != text.data() + text.size()) return std::nullopt;
  if (!std::isfinite(static_cast<double>(number))) return std::nullopt;
  return Json(number);
}

}  // namespace

Schema::Schema() : node_(std::make_shared<SchemaNode>()) {}

Result<void> Schema::check(const Json& value, CheckMode mode, std::string_view place) const {
  Examiner examiner(mode.direction, place);
  return examiner.check(*node_, value, mode.partial);
}

Result<Json> Schema::read_text(std::string_view text, std::string_view place) const {
  const uint8_t types = end_of(*node_).types;
  Json value = std::string(text);
  if ((types & type_integer) != 0) {
    const auto number = text.starts_with('-') ? read_number<int64_t>(text) : read_number<uint64_t>(text);
    if (number) value = *number;
  } else if ((types & type_number) != 0) {
    if (const auto number = read_number<double>(text)) value = *number;
  } else if ((types & type_boolean) != 0 && (text == "true" || text == "false")) {
    value = text == "true";
  }
  TRY(check(value, {}, place));
  return value;
}

Json Schema::without_read_only(Json value) const {
  drop_read_only(*node_, value);
  return value;
}

const std::optional<Json>& Schema::default_value() const {
  const SchemaNode* node = node_.get();
  while (!node->default_value && node->reference != nullptr) node = node->reference;
  return node->default_value;
}

std::map<std::string, Schema> Schema::properties() const {
  std::map<std::string, Schema> all;
  for (const auto& [name, node] : end_of(*node_).properties) all.emplace(name, with(*node));
  return all;
}

std::vector<std::string> Schema::required() const { return end_of(*node_).required; }
bool Schema::read_only() const { return is_read_only(*node_); }
bool Schema::write_only() const { return is_write_only(*node_); }

}  // namespace ashlar::api
