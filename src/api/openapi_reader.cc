// Reads the document into operations, once, at start: what is wrong in the file is said here and not at a request.
#include <algorithm>
#include <array>
#include <charconv>
#include <set>

#include "api/openapi_state.h"
#include "json/fields.h"

namespace ashlar::api {
namespace {

constexpr std::array<std::string_view, 5> methods = {"get", "put", "post", "delete", "patch"};
constexpr std::array<std::string_view, 8> path_keys = {"get",   "put",        "post",    "delete",
                                                       "patch", "parameters", "servers", "summary"};
constexpr std::array<std::string_view, 4> roles = {"none", "viewer", "operator", "admin"};
constexpr size_t max_references = 8;  // one after the other

std::unexpected<Error> refuse(const std::string& place, std::string message) {
  return std::unexpected(Error{ErrorCode::invalid_argument, place, std::move(message)});
}

/// A member that must be there, of the wanted type.
Result<std::string> text_of(const Json& object, const char* name, const std::string& place) {
  const auto found = object.find(name);
  if (found == object.end()) return refuse(fmt::format("{}.{}", place, name), "is missing");
  std::string text;
  TRY(read_value(*found, fmt::format("{}.{}", place, name), text));
  return text;
}

Result<bool> flag_of(const Json& object, const char* name, const std::string& place, bool otherwise) {
  const auto found = object.find(name);
  bool flag = otherwise;
  if (found != object.end()) TRY(read_value(*found, fmt::format("{}.{}", place, name), flag));
  return flag;
}

std::string upper(std::string_view text) {
  std::string result(text);
  for (char& c : result) c = static_cast<char>(c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c);
  return result;
}

template <typename List>
Result<void> one_of(std::string_view word, const List& known, const std::string& place) {
  if (std::ranges::find(known, word) != std::end(known)) return {};
  return refuse(place,
                fmt::format("'{}' is not known{}", word, advice(word, {std::begin(known), std::end(known)})));
}

/// The path of the first server's URL, which may be a whole URL or a path.
Result<std::string> base_of(const Json& holder, const std::string& place) {
  const auto servers = holder.find("servers");
  if (servers == holder.end() || !servers->is_array() || servers->empty() || !(*servers)[0].is_object())
    return refuse(place + ".servers", "must be a list of servers");
  TRY_ASSIGN(std::string url, text_of((*servers)[0], "url", place + ".servers[0]"));
  if (const size_t scheme = url.find("://"); scheme != std::string::npos) {
    const size_t path = url.find('/', scheme + 3);
    url = path == std::string::npos ? "" : url.substr(path);
  }
  while (url.ends_with('/')) url.pop_back();
  return url;
}

int rank(const PathTemplate::Segment& segment) { return static_cast<int>(segment.kind); }

/// Segment by segment, literals first.
bool more_literal(const PathTemplate& a, const PathTemplate& b) {
  return std::ranges::lexicographical_compare(
      a.segments, b.segments, [](const auto& left, const auto& right) {
        if (rank(left) != rank(right)) return rank(left) < rank(right);
        return left.kind == PathTemplate::Segment::Kind::literal && left.text < right.text;
      });
}

}  // namespace

class OpenApiReader {
 public:
  explicit OpenApiReader(Json document)
      : state_(std::make_shared<OpenApi::State>()), compiler_(state_->document) {
    state_->document = std::move(document);
  }

  Result<OpenApi> read() {
    const Json& document = state_->document;
    if (!document.is_object()) return std::unexpected(wrong_type(document, "", "an object"));
    TRY_ASSIGN(const std::string version, text_of(document, "openapi", ""));
    if (!version.starts_with("3.1.")) return refuse("openapi", fmt::format("is {}; this reads 3.1", version));
    TRY_ASSIGN(base_, base_of(document, ""));
    TRY(read_schemas());
    const auto paths = document.find("paths");
    if (paths == document.end() || !paths->is_object()) return refuse("paths", "must be an object");
    for (const auto& [text, item] : paths->items()) TRY(read_path(text, item));
    return finish();
  }

 private:
  Result<void> read_schemas();
  Result<void> read_path(const std::string& text, const Json& item);
  Result<void> read_segments(PathTemplate& path, const Operation& operation);
  Result<Operation> read_operation(const Json& json, const std::string& place);
  Result<void> read_parameters(const Json& holder, const std::string& place, Operation& operation);
  Result<Parameter> read_parameter(const Json& json, const std::string& place);
  Result<void> read_body(const Json& json, const std::string& place, Operation& operation);
  Result<void> read_responses(const Json& json, const std::string& place, Operation& operation);
  Result<Content> read_content(const Json& holder, const std::string& place);
  Result<OpenApi> finish();

  /// What a reference object points to, or the object itself.
  Result<const Json*> resolve(const Json& json, const std::string& place) const {
    const Json* found = &json;
    for (size_t i = 0; i <= max_references; ++i) {
      if (!found->is_object()) return std::unexpected(wrong_type(*found, place, "an object"));
      const auto reference = found->find("$ref");
      if (reference == found->end()) return found;
      TRY_ASSIGN(const std::string pointer, text_of(*found, "$ref", place));
      found = find_by_pointer(state_->document, pointer);
      if (found == nullptr) return refuse(place + ".$ref", fmt::format("'{}' leads nowhere", pointer));
    }
    return refuse(place + ".$ref", "leads from reference to reference");
  }

  std::shared_ptr<OpenApi::State> state_;
  SchemaCompiler compiler_;
  std::string base_;
};

Result<void> OpenApiReader::read_schemas() {
  const Json* schemas = find_by_pointer(state_->document, "#/components/schemas");
  if (schemas == nullptr) return {};
  if (!schemas->is_object()) return std::unexpected(wrong_type(*schemas, "components.schemas", "an object"));
  for (const auto& [name, schema] : schemas->items()) {
    TRY_ASSIGN(Schema compiled, compiler_.compile(schema, name));
    state_->schemas.emplace(name, std::move(compiled));
  }
  return {};
}

Result<void> OpenApiReader::read_path(const std::string& text, const Json& item) {
  const std::string place = fmt::format("paths[{}]", text);
  if (!text.starts_with('/')) return refuse(place, "must begin with '/'");
  if (!item.is_object()) return std::unexpected(wrong_type(item, place, "an object"));
  PathTemplate path;
  std::string base = base_;
  if (item.contains("servers")) {
    TRY_ASSIGN(base, base_of(item, place));
  }
  path.text = base + text;
  for (const auto& [key, value] : item.items()) {
    if (!key.starts_with("x-")) TRY(one_of(key, path_keys, place));
    if (std::ranges::find(methods, key) == methods.end()) continue;
    const std::string where = fmt::format("{}.{}", place, key);
    if (!value.is_object()) return std::unexpected(wrong_type(value, where, "an object"));
    TRY_ASSIGN(Operation operation, read_operation(value, where));
    TRY(read_parameters(item, place, operation));
    operation.method = upper(key);
    operation.path = path.text;
    TRY(read_segments(path, operation));
    if (!state_->by_id.emplace(operation.id, state_->operations.size()).second)
      return refuse(where + ".operationId", fmt::format("'{}' stands twice", operation.id));
    path.operations.emplace(operation.method, state_->operations.size());
    state_->operations.push_back(std::move(operation));
  }
  if (path.operations.empty()) return refuse(place, "has no operation");
  state_->paths.push_back(std::move(path));
  return {};
}

/// Every operation of a path must declare all its parameters, and no others.
Result<void> OpenApiReader::read_segments(PathTemplate& path, const Operation& operation) {
  using Segment = PathTemplate::Segment;
  const std::string place = fmt::format("paths[{}]", path.text);
  std::set<std::string> named;
  size_t spanning = 0;
  std::vector<Segment> segments;
  for (const std::string_view part : split_path(path.text)) {
    Segment& segment = segments.emplace_back(Segment{std::string(part), Segment::Kind::literal});
    if (!part.starts_with('{') || !part.ends_with('}')) {
      if (part.find_first_of("{}") != std::string_view::npos)
        return refuse(place, fmt::format("'{}': a parameter is a whole segment", part));
      continue;
    }
    segment.text = part.substr(1, part.size() - 2);
    const Parameter* parameter = operation.find_parameter(Parameter::In::path, segment.text);
    if (parameter == nullptr)
      return refuse(place, fmt::format("{} does not declare '{}'", operation.id, segment.text));
    segment.kind = parameter->spans ? Segment::Kind::spanning : Segment::Kind::parameter;
    spanning += parameter->spans ? 1 : 0;
    if (!named.insert(segment.text).second)
      return refuse(place, fmt::format("'{}' stands twice", segment.text));
  }
  if (spanning > 1) return refuse(place, "more than one parameter spans segments");
  for (const Parameter& each : operation.parameters) {
    if (each.in == Parameter::In::path && !named.contains(each.name))
      return refuse(place,
                    fmt::format("{} declares '{}', which is not in the path", operation.id, each.name));
  }
  path.segments = std::move(segments);
  return {};
}

Result<Operation> OpenApiReader::read_operation(const Json& json, const std::string& place) {
  Operation operation;
  TRY_ASSIGN(operation.id, text_of(json, "operationId", place));
  TRY_ASSIGN(operation.summary, text_of(json, "summary", place));
  TRY_ASSIGN(operation.role, text_of(json, "x-ashlar-role", place));
  TRY(one_of(operation.role, roles, place + ".x-ashlar-role"));
  TRY_ASSIGN(operation.kind, text_of(json, "x-ashlar-kind", place));
  TRY_ASSIGN(operation.self, flag_of(json, "x-ashlar-self", place, false));
  const auto tags = json.find("tags");
  if (tags == json.end() || !tags->is_array() || tags->size() != 1 || !(*tags)[0].is_string())
    return refuse(place + ".tags", "must be a list of one tag");
  operation.tag = (*tags)[0].get<std::string>();
  if (const auto security = json.find("security"); security != json.end()) {
    if (!security->is_array() || !security->empty())
      return refuse(place + ".security", "may only be [], open to everybody; else it is the same for all");
    operation.credentials = false;
  }
  TRY(read_parameters(json, place, operation));
  if (const auto body = json.find("requestBody"); body != json.end())
    TRY(read_body(*body, place + ".requestBody", operation));
  const auto responses = json.find("responses");
  if (responses == json.end()) return refuse(place + ".responses", "is missing");
  TRY(read_responses(*responses, place + ".responses", operation));
  return operation;
}

/// An operation's own go before its path's.
Result<void> OpenApiReader::read_parameters(const Json& holder, const std::string& place,
                                            Operation& operation) {
  const auto list = holder.find("parameters");
  if (list == holder.end()) return {};
  if (!list->is_array()) return std::unexpected(wrong_type(*list, place + ".parameters", "a list"));
  std::set<std::string> here;
  for (size_t i = 0; i < list->size(); ++i) {
    const std::string where = fmt::format("{}.parameters[{}]", place, i);
    TRY_ASSIGN(const Json* json, resolve((*list)[i], where));
    TRY_ASSIGN(Parameter parameter, read_parameter(*json, where));
    if (!here.insert(parameter.name + (*json)["in"].get<std::string>()).second)
      return refuse(where, fmt::format("'{}' stands twice", parameter.name));
    if (operation.find_parameter(parameter.in, parameter.name) == nullptr)
      operation.parameters.push_back(std::move(parameter));
  }
  return {};
}

Result<Parameter> OpenApiReader::read_parameter(const Json& json, const std::string& place) {
  using In = Parameter::In;
  constexpr std::array<std::string_view, 4> places = {"path", "query", "header", "cookie"};
  Parameter parameter;
  TRY_ASSIGN(parameter.name, text_of(json, "name", place));
  TRY_ASSIGN(const std::string in, text_of(json, "in", place));
  TRY(one_of(in, places, place + ".in"));
  parameter.in = static_cast<In>(std::ranges::find(places, in) - places.begin());
  TRY_ASSIGN(parameter.required, flag_of(json, "required", place, false));
  TRY_ASSIGN(parameter.spans, flag_of(json, "x-ashlar-spans", place, false));
  if (parameter.in == In::path && !parameter.required)
    return refuse(place + ".required", "must be true in a path");
  if (parameter.spans && parameter.in != In::path)
    return refuse(place + ".x-ashlar-spans", "is for parameters of paths");
  const auto schema = json.find("schema");
  if (schema == json.end()) return refuse(place + ".schema", "is missing");
  TRY_ASSIGN(parameter.schema, compiler_.compile(*schema, parameter.name));
  return parameter;
}

Result<void> OpenApiReader::read_body(const Json& json, const std::string& place, Operation& operation) {
  TRY_ASSIGN(const Json* body, resolve(json, place));
  RequestBody& read = operation.body.emplace();
  TRY_ASSIGN(read.required, flag_of(*body, "required", place, false));
  TRY_ASSIGN(read.partial, flag_of(*body, "x-ashlar-partial", place, false));
  TRY_ASSIGN(read.content, read_content(*body, place));
  if (read.content.empty()) return refuse(place + ".content", "is missing");
  return {};
}

Result<void> OpenApiReader::read_responses(const Json& json, const std::string& place, Operation& operation) {
  if (!json.is_object() || json.empty()) return refuse(place, "must be an object with a status or more");
  for (const auto& [status, response] : json.items()) {
    const std::string where = fmt::format("{}.{}", place, status);
    int number = 0;
    const auto [end, problem] = std::from_chars(status.data(), status.data() + status.size(), number);
    if (problem != std::errc() || end != status.data() + status.size() || number < 100 || number > 599)
      return refuse(where, "is no HTTP status");
    TRY_ASSIGN(const Json* resolved, resolve(response, where));
    TRY(text_of(*resolved, "description", where));
    TRY_ASSIGN(operation.responses[number], read_content(*resolved, where));
  }
  return {};
}

Result<Content> OpenApiReader::read_content(const Json& holder, const std::string& place) {
  Content content;
  const auto types = holder.find("content");
  if (types == holder.end()) return content;
  if (!types->is_object()) return std::unexpected(wrong_type(*types, place + ".content", "an object"));
  for (const auto& [type, media] : types->items()) {
    const std::string where = fmt::format("{}.content[{}]", place, type);
    if (!media.is_object() || !media.contains("schema")) return refuse(where + ".schema", "is missing");
    TRY_ASSIGN(Schema schema, compiler_.compile(media["schema"], where));
    content.emplace(type, std::move(schema));
  }
  return content;
}

Result<OpenApi> OpenApiReader::finish() {
  std::ranges::sort(state_->paths, more_literal);
  for (size_t i = 1; i < state_->paths.size(); ++i) {
    if (!more_literal(state_->paths[i - 1], state_->paths[i]))
      return refuse(fmt::format("paths[{}]", state_->paths[i].text),
                    fmt::format("cannot be told from {}", state_->paths[i - 1].text));
  }
  return OpenApi(state_);
}

Result<OpenApi> OpenApi::load(Json document) { return OpenApiReader(std::move(document)).read(); }

}  // namespace ashlar::api
