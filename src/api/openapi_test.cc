#include "api/openapi.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "api/openapi_file_test.h"
#include "api/plan.h"
#include "json/fields.h"

namespace ashlar::api {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr const char* small = R"({
  "openapi": "3.1.0",
  "servers": [{"url": "https://array.example.com/api/v1/"}],
  "paths": {
    "/things/{name}": {
      "parameters": [{"name": "name", "in": "path", "required": true, "schema": {"type": "string", "maxLength": 5}}],
      "get": {"operationId": "getThing", "summary": "s", "tags": ["t"], "x-ashlar-role": "viewer", "x-ashlar-kind": "things",
        "responses": {"200": {"description": "d", "content": {"application/json": {"schema": {"type": "object",
          "required": ["id"], "properties": {"id": {"type": "integer", "readOnly": true}}}}}},
          "404": {"$ref": "#/components/responses/NotFound"}, "304": {"description": "as it was"}}},
      "delete": {"operationId": "deleteThing", "summary": "s", "tags": ["t"], "x-ashlar-role": "operator",
        "x-ashlar-kind": "things", "responses": {"204": {"description": "d"}}}},
    "/things/all": {
      "post": {"operationId": "postAll", "summary": "s", "tags": ["t"], "x-ashlar-role": "none", "x-ashlar-kind": "",
        "x-ashlar-self": true, "security": [],
        "parameters": [{"name": "dry_run", "in": "query", "schema": {"type": "boolean", "default": false}},
          {"name": "limit", "in": "query", "required": true, "schema": {"type": "integer", "minimum": 1}},
          {"name": "Idempotency-Key", "in": "header", "schema": {"type": "string", "maxLength": 4}}],
        "requestBody": {"required": true, "content": {"application/json": {"schema": {"type": "object"}},
          "application/yaml": {"schema": {"type": "string", "maxLength": 9}}}},
        "responses": {"200": {"description": "d", "content": {"text/csv": {"schema": true}}}}},
      "patch": {"operationId": "patchAll", "summary": "s", "tags": ["t"], "x-ashlar-role": "admin", "x-ashlar-kind": "",
        "requestBody": {"x-ashlar-partial": true, "content": {"application/merge-patch+json": {"schema":
          {"type": "object", "required": ["a"], "properties": {"a": {"type": "integer"}}}}}},
        "responses": {"200": {"description": "d"}}}},
    "/things/{name}/parts/{part}": {
      "get": {"operationId": "getPart", "summary": "s", "tags": ["t"], "x-ashlar-role": "viewer", "x-ashlar-kind": "",
        "parameters": [{"name": "name", "in": "path", "required": true, "schema": {}},
          {"name": "part", "in": "path", "required": true, "x-ashlar-spans": true, "schema": {}}],
        "responses": {"200": {"description": "d"}}}},
    "/root": {"servers": [{"url": "/"}],
      "get": {"operationId": "getRoot", "summary": "s", "tags": ["t"], "x-ashlar-role": "viewer", "x-ashlar-kind": "",
        "responses": {"200": {"description": "d"}}}}
  },
  "components": {"responses": {"NotFound": {"description": "no", "content": {"application/problem+json": {"schema":
    {"type": "object", "required": ["code"], "properties": {"code": {"type": "string"}}}}}}},
    "schemas": {"Thing": {"type": "object"}}}
})";

OpenApi load_small() {
  Result<OpenApi> api = OpenApi::load(*parse_json(small));
  EXPECT_TRUE(api) << (api ? "" : api.error().text());
  return *api;
}

TEST(OpenApi, Operations) {
  const OpenApi api = load_small();
  ASSERT_EQ(api.operations().size(), 6u);
  const Operation& get = *api.find("getThing");
  EXPECT_EQ(get.method, "GET");
  EXPECT_EQ(get.path, "/api/v1/things/{name}");
  EXPECT_EQ(get.role, "viewer");
  EXPECT_EQ(get.kind, "things");
  EXPECT_TRUE(get.credentials);
  EXPECT_FALSE(get.self);
  EXPECT_NE(get.find_parameter(Parameter::In::path, "name"), nullptr);
  EXPECT_EQ(get.find_parameter(Parameter::In::query, "name"), nullptr);
  const Operation& post = *api.find("postAll");
  EXPECT_FALSE(post.credentials);
  EXPECT_TRUE(post.self);
  EXPECT_NE(find_content(post.body->content, "Application/JSON; charset=utf-8"), nullptr);
  EXPECT_NE(find_content(post.body->content, "application/yaml"), nullptr);
  EXPECT_EQ(find_content(post.body->content, "text/plain"), nullptr);
  EXPECT_TRUE(api.find("patchAll")->body->partial);
  EXPECT_EQ(api.find("getRoot")->path, "/root");
  EXPECT_EQ(api.find("nothing"), nullptr);
  EXPECT_NE(api.schema("Thing"), nullptr);
  EXPECT_EQ(api.schema("Other"), nullptr);
}

TEST(OpenApi, Matching) {
  const OpenApi api = load_small();
  const auto id = [&api](const char* method, const std::string& path) {
    const Match match = api.match(method, path);
    return match.operation == nullptr ? std::string() : match.operation->id;
  };
  EXPECT_EQ(id("GET", "/api/v1/things/db1"), "getThing");
  EXPECT_EQ(api.match("GET", "/api/v1/things/db1").parameters.at("name"), "db1");
  EXPECT_EQ(id("GET", "/root"), "getRoot");
  EXPECT_EQ(id("POST", "/api/v1/things/all"), "postAll");
  // A literal path goes before a parameter, whatever the method.
  EXPECT_THAT(api.match("GET", "/api/v1/things/all").allowed, ElementsAre("PATCH", "POST"));
  EXPECT_EQ(id("GET", "/api/v1/things/all"), "");
  const Match other = api.match("PUT", "/api/v1/things/db1");
  EXPECT_EQ(other.operation, nullptr);
  EXPECT_THAT(other.allowed, ElementsAre("DELETE", "GET"));
  const Match spanning = api.match("GET", "/api/v1/things/db1/parts/a/b/c");
  ASSERT_NE(spanning.operation, nullptr);
  EXPECT_EQ(spanning.parameters.at("part"), "a/b/c");
  for (const std::string path :
       {"", "/", "/api/v1/things", "/api/v1/things/", "/api/v1/things/a/b", "/things/db1",
        "api/v1/things/db1", "/api/v1/root", "/api/v1/things/x/parts", "/api/v1/things/x/parts/",
        "/api/v1//things/db1", "//", "/api/v1/things/{name}/parts"}) {
    const Match match = api.match("GET", path);
    EXPECT_EQ(match.operation, nullptr) << path;
    EXPECT_THAT(match.allowed, IsEmpty()) << path;
  }
  EXPECT_EQ(id("GET", "/api/v1/things/db1/parts/" + std::string(5000, 'x')), "");
  EXPECT_EQ(id("GET", "/api/v1/things/db1/parts/" + std::string(2000, '/')), "");
}

TEST(OpenApi, PathParameters) {
  const OpenApi api = load_small();
  EXPECT_TRUE(api.check_path(api.match("GET", "/api/v1/things/db1")));
  EXPECT_EQ(api.check_path(api.match("GET", "/api/v1/things/too-long")).error().text(),
            "name: has 8 characters; at most 5 (out_of_range)");
  EXPECT_TRUE(api.check_path(api.match("GET", "/nowhere")));
}

TEST(OpenApi, Queries) {
  const OpenApi api = load_small();
  const Operation& post = *api.find("postAll");
  const auto said = [&](const TextPairs& query) {
    const Result<Json> values = api.check_query(post, query);
    return values ? print_json(*values) : values.error().text();
  };
  EXPECT_EQ(said({{"limit", "3"}}), R"({"limit":3,"dry_run":false})");
  EXPECT_EQ(said({{"dry_run", "true"}, {"limit", "3"}}), R"({"dry_run":true,"limit":3})");
  EXPECT_THAT(said({}), HasSubstr("limit: is missing"));
  EXPECT_THAT(said({{"limit", "0"}}), HasSubstr("limit: 0 is less than 1"));
  EXPECT_THAT(said({{"limit", "1"}, {"limit", "2"}}), HasSubstr("limit: stands twice"));
  EXPECT_THAT(said({{"limti", "1"}}), HasSubstr("limti: unknown query parameter; did you mean \"limit\"?"));
  EXPECT_THAT(said({{"dry_run", "yes"}}), HasSubstr("dry_run: must be true or false"));
  EXPECT_THAT(said(TextPairs(1000, {"x", "y"})), HasSubstr("has 1000 parameters"));
  EXPECT_THAT(api.check_query(*api.find("getThing"), {{"x", ""}}).error().message,
              HasSubstr("none is known here"));
}

TEST(OpenApi, Headers) {
  const OpenApi api = load_small();
  const Operation& post = *api.find("postAll");
  EXPECT_EQ(print_json(*api.check_headers(post, {{"host", "a"}, {"idempotency-KEY", "k1"}})),
            R"({"Idempotency-Key":"k1"})");
  EXPECT_EQ(print_json(*api.check_headers(post, {})), "{}");
  EXPECT_EQ(api.check_headers(post, {{"Idempotency-Key", "too long"}}).error().place, "Idempotency-Key");
}

TEST(OpenApi, Bodies) {
  const OpenApi api = load_small();
  const Json object = Json::object(), list = Json::array(), patch = *parse_json(R"({"a": "x"})");
  EXPECT_TRUE(api.check_body(*api.find("postAll"), &object));
  EXPECT_THAT(api.check_body(*api.find("postAll"), &list).error().message, HasSubstr("must be an object"));
  EXPECT_THAT(api.check_body(*api.find("postAll"), nullptr).error().message,
              HasSubstr("postAll needs a body"));
  EXPECT_THAT(api.check_body(*api.find("getThing"), &object).error().message,
              HasSubstr("getThing takes no body"));
  EXPECT_TRUE(api.check_body(*api.find("getThing"), nullptr));
  EXPECT_TRUE(api.check_body(*api.find("patchAll"), &object));
  EXPECT_TRUE(api.check_body(*api.find("patchAll"), nullptr));
  EXPECT_EQ(api.check_body(*api.find("patchAll"), &patch).error().place, "a");
  EXPECT_TRUE(api.check_request(*api.find("postAll"), {{"limit", "1"}}, &object));
  EXPECT_FALSE(api.check_request(*api.find("postAll"), {}, &object));
  EXPECT_FALSE(api.check_request(*api.find("postAll"), {{"limit", "1"}}, &list));
}

TEST(OpenApi, Responses) {
  const OpenApi api = load_small();
  const Operation& get = *api.find("getThing");
  const Json good = *parse_json(R"({"id": 7})"), empty = Json::object(),
             problem = *parse_json(R"({"code": "not_found"})");
  EXPECT_TRUE(api.check_response(get, 200, &good));
  EXPECT_EQ(api.check_response(get, 200, &empty).error().text(), "id: is missing (invalid_argument)");
  EXPECT_TRUE(api.check_response(get, 404, &problem));
  EXPECT_FALSE(api.check_response(get, 404, &good));
  EXPECT_TRUE(api.check_response(get, 304, nullptr));
  EXPECT_THAT(api.check_response(get, 304, &good).error().message, HasSubstr("must have no JSON"));
  EXPECT_THAT(api.check_response(get, 200, nullptr).error().message, HasSubstr("must have a body"));
  EXPECT_EQ(api.check_response(get, 418, nullptr).error().code, ErrorCode::not_found);
  EXPECT_TRUE(api.check_response(*api.find("postAll"), 200, nullptr));
}

/// `small` with one text replaced by another.
std::string refusal(const std::string& from, const std::string& to) {
  std::string text = small;
  const size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  text.replace(at, from.size(), to);
  Result<Json> document = parse_json(text);
  EXPECT_TRUE(document) << to;
  const Result<OpenApi> api = OpenApi::load(std::move(*document));
  EXPECT_FALSE(api) << to;
  return api ? "" : api.error().text();
}

TEST(OpenApi, WhatIsWrongInTheFileIsSaid) {
  const std::tuple<const char*, const char*, const char*> cases[] = {
      {R"("3.1.0")", R"("3.0.3")", "openapi: is 3.0.3; this reads 3.1"},
      {R"("servers": [{"url": "https://array.example.com/api/v1/"}])", R"("servers": [])",
       "servers: must be a list"},
      {R"("operationId": "deleteThing")", R"("operationId": "getThing")", "'getThing' stands twice"},
      {R"("operationId": "deleteThing", )", "", "operationId: is missing"},
      {R"("x-ashlar-role": "operator")", R"("x-ashlar-role": "operater")", "did you mean \"operator\"?"},
      {R"("x-ashlar-role": "operator",)", "", "x-ashlar-role: is missing"},
      {R"("security": [])", R"("security": [{"bearer": []}])", "security: may only be []"},
      {R"("in": "query", "schema": {"type": "boolean")", R"("in": "body", "schema": {"type": "boolean")",
       "'body' is not known"},
      {R"("required": true, "schema": {"type": "string", "maxLength": 5})",
       R"("schema": {"type": "string", "maxLength": 5})", "must be true in a path"},
      {R"("/things/{name}": {)", R"("/things/{id}": {)", "getThing does not declare 'id'"},
      {R"("/things/{name}": {)", R"("/things": {)", "declares 'name', which is not in the path"},
      {R"("/things/{name}": {)", R"("/things/x{name}": {)", "a parameter is a whole segment"},
      {R"("/things/{name}/parts/{part}": {)", R"("/things/{part}": {)", "declares 'name'"},
      {R"("/things/{name}": {)", R"("things/{name}": {)", "must begin with '/'"},
      {R"("delete": {)", R"("remove": {)", "'remove' is not known"},
      {R"("maxLength": 5)", R"("maxLegth": 5)", "name.maxLegth: is a keyword that would not be checked"},
      {"#/components/responses/NotFound", "#/components/responses/Lost", "leads nowhere"},
      {R"("304")", R"("3xx")", "is no HTTP status"},
      {R"("tags": ["t"])", R"("tags": [])", "tags: must be a list of one tag"},
      {R"("content": {"text/csv": {"schema": true}})", R"("content": {"text/csv": {}})",
       "schema: is missing"},
      {R"("name": "limit")", R"("name": "dry_run")", "'dry_run' stands twice"},
      {R"({"Thing": {"type": "object"}})", R"({"Thing": {"type": "thing"}})", "Thing.type"},
  };
  for (const auto& [from, to, error] : cases) EXPECT_THAT(refusal(from, to), HasSubstr(error)) << from;
  EXPECT_FALSE(OpenApi::load(Json()));
  EXPECT_FALSE(OpenApi::load(Json::array()));
  EXPECT_FALSE(OpenApi::load(Json{{"openapi", "3.1.0"}}));
}

TEST(OpenApi, PathsThatCannotBeToldApartAreRefused) {
  Json document = *parse_json(small);
  Json twin = document["paths"]["/things/{name}"];
  twin["parameters"][0]["name"] = "other";
  twin["get"]["operationId"] = "getOther";
  twin.erase("delete");
  document["paths"]["/things/{other}"] = twin;
  const Result<OpenApi> api = OpenApi::load(document);
  ASSERT_FALSE(api);
  EXPECT_THAT(api.error().message, HasSubstr("cannot be told from /api/v1/things/{name}"));
}

// The file itself.

TEST(OpenApiFile, Loads) {
  const OpenApi& api = openapi_file();
  EXPECT_GE(api.operations().size(), 130u);
  const Operation& resize = *api.find("resizeVolume");
  EXPECT_EQ(resize.role, "operator");
  EXPECT_EQ(resize.kind, "volumes");
  EXPECT_FALSE(api.find("login")->credentials);
  EXPECT_TRUE(api.find("whoAmI")->credentials);
  EXPECT_EQ(api.find("getMetrics")->path, "/metrics");
  EXPECT_TRUE(api.find("setPassword")->self);
  EXPECT_TRUE(api.find("patchVolume")->body->partial);
  EXPECT_EQ(api.match("POST", "/api/v1/alerts/full:pools/p0/acknowledge").parameters.at("id"),
            "full:pools/p0");
  EXPECT_EQ(api.match("GET", "/api/v1/audit/verify").operation->id, "verifyAudit");
}

TEST(OpenApiFile, EveryOperationIsFoundByItsOwnPath) {
  const OpenApi& api = openapi_file();
  for (const Operation& each : api.operations()) {
    std::string path = each.path;
    for (size_t open = path.find('{'); open != std::string::npos; open = path.find('{'))
      path.replace(open, path.find('}') - open + 1, "7");
    EXPECT_EQ(api.match(each.method, path).operation, &each) << each.method << " " << path;
  }
}

/// The document's node of a request body, references followed.
const Json* body_of(const Json& document, const Operation& operation) {
  std::string path = operation.path;
  if (path.starts_with("/api/v1")) path.erase(0, 7);
  std::string method = operation.method;
  for (char& c : method) c = static_cast<char>(c - 'A' + 'a');
  const Json& json = document["paths"][path][method];
  const auto body = json.find("requestBody");
  if (body == json.end()) return nullptr;
  return body->contains("$ref") ? find_by_pointer(document, (*body)["$ref"].get<std::string>()) : &*body;
}

TEST(OpenApiFile, ExamplesOfBodiesFit) {
  const OpenApi& api = openapi_file();
  size_t count = 0;
  for (const Operation& each : api.operations()) {
    if (!each.body) continue;
    const Json* body = body_of(api.document(), each);
    ASSERT_NE(body, nullptr) << each.id;
    for (const auto& [type, media] : (*body)["content"].items()) {
      if (!media.contains("example")) continue;
      const Result<void> fits =
          find_content(each.body->content, type)->check(media["example"], {.partial = each.body->partial});
      EXPECT_TRUE(fits) << each.id << ": " << fits.error().text();
      ++count;
    }
  }
  EXPECT_GE(count, 50u);
}

void expect_parameter_example(const Json& parameter) {
  if (!parameter.contains("example")) return;
  const Json& example = parameter["example"];
  Json document = Json::object();
  SchemaCompiler compiler(openapi_file().document());
  const Result<Schema> schema = compiler.compile(parameter["schema"], parameter["name"].get<std::string>());
  ASSERT_TRUE(schema) << schema.error().text();
  const std::string text = example.is_string() ? example.get<std::string>() : print_json(example);
  const Result<Json> read = schema->read_text(text, parameter["name"].get<std::string>());
  EXPECT_TRUE(read && *read == example) << parameter["name"] << ": " << text;
}

TEST(OpenApiFile, ExamplesOfParametersFit) {
  const Json& document = openapi_file().document();
  for (const auto& [name, parameter] : document["components"]["parameters"].items())
    expect_parameter_example(parameter);
  for (const auto& [path, item] : document["paths"].items()) {
    for (const auto& [method, operation] : item.items()) {
      if (!operation.is_object() || !operation.contains("parameters")) continue;
      for (const Json& each : operation["parameters"]) {
        if (!each.contains("$ref")) expect_parameter_example(each);
      }
    }
  }
}

TEST(OpenApiFile, ChangesNeedMoreThanViewer) {
  for (const Operation& each : openapi_file().operations()) {
    if (each.method == "GET" || each.id == "login" || each.id == "logout" || each.id == "diffConfiguration")
      continue;
    EXPECT_TRUE(each.role == "operator" || each.role == "admin") << each.id << " " << each.role;
  }
}

TEST(OpenApiFile, OnlyTheseAreOpenToEverybody) {
  std::vector<std::string> open;
  for (const Operation& each : openapi_file().operations()) {
    if (!each.credentials) open.push_back(each.id);
  }
  EXPECT_THAT(open, testing::UnorderedElementsAre("login", "getHealth", "getVersion", "getOpenApiJson",
                                                  "getOpenApiYaml", "getApiPage", "getApiScript"));
}

TEST(OpenApiFile, ErrorsOfRequests) {
  const OpenApi& api = openapi_file();
  const auto said = [&api](const char* id, const char* body) {
    const Json json = *parse_json(body);
    const Result<void> checked = api.check_body(*api.find(id), &json);
    return checked ? "" : checked.error().text();
  };
  EXPECT_EQ(
      said("createVolume", R"({"name": "db1", "pool": "p0", "size_bytes": "10GiB", "status": {"state": 1}})"),
      "");
  EXPECT_THAT(said("createVolume", R"({"name": "db1", "pool": "p0", "size_bytes": "10G"})"),
              HasSubstr("size_bytes: '10G' does not fit"));
  EXPECT_THAT(said("createVolume", R"({"name": "db 1", "pool": "p0"})"),
              HasSubstr("name: 'db 1' does not fit"));
  EXPECT_THAT(said("createVolume", R"({"name": "db1", "pool": "p0", "sise_bytes": 1})"),
              HasSubstr("did you mean \"size_bytes\"?"));
  EXPECT_THAT(said("createVolume", R"({"name": "db1", "pool": "p0", "identity": {"naa": "xyz"}})"),
              HasSubstr("identity.naa:"));
  EXPECT_THAT(said("createHost", R"({"name": "h", "chap": {"user": 7}})"),
              HasSubstr("chap.user: must be a string"));
  EXPECT_EQ(said("createHost", R"({"name": "h", "chap": null})"), "");
  EXPECT_EQ(said("patchVolume", R"({"comment": null})"), "");
  EXPECT_THAT(said("patchVolume", R"({"thin": "yes"})"), HasSubstr("thin: must be true or false"));
}

TEST(OpenApiFile, ListsWithFewFieldsFit) {
  const OpenApi& api = openapi_file();
  const Json page = *parse_json(R"({"items": [{"size_bytes": 512}], "total": 1, "next": null})");
  const Result<void> fits = api.check_response(*api.find("listVolumes"), 200, &page);
  EXPECT_TRUE(fits) << fits.error().text();
}

TEST(OpenApiFile, AnswersOfAChangeAreTheResourceOrThePlan) {
  const OpenApi& api = openapi_file();
  const Operation& put = *api.find("putPool");
  const Json pool = *parse_json(R"({"name": "p0", "kind": "memory", "status": {"state": "online"}})");
  const Json plan = encode(Plan{});
  EXPECT_TRUE(api.check_response(put, 200, &pool));
  EXPECT_TRUE(api.check_response(put, 200, &plan));
  EXPECT_FALSE(api.check_response(put, 201, &plan));
  const Json problem = *parse_json(
      R"({"type": "about:blank", "title": "Conflict", "status": 409, "detail": "d", "code": "busy"})");
  EXPECT_TRUE(api.check_response(put, 409, &problem));
  EXPECT_FALSE(api.check_response(put, 409, &pool));
}

}  // namespace
}  // namespace ashlar::api
