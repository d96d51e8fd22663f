#include "api/openapi.h"

#include <algorithm>
#include <cctype>
#include <set>

#include "api/openapi_state.h"
#include "json/fields.h"

namespace ashlar::api {
namespace {

constexpr size_t max_path_bytes = 4096;
constexpr size_t max_path_segments = 64;
constexpr size_t max_query_parameters = 64;

std::string lower(std::string_view text) {
  std::string result(text);
  for (char& c : result) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return result;
}

std::string media_type(std::string_view content_type) {
  std::string_view type = content_type.substr(0, content_type.find(';'));
  while (!type.empty() && type.front() == ' ') type.remove_prefix(1);
  while (!type.empty() && type.back() == ' ') type.remove_suffix(1);
  return lower(type);
}

/// A parameter that spans takes what the segments around it leave over, one at least.
bool fits(const PathTemplate& path, const std::vector<std::string_view>& segments,
          std::map<std::string, std::string>& parameters) {
  using enum PathTemplate::Segment::Kind;
  if (segments.size() < path.segments.size()) return false;
  size_t spare = segments.size() - path.segments.size();
  size_t at = 0;
  std::map<std::string, std::string> values;
  for (const PathTemplate::Segment& segment : path.segments) {
    std::string value(segments[at++]);
    if (segment.kind == literal) {
      if (value != segment.text) return false;
      continue;
    }
    for (; segment.kind == spanning && spare > 0; --spare) value += "/" + std::string(segments[at++]);
    if (value.empty()) return false;
    values.emplace(segment.text, std::move(value));
  }
  if (spare != 0) return false;
  parameters = std::move(values);
  return true;
}

std::vector<std::string_view> names_of(const Operation& operation, Parameter::In in) {
  std::vector<std::string_view> names;
  for (const Parameter& each : operation.parameters) {
    if (each.in == in) names.emplace_back(each.name);
  }
  return names;
}

/// Adds what was not said: defaults, or the error that it must be.
Result<void> complete(const Operation& operation, Parameter::In in, Json& values) {
  for (const Parameter& each : operation.parameters) {
    if (each.in != in || values.contains(each.name)) continue;
    if (each.required) return fail(ErrorCode::invalid_argument, each.name, "is missing");
    if (each.schema.default_value()) values[each.name] = *each.schema.default_value();
  }
  return {};
}

}  // namespace

const Schema* find_content(const Content& content, std::string_view content_type) {
  const auto found = content.find(media_type(content_type));
  return found == content.end() ? nullptr : &found->second;
}

const Schema* find_json(const Content& content) {
  for (const char* type : {"application/json", "application/problem+json", "application/merge-patch+json"}) {
    if (const auto found = content.find(type); found != content.end()) return &found->second;
  }
  return nullptr;
}

const Parameter* Operation::find_parameter(Parameter::In in, std::string_view name) const {
  const auto found = std::ranges::find_if(
      parameters, [&](const Parameter& each) { return each.in == in && each.name == name; });
  return found == parameters.end() ? nullptr : &*found;
}

std::vector<std::string_view> split_path(std::string_view path) {
  std::vector<std::string_view> segments;
  while (path.starts_with('/')) {
    path.remove_prefix(1);
    const size_t end = std::min(path.find('/'), path.size());
    segments.push_back(path.substr(0, end));
    path.remove_prefix(end);
  }
  return segments;
}

const std::vector<Operation>& OpenApi::operations() const { return state_->operations; }
const Json& OpenApi::document() const { return state_->document; }

const Operation* OpenApi::find(std::string_view id) const {
  const auto found = state_->by_id.find(id);
  return found == state_->by_id.end() ? nullptr : &state_->operations[found->second];
}

const Schema* OpenApi::schema(std::string_view name) const {
  const auto found = state_->schemas.find(name);
  return found == state_->schemas.end() ? nullptr : &found->second;
}

Match OpenApi::match(std::string_view method, std::string_view path) const {
  Match result;
  if (path.size() > max_path_bytes) return result;
  const std::vector<std::string_view> segments = split_path(path);
  if (segments.size() > max_path_segments) return result;
  for (const PathTemplate& each : state_->paths) {
    if (!fits(each, segments, result.parameters)) continue;
    for (const auto& [name, place] : each.operations) {
      result.allowed.push_back(name);
      if (name == method) result.operation = &state_->operations[place];
    }
    return result;
  }
  return result;
}

Result<void> OpenApi::check_path(const Match& match) const {
  if (match.operation == nullptr) return {};
  for (const Parameter& each : match.operation->parameters) {
    if (each.in != Parameter::In::path) continue;
    const auto value = match.parameters.find(each.name);
    if (value != match.parameters.end()) TRY(each.schema.read_text(value->second, each.name));
  }
  return {};
}

Result<Json> OpenApi::check_query(const Operation& operation, const TextPairs& query) const {
  if (query.size() > max_query_parameters)
    return fail(ErrorCode::out_of_range, "query", "has {} parameters; at most {}", query.size(),
                max_query_parameters);
  Json values = Json::object();
  for (const auto& [name, text] : query) {
    const Parameter* parameter = operation.find_parameter(Parameter::In::query, name);
    if (parameter == nullptr) {
      return fail(ErrorCode::invalid_argument, name.substr(0, 80), "unknown query parameter{}",
                  advice(name, names_of(operation, Parameter::In::query)));
    }
    if (values.contains(name)) return fail(ErrorCode::invalid_argument, name, "stands twice in the query");
    TRY_ASSIGN(values[name], parameter->schema.read_text(text, name));
  }
  TRY(complete(operation, Parameter::In::query, values));
  return values;
}

Result<Json> OpenApi::check_headers(const Operation& operation, const TextPairs& headers) const {
  Json values = Json::object();
  for (const Parameter& each : operation.parameters) {
    if (each.in != Parameter::In::header) continue;
    const std::string wanted = lower(each.name);
    const auto found = std::ranges::find_if(
        headers, [&wanted](const auto& header) { return lower(header.first) == wanted; });
    if (found == headers.end()) continue;
    TRY_ASSIGN(values[each.name], each.schema.read_text(found->second, each.name));
  }
  TRY(complete(operation, Parameter::In::header, values));
  return values;
}

Result<void> OpenApi::check_body(const Operation& operation, const Json* body) const {
  if (!operation.body) {
    if (body == nullptr) return {};
    return fail(ErrorCode::invalid_argument, "", "{} takes no body", operation.id);
  }
  if (body == nullptr) {
    if (!operation.body->required) return {};
    return fail(ErrorCode::invalid_argument, "", "{} needs a body", operation.id);
  }
  const Schema* schema = find_json(operation.body->content);
  if (schema == nullptr) return fail(ErrorCode::invalid_argument, "", "{} takes no JSON", operation.id);
  return schema->check(*body, {.direction = Direction::request, .partial = operation.body->partial});
}

Result<Json> OpenApi::check_request(const Operation& operation, const TextPairs& query,
                                    const Json* body) const {
  TRY_ASSIGN(Json values, check_query(operation, query));
  TRY(check_body(operation, body));
  return values;
}

Result<void> OpenApi::check_response(const Operation& operation, int status, const Json* body) const {
  const std::string place = fmt::format("{} {}", operation.id, status);
  const auto found = operation.responses.find(status);
  if (found == operation.responses.end())
    return fail(ErrorCode::not_found, place, "is no answer that the API describes");
  const Schema* schema = find_json(found->second);
  if (body == nullptr) {
    if (found->second.empty() || found->second.size() > (schema == nullptr ? 0 : 1)) return {};
    return fail(ErrorCode::invalid_argument, place, "must have a body");
  }
  if (schema == nullptr) return fail(ErrorCode::invalid_argument, place, "must have no JSON in its body");
  return schema->check(*body, {.direction = Direction::response});
}

}  // namespace ashlar::api
