// From the document's JSON to SchemaNodes: one function a group of keywords, and nothing that is not known gets past.
#include <algorithm>
#include <deque>
#include <set>

#include "api/schema.h"
#include "api/schema_node.h"
#include "json/fields.h"

namespace ashlar::api {
namespace {

constexpr size_t max_schema_depth = 200;    // references counted
constexpr size_t max_nodes = 100'000;       // of one document
constexpr size_t max_pattern_length = 256;  // of the strings: std::regex recurses for each character

constexpr std::string_view known_keywords[] = {"$ref",
                                               "allOf",
                                               "anyOf",
                                               "oneOf",
                                               "type",
                                               "enum",
                                               "const",
                                               "minimum",
                                               "maximum",
                                               "exclusiveMinimum",
                                               "exclusiveMaximum",
                                               "minLength",
                                               "maxLength",
                                               "pattern",
                                               "items",
                                               "minItems",
                                               "maxItems",
                                               "uniqueItems",
                                               "properties",
                                               "required",
                                               "additionalProperties",
                                               "minProperties",
                                               "maxProperties",
                                               "readOnly",
                                               "writeOnly",
                                               "default",
                                               "title",
                                               "description",
                                               "example",
                                               "examples",
                                               "format",
                                               "deprecated",
                                               "$comment"};

std::unexpected<Error> refuse(const std::string& place, std::string message) {
  return std::unexpected(Error{ErrorCode::invalid_argument, place, std::move(message)});
}

Result<uint8_t> type_bit(const Json& name, const std::string& place) {
  constexpr std::pair<std::string_view, uint8_t> types[] = {
      {"null", type_null},     {"boolean", type_boolean}, {"integer", type_integer}, {"number", type_number},
      {"string", type_string}, {"array", type_array},     {"object", type_object},
  };
  for (const auto& [word, bit] : types) {
    if (name.is_string() && name.get_ref<const std::string&>() == word) return bit;
  }
  return refuse(place, fmt::format("{} is no type of JSON Schema", print_json(name)));
}

Result<void> read_types(const Json& schema, const std::string& place, SchemaNode& node) {
  const auto type = schema.find("type");
  if (type == schema.end()) return {};
  const Json names = type->is_array() ? *type : Json::array({*type});
  if (names.empty()) return refuse(place + ".type", "is an empty list");
  for (const Json& name : names) {
    TRY_ASSIGN(const uint8_t bit, type_bit(name, place + ".type"));
    node.types |= bit;
  }
  return {};
}

Result<void> read_count(const Json& schema, const char* keyword, const std::string& place, size_t& count) {
  const auto found = schema.find(keyword);
  if (found == schema.end()) return {};
  uint64_t number = 0;
  TRY(read_value(*found, fmt::format("{}.{}", place, keyword), number));
  count = number;
  return {};
}

Result<void> read_bound(const Json& schema, const char* keyword, const std::string& place,
                        std::optional<Json>& bound) {
  const auto found = schema.find(keyword);
  if (found == schema.end()) return {};
  if (!found->is_number())
    return std::unexpected(wrong_type(*found, fmt::format("{}.{}", place, keyword), "a number"));
  bound = *found;
  return {};
}

Result<void> read_flag(const Json& schema, const char* keyword, const std::string& place, bool& flag) {
  const auto found = schema.find(keyword);
  if (found == schema.end()) return {};
  return read_value(*found, fmt::format("{}.{}", place, keyword), flag);
}

Result<void> read_bounds(const Json& schema, const std::string& place, SchemaNode& node) {
  TRY(read_bound(schema, "minimum", place, node.minimum));
  TRY(read_bound(schema, "maximum", place, node.maximum));
  TRY(read_bound(schema, "exclusiveMinimum", place, node.above));
  TRY(read_bound(schema, "exclusiveMaximum", place, node.below));
  TRY(read_count(schema, "minLength", place, node.min_length));
  TRY(read_count(schema, "maxLength", place, node.max_length));
  TRY(read_count(schema, "minItems", place, node.min_items));
  TRY(read_count(schema, "maxItems", place, node.max_items));
  TRY(read_count(schema, "minProperties", place, node.min_properties));
  TRY(read_count(schema, "maxProperties", place, node.max_properties));
  TRY(read_flag(schema, "uniqueItems", place, node.unique_items));
  TRY(read_flag(schema, "readOnly", place, node.read_only));
  TRY(read_flag(schema, "x-ashlar-partial", place, node.partial));
  return read_flag(schema, "writeOnly", place, node.write_only);
}

Result<void> read_values(const Json& schema, const std::string& place, SchemaNode& node) {
  if (const auto list = schema.find("enum"); list != schema.end()) {
    if (!list->is_array() || list->empty())
      return refuse(place + ".enum", "must be a list with something in it");
    node.values.assign(list->begin(), list->end());
    node.has_values = true;
  }
  if (const auto only = schema.find("const"); only != schema.end()) {
    if (node.has_values) return refuse(place + ".const", "stands beside an enum: leave one of them out");
    node.values = {*only};
    node.has_values = true;
  }
  if (const auto value = schema.find("default"); value != schema.end()) node.default_value = *value;
  return {};
}

Result<void> read_pattern(const Json& schema, const std::string& place, SchemaNode& node) {
  const auto pattern = schema.find("pattern");
  if (pattern == schema.end()) return {};
  TRY(read_value(*pattern, place + ".pattern", node.pattern_text));
  if (node.max_length > max_pattern_length)
    return refuse(place + ".pattern",
                  fmt::format("needs a maxLength of at most {} beside it", max_pattern_length));
  if (const auto help = schema.find("description"); help != schema.end())
    TRY(read_value(*help, place + ".description", node.pattern_help));
  while (!node.pattern_help.empty() && (node.pattern_help.back() == '\n' || node.pattern_help.back() == '.'))
    node.pattern_help.pop_back();
  try {
    node.pattern.emplace(node.pattern_text, std::regex::ECMAScript | std::regex::optimize);
  } catch (const std::regex_error& problem) {
    return refuse(place + ".pattern", fmt::format("is no regular expression: {}", problem.what()));
  }
  return {};
}

Result<void> read_required(const Json& schema, const std::string& place, SchemaNode& node) {
  const auto required = schema.find("required");
  if (required == schema.end()) return {};
  if (!required->is_array()) return refuse(place + ".required", "must be a list of names");
  for (const Json& name : *required) {
    TRY(read_value(name, place + ".required", node.required.emplace_back()));
    const auto properties = schema.find("properties");
    if (properties == schema.end() || !properties->contains(node.required.back()))
      return refuse(place + ".required", fmt::format("'{}' is none of the properties", node.required.back()));
  }
  return {};
}

Result<void> check_keywords(const Json& schema, const std::string& place) {
  for (const auto& [keyword, value] : schema.items()) {
    if (keyword.starts_with("x-") || std::ranges::find(known_keywords, keyword) != std::end(known_keywords))
      continue;
    const std::vector<std::string_view> known(std::begin(known_keywords), std::end(known_keywords));
    return refuse(fmt::format("{}.{}", place, keyword),
                  "is a keyword that would not be checked" + advice(keyword, known));
  }
  return {};
}

/// All that is asked about the very same value: a ring of these would never end.
std::vector<const SchemaNode*> same_value(const SchemaNode& node) {
  std::vector<const SchemaNode*> all;
  if (node.reference != nullptr) all.push_back(node.reference);
  for (const auto* list : {&node.all_of, &node.any_of, &node.one_of})
    all.insert(all.end(), list->begin(), list->end());
  return all;
}

}  // namespace

const Json* find_by_pointer(const Json& document, std::string_view pointer) {
  if (!pointer.starts_with('#')) return nullptr;
  pointer.remove_prefix(1);
  const Json* found = &document;
  while (!pointer.empty()) {
    if (pointer[0] != '/') return nullptr;
    const size_t end = std::min(pointer.find('/', 1), pointer.size());
    std::string name(pointer.substr(1, end - 1));
    for (const auto& [written, meant] : {std::pair{"~1", "/"}, std::pair{"~0", "~"}}) {
      for (size_t at = name.find(written); at != std::string::npos; at = name.find(written, at + 1))
        name.replace(at, 2, meant);
    }
    if (!found->is_object() || !found->contains(name)) return nullptr;
    found = &(*found)[name];
    pointer.remove_prefix(end);
  }
  return found;
}

struct SchemaCompiler::State {
  using Nodes = std::deque<SchemaNode>;  // nodes do not move: they point to each other

  explicit State(const Json& whole) : document(whole) {}

  Result<const SchemaNode*> compile(const Json& schema, const std::string& place, size_t depth);
  Result<void> fill(const Json& schema, const std::string& place, size_t depth, SchemaNode& node);
  Result<void> read_list(const Json& schema, const char* keyword, const std::string& place, size_t depth,
                         std::vector<const SchemaNode*>& list);
  Result<void> read_object(const Json& schema, const std::string& place, size_t depth, SchemaNode& node);
  Result<const SchemaNode*> follow(const Json& reference, const std::string& place, size_t depth);
  Result<void> find_ring(const SchemaNode& node, const std::string& place);

  const Json& document;
  std::shared_ptr<Nodes> nodes = std::make_shared<Nodes>();
  std::map<std::string, const SchemaNode*, std::less<>> by_reference;
  std::set<const SchemaNode*> open, ended;  // for find_ring()
  size_t looked_over = 0;                   // nodes that find_ring() has seen
};

Result<const SchemaNode*> SchemaCompiler::State::compile(const Json& schema, const std::string& place,
                                                         size_t depth) {
  if (depth > max_schema_depth) return refuse(place, "schemas are nested too deeply here");
  if (nodes->size() >= max_nodes) return refuse(place, fmt::format("more than {} schemas", max_nodes));
  SchemaNode& node = nodes->emplace_back();
  TRY(fill(schema, place, depth, node));
  return &node;
}

Result<void> SchemaCompiler::State::fill(const Json& schema, const std::string& place, size_t depth,
                                         SchemaNode& node) {
  if (schema.is_boolean()) {
    node.never = !schema.get<bool>();
    return {};
  }
  if (!schema.is_object()) return std::unexpected(wrong_type(schema, place, "a schema"));
  TRY(check_keywords(schema, place));
  TRY(read_types(schema, place, node));
  TRY(read_bounds(schema, place, node));
  TRY(read_values(schema, place, node));
  TRY(read_pattern(schema, place, node));
  TRY(read_required(schema, place, node));
  TRY(read_list(schema, "allOf", place, depth, node.all_of));
  TRY(read_list(schema, "anyOf", place, depth, node.any_of));
  TRY(read_list(schema, "oneOf", place, depth, node.one_of));
  if (const auto items = schema.find("items"); items != schema.end()) {
    TRY_ASSIGN(node.items, compile(*items, place + ".items", depth + 1));
  }
  if (const auto reference = schema.find("$ref"); reference != schema.end()) {
    TRY_ASSIGN(node.reference, follow(*reference, place, depth));
  }
  return read_object(schema, place, depth, node);
}

Result<void> SchemaCompiler::State::read_list(const Json& schema, const char* keyword,
                                              const std::string& place, size_t depth,
                                              std::vector<const SchemaNode*>& list) {
  const auto found = schema.find(keyword);
  if (found == schema.end()) return {};
  const std::string where = fmt::format("{}.{}", place, keyword);
  if (!found->is_array() || found->empty()) return refuse(where, "must be a list of schemas");
  for (size_t i = 0; i < found->size(); ++i) {
    TRY_ASSIGN(const SchemaNode* node, compile((*found)[i], fmt::format("{}[{}]", where, i), depth + 1));
    list.push_back(node);
  }
  return {};
}

Result<void> SchemaCompiler::State::read_object(const Json& schema, const std::string& place, size_t depth,
                                                SchemaNode& node) {
  if (const auto properties = schema.find("properties"); properties != schema.end()) {
    if (!properties->is_object())
      return std::unexpected(wrong_type(*properties, place + ".properties", "an object"));
    for (const auto& [name, property] : properties->items()) {
      TRY_ASSIGN(node.properties[name], compile(property, fmt::format("{}.{}", place, name), depth + 1));
      node.names.push_back(name);
    }
  }
  if (const auto additional = schema.find("additionalProperties"); additional != schema.end()) {
    TRY_ASSIGN(node.additional, compile(*additional, place + ".additionalProperties", depth + 1));
  }
  return {};
}

Result<const SchemaNode*> SchemaCompiler::State::follow(const Json& reference, const std::string& place,
                                                        size_t depth) {
  std::string pointer;
  TRY(read_value(reference, place + ".$ref", pointer));
  if (const auto known = by_reference.find(pointer); known != by_reference.end()) return known->second;
  const Json* target = pointer.starts_with("#/components/") ? find_by_pointer(document, pointer) : nullptr;
  if (target == nullptr) return refuse(place + ".$ref", fmt::format("'{}' leads nowhere", pointer));
  if (depth > max_schema_depth) return refuse(place, "schemas are nested too deeply here");
  SchemaNode& node = nodes->emplace_back();
  by_reference.emplace(pointer, &node);  // before it is filled: it may refer to itself
  TRY(fill(*target, pointer.substr(pointer.rfind('/') + 1), depth + 1, node));
  return &node;
}

Result<void> SchemaCompiler::State::find_ring(const SchemaNode& node, const std::string& place) {
  if (ended.contains(&node)) return {};
  if (!open.insert(&node).second) return refuse(place, "refers to itself without end");
  for (const SchemaNode* each : same_value(node)) TRY(find_ring(*each, place));
  open.erase(&node);
  ended.insert(&node);
  return {};
}

SchemaCompiler::SchemaCompiler(const Json& document) : state_(std::make_unique<State>(document)) {}
SchemaCompiler::~SchemaCompiler() = default;

Result<Schema> SchemaCompiler::compile(const Json& schema, const std::string& place) {
  TRY_ASSIGN(const SchemaNode* node, state_->compile(schema, place, 0));
  for (; state_->looked_over < state_->nodes->size(); ++state_->looked_over)
    TRY(state_->find_ring((*state_->nodes)[state_->looked_over], place));
  return Schema(std::shared_ptr<const SchemaNode>(state_->nodes, node));
}

}  // namespace ashlar::api
