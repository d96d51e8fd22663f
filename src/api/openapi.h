// The API as docs/openapi.yaml describes it: which operations there are, who may do them, what they take and what they answer.
// The router, the checks of requests and the tests of answers all read it here, so that file and program cannot differ.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "api/schema.h"

namespace ashlar::api {

struct Parameter {
  enum class In : uint8_t { path, query, header, cookie };
  std::string name;
  In in = In::query;
  bool required = false;
  bool spans = false;  ///< of a path: its value may hold '/' (`x-ashlar-spans`)
  Schema schema;
};

/// Schemas by media type, in lower case and without parameters ("application/json").
using Content = std::map<std::string, Schema, std::less<>>;
/// By a Content-Type header's value, whose parameters are overlooked; null: not one of these.
const Schema* find_content(const Content& content, std::string_view content_type);
/// The one that is JSON (application/json, application/problem+json, application/merge-patch+json); null: none is.
const Schema* find_json(const Content& content);

struct RequestBody {
  bool required = false;
  bool partial = false;  ///< a merge patch (`x-ashlar-partial`): CheckMode::partial
  Content content;
};

struct Operation {
  std::string method;  ///< upper case
  std::string path;    ///< "/api/v1/volumes/{name}"
  std::string id;      ///< operationId, "getVolume"
  std::string tag, summary;
  std::string role;         ///< x-ashlar-role: "none", "viewer", "operator", "admin"
  std::string kind;         ///< x-ashlar-kind: plural as in paths ("host-groups"); empty: of no kind
  bool credentials = true;  ///< false (`security: []`): open to everybody. With role "none" any user will do
  bool self = false;        ///< x-ashlar-self: the user that the path names may do it too, whatever the role
  std::vector<Parameter> parameters;
  std::optional<RequestBody> body;
  std::map<int, Content> responses;

  const Parameter* find_parameter(Parameter::In in, std::string_view name) const;
};

/// What a method and a path lead to.
struct Match {
  const Operation* operation = nullptr;           ///< null: nothing of this method is here
  std::map<std::string, std::string> parameters;  ///< of the path, as they came
  std::vector<std::string>
      allowed;  ///< methods of this path, sorted: 405 with `Allow`; empty: no such path, 404
};

/// Name and value, decoded, in order: as http::Request has its query and its headers.
using TextPairs = std::vector<std::pair<std::string, std::string>>;

/// Immutable once loaded; all members may be called from any thread. Operations live as long as it.
class OpenApi {
 public:
  /// The tree of an OpenAPI 3.1 file. Refuses what it does not understand, with its place in the file: schemas as
  /// SchemaCompiler does, unknown roles, operation ids that stand twice, path parameters that are not declared.
  static Result<OpenApi> load(Json document);

  const std::vector<Operation>& operations() const;
  /// By operationId, or null.
  const Operation* find(std::string_view id) const;
  /// The document, as it was loaded: for /api/v1/openapi.json.
  const Json& document() const;
  /// A schema of components/schemas by name, or null.
  const Schema* schema(std::string_view name) const;

  /// `path` is percent-decoded, from the root on ("/api/v1/volumes/db1"). Literal segments go before parameters.
  Match match(std::string_view method, std::string_view path) const;

  /// The parameters of the path against their schemas.
  Result<void> check_path(const Match& match) const;
  /// The values of the query, typed, defaults filled in. Unknown names (with the nearest), missing and repeated ones are errors.
  Result<Json> check_query(const Operation& operation, const TextPairs& query) const;
  /// Those headers that the operation declares, typed, by the declared name; others are overlooked, and so is their case.
  Result<Json> check_headers(const Operation& operation, const TextPairs& headers) const;
  /// The body against the operation's JSON schema; null: there was none.
  Result<void> check_body(const Operation& operation, const Json* body) const;
  /// check_query() and check_body().
  Result<Json> check_request(const Operation& operation, const TextPairs& query, const Json* body) const;
  /// An answer of ours; not_found: the operation does not name this status. `body` null: none, or not JSON.
  Result<void> check_response(const Operation& operation, int status, const Json* body) const;

 private:
  struct State;
  explicit OpenApi(std::shared_ptr<const State> state) : state_(std::move(state)) {}
  friend class OpenApiReader;

  std::shared_ptr<const State> state_;
};

}  // namespace ashlar::api
