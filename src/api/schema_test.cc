#include "api/schema.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace ashlar::api {
namespace {

using testing::HasSubstr;

Json json_of(std::string_view text) {
  Result<Json> json = parse_json(text);
  EXPECT_TRUE(json) << text << ": " << (json ? "" : json.error().text());
  return json.value_or(Json());
}

/// `components` are the members of components/schemas.
Result<Schema> compile(std::string_view schema, std::string_view components = "{}") {
  Json document = Json::object();
  document["components"]["schemas"] = json_of(components);
  SchemaCompiler compiler(document);
  return compiler.compile(json_of(schema), "test");
}

Schema good(std::string_view schema, std::string_view components = "{}") {
  Result<Schema> compiled = compile(schema, components);
  EXPECT_TRUE(compiled) << schema << ": " << (compiled ? "" : compiled.error().text());
  return compiled.value_or(Schema());
}

/// "" when it fits, else "place: message".
std::string said(const Schema& schema, std::string_view value, CheckMode mode = {}) {
  const Result<void> checked = schema.check(json_of(value), mode);
  return checked ? "" : fmt::format("{}: {}", checked.error().place, checked.error().message);
}

struct Case {
  const char* schema;
  const char* value;
  const char* error;  ///< a part of it; empty: none
};

void expect_case(const Case& each) {
  const std::string error = said(good(each.schema), each.value);
  if (each.error[0] == '\0')
    EXPECT_EQ(error, "") << each.schema << " on " << each.value;
  else
    EXPECT_THAT(error, HasSubstr(each.error)) << each.schema << " on " << each.value;
}

TEST(Schema, Types) {
  const Case cases[] = {
      {"true", "1", ""},
      {"false", "1", "must not be there"},
      {"{}", "[{}]", ""},
      {R"({"type": "null"})", "null", ""},
      {R"({"type": "null"})", "0", "must be null, not number"},
      {R"({"type": "boolean"})", "false", ""},
      {R"({"type": "boolean"})", "\"true\"", "must be true or false, not string"},
      {R"({"type": "integer"})", "-3", ""},
      {R"({"type": "integer"})", "18446744073709551615", ""},
      {R"({"type": "integer"})", "1.5", "must be a whole number, not number"},
      {R"({"type": "integer"})", "1.0", "must be a whole number"},
      {R"({"type": "integer"})", "1e300", "must be a whole number"},
      {R"({"type": "number"})", "1", ""},
      {R"({"type": "number"})", "1.5", ""},
      {R"({"type": "string"})", "\"x\"", ""},
      {R"({"type": "string"})", "[\"x\"]", "must be a string, not a list"},
      {R"({"type": "array"})", "{}", "must be a list, not object"},
      {R"({"type": "object"})", "[]", "must be an object, not a list"},
      {R"({"type": ["integer", "string"]})", "\"x\"", ""},
      {R"({"type": ["integer", "string"]})", "null", "must be a string or a whole number, not null"},
  };
  for (const Case& each : cases) expect_case(each);
}

TEST(Schema, Numbers) {
  const Case cases[] = {
      {R"({"minimum": 3})", "3", ""},
      {R"({"minimum": 3})", "2.9", "2.9 is less than 3"},
      {R"({"maximum": 3})", "3", ""},
      {R"({"maximum": 3})", "4", "4 is more than 3"},
      {R"({"exclusiveMinimum": 3})", "3.1", ""},
      {R"({"exclusiveMinimum": 3})", "3", "3 must be more than 3"},
      {R"({"exclusiveMaximum": 3})", "2", ""},
      {R"({"exclusiveMaximum": 3})", "3", "3 must be less than 3"},
      {R"({"minimum": 3})", "\"1\"", ""},
      // Past the 53 bits of a double.
      {R"({"maximum": 18446744073709551614})", "18446744073709551614", ""},
      {R"({"maximum": 18446744073709551614})", "18446744073709551615", "is more than"},
      {R"({"minimum": -9223372036854775807})", "-9223372036854775808", "is less than"},
      {R"({"maximum": 9007199254740992})", "9007199254740993", "is more than"},
  };
  for (const Case& each : cases) expect_case(each);
  EXPECT_EQ(good(R"({"maximum": 3})").check(Json(4)).error().code, ErrorCode::out_of_range);
  EXPECT_FALSE(good(R"({"minimum": 0})").check(Json(std::numeric_limits<double>::quiet_NaN())));
  EXPECT_FALSE(good(R"({"maximum": 5})").check(Json(std::numeric_limits<double>::infinity())));
}

TEST(Schema, Strings) {
  const Case cases[] = {
      {R"({"minLength": 1})", "\"\"", "is empty"},
      {R"({"minLength": 3})", "\"ab\"", "has 2 characters; at least 3"},
      {R"({"maxLength": 3})", "\"abcd\"", "has 4 characters; at most 3"},
      {R"({"maxLength": 3})", "\"äöü\"", ""},
      {R"({"maxLength": 3})", "12345", ""},
      {R"({"maxLength": 9, "pattern": "^[a-z]+$"})", "\"abc\"", ""},
      {R"({"maxLength": 9, "pattern": "^[a-z]+$"})", "\"aBc\"", "'aBc' does not fit ^[a-z]+$"},
      {R"({"maxLength": 9, "pattern": "^[a-z]+$", "description": "small letters.\n"})", "\"B\"",
       "'B' does not fit ^[a-z]+$ (small letters)"},
      {R"({"maxLength": 9, "pattern": "b"})", "\"abc\"", ""},
      {R"({"type": "string", "format": "date-time"})", "\"yesterday\"", ""},
  };
  for (const Case& each : cases) expect_case(each);
}

TEST(Schema, LongStringsNeverReachThePattern) {
  const Schema schema = good(R"({"maxLength": 256, "pattern": "^(a|b)*$"})");
  EXPECT_TRUE(schema.check(Json(std::string(256, 'a'))));
  const std::string error = schema.check(Json(std::string(10'000'000, 'a'))).error().message;
  EXPECT_EQ(error, "has 10000000 characters; at most 256");
  // Bytes that are no character of their own.
  EXPECT_FALSE(schema.check(Json(std::string(10'000'000, '\x80'))));
}

TEST(Schema, Values) {
  const Case cases[] = {
      {R"({"enum": ["linux", "windows", 4096]})", "\"linux\"", ""},
      {R"({"enum": ["linux", "windows", 4096]})", "4096", ""},
      {R"({"enum": ["linux", "windows"]})", "\"lunix\"",
       "'lunix' is not known; did you mean \"linux\"? Known here: linux, windows"},
      {R"({"enum": ["linux", 4096]})", "12", "12 is none of: linux, 4096"},
      {R"({"const": 7})", "7", ""},
      {R"({"const": 7})", "8", "8 is none of: 7"},
      {R"({"const": {"a": [1]}})", R"({"a": [1]})", ""},
  };
  for (const Case& each : cases) expect_case(each);
}

TEST(Schema, Arrays) {
  const Case cases[] = {
      {R"({"minItems": 1})", "[]", "has 0 entries; at least 1"},
      {R"({"maxItems": 2})", "[1, 2, 3]", "has 3 entries; at most 2"},
      {R"({"items": {"type": "string"}})", R"(["a", "b"])", ""},
      {R"({"items": {"type": "string"}})", R"(["a", 2])", "[1]: must be a string"},
      {R"({"uniqueItems": true})", R"(["a", "b"])", ""},
      {R"({"uniqueItems": true})", R"(["a", "b", "a"])", "'a' stands twice in the list"},
      {R"({"uniqueItems": true})", R"([{"a": 1}, {"a": 1}])", "stands twice"},
      {R"({"uniqueItems": true})", R"([1, "1"])", ""},
  };
  for (const Case& each : cases) expect_case(each);
}

TEST(Schema, Objects) {
  constexpr const char* volume = R"({"type": "object", "required": ["name"], "additionalProperties": false,
    "properties": {"name": {"type": "string"}, "identity": {"properties": {"naa": {"type": "string"}},
    "additionalProperties": false}, "layers": {"items": {"properties": {"kind": {"enum": ["fault"]}}}}}})";
  const Case cases[] = {
      {volume, R"({"name": "v"})", ""},
      {volume, R"({"identity": {}})", "name: is missing"},
      {volume, R"({"name": 3})", "name: must be a string, not number"},
      {volume, R"({"nam": "v"})",
       "nam: unknown key; did you mean \"name\"? Known here: name, identity, layers"},
      {volume, R"({"name": "v", "identity": {"naa": 1}})", "identity.naa: must be a string"},
      {volume, R"({"name": "v", "identity": {"nab": 1}})", "identity.nab: unknown key"},
      {volume, R"({"name": "v", "layers": [{}, {"kind": "fualt"}]})", "layers[1].kind: 'fualt' is not known"},
      {R"({"additionalProperties": {"type": "integer"}})", R"({"a": 1})", ""},
      {R"({"additionalProperties": {"type": "integer"}})", R"({"a": 1, "b": "c"})",
       "b: must be a whole number"},
      {R"({"minProperties": 1})", "{}", "has 0 members; at least 1"},
      {R"({"maxProperties": 1})", R"({"a": 1, "b": 2})", "has 2 members; at most 1"},
  };
  for (const Case& each : cases) expect_case(each);
  EXPECT_EQ(good(volume).check(json_of(R"({"name": 1})"), {}, "volumes[3]").error().place, "volumes[3].name");
}

TEST(Schema, Combinations) {
  constexpr const char* one = R"({"oneOf": [{"type": "integer"}, {"type": "number", "minimum": 5}]})";
  constexpr const char* deep = R"({"oneOf": [{"type": "null"},
    {"type": "object", "required": ["user"], "properties": {"user": {"type": "string"}, "age": {"maximum": 9}}}]})";
  const Case cases[] = {
      {R"({"allOf": [{"minimum": 1}, {"maximum": 3}]})", "2", ""},
      {R"({"allOf": [{"minimum": 1}, {"maximum": 3}]})", "4", "4 is more than 3"},
      {R"({"anyOf": [{"type": "string"}, {"minimum": 3}]})", "4", ""},
      {R"({"anyOf": [{"type": "string"}, {"type": "null"}]})", "4", "must be a string, not number"},
      {one, "1", ""},
      {one, "5.5", ""},
      {one, "7", "could be meant in 2 ways"},
      {one, "\"x\"", "must be a whole number"},
      {deep, "null", ""},
      {deep, R"({"user": "u"})", ""},
      // The alternative that came furthest is the one that was meant.
      {deep, R"({"user": 7})", "user: must be a string, not number"},
      {deep, R"({"user": "u", "age": 10})", "age: 10 is more than 9"},
  };
  for (const Case& each : cases) expect_case(each);
  // A path is whole again after an alternative that failed deep inside.
  const Schema list = good(R"({"items": {"properties": {"a": {"anyOf": [{"items": {"type": "null"}}, true]},
    "b": {"type": "null"}}}})");
  EXPECT_EQ(said(list, R"([{"a": [1], "b": 2}])"), "[0].b: must be null, not number");
}

TEST(Schema, References) {
  constexpr const char* components = R"({"Name": {"type": "string", "maxLength": 3},
    "Tree": {"type": "object", "properties": {"left": {"$ref": "#/components/schemas/Tree"},
    "name": {"$ref": "#/components/schemas/Name", "minLength": 2}}, "additionalProperties": false}})";
  const Schema tree = good(R"({"$ref": "#/components/schemas/Tree"})", components);
  EXPECT_EQ(said(tree, R"({"left": {"left": {"name": "ab"}}})"), "");
  EXPECT_EQ(said(tree, R"({"left": {"left": {"name": "abcd"}}})"),
            "left.left.name: has 4 characters; at most 3");
  EXPECT_EQ(said(tree, R"({"name": "a"})"), "name: has 1 characters; at least 2");
  EXPECT_EQ(tree.properties().size(), 2u);
}

TEST(Schema, ReadOnlyIsOverlookedInRequests) {
  const Schema schema =
      good(R"({"type": "object", "required": ["name", "id"], "additionalProperties": false, "properties": {
    "name": {"type": "string"}, "id": {"type": "integer", "readOnly": true}, "part": {"properties": {
    "made": {"$ref": "#/components/schemas/Made"}, "kept": {}}}, "list": {"items": {"$ref": "#/components/schemas/Part"}}}})",
           R"({"Made": {"type": "string", "readOnly": true}, "Part": {"allOf": [{"properties": {
    "x": {"readOnly": true}}}]}})");
  EXPECT_EQ(said(schema, R"({"name": "v"})"), "");
  EXPECT_EQ(said(schema, R"({"name": "v", "id": "anything", "part": {"made": 7}})"), "");
  EXPECT_EQ(said(schema, R"({"name": "v"})", {.direction = Direction::response}), "id: is missing");
  EXPECT_THAT(said(schema, R"({"name": "v", "id": "x"})", {.direction = Direction::response}),
              HasSubstr("id: must be"));
  const Json told =
      json_of(R"({"name": "v", "id": 1, "part": {"made": "x", "kept": 1}, "list": [{"x": 1, "y": 2}]})");
  EXPECT_EQ(schema.without_read_only(told),
            json_of(R"({"name": "v", "part": {"kept": 1}, "list": [{"y": 2}]})"));
}

TEST(Schema, WriteOnlyNeedNotBeToldAndIsNeverPrinted) {
  const Schema schema =
      good(R"({"required": ["key"], "properties": {"key": {"type": "string", "writeOnly": true,
    "maxLength": 20, "pattern": "^[0-9]+$"}}})");
  EXPECT_EQ(said(schema, "{}"), "key: is missing");
  EXPECT_EQ(said(schema, "{}", {.direction = Direction::response}), "");
  const std::string error = said(schema, R"({"key": "correct-horse"})");
  EXPECT_THAT(error, HasSubstr("the secret does not fit"));
  EXPECT_EQ(error.find("horse"), std::string::npos);
  const Schema referred =
      good(R"({"properties": {"key": {"$ref": "#/components/schemas/Code", "writeOnly": true},
    "name": {"$ref": "#/components/schemas/Code"}}})",
           R"({"Code": {"enum": ["a"]}})");
  EXPECT_EQ(said(referred, R"({"key": "horse"})"), "key: the secret is none of: a");
  EXPECT_THAT(said(referred, R"({"key": "a", "name": "horse"})"), HasSubstr("name: 'horse' is not known"));
}

TEST(Schema, PartialAsksForNothingButChecksWhatIsThere) {
  const Schema schema =
      good(R"({"type": "object", "required": ["name"], "additionalProperties": false, "properties": {
    "name": {"type": "string"}, "part": {"type": "object", "required": ["a"], "properties": {"a": {"type": "integer"}}},
    "list": {"items": {"type": "object", "required": ["a"], "properties": {"a": {}}}}}})");
  const CheckMode partial{.partial = true};
  EXPECT_EQ(said(schema, "{}", partial), "");
  EXPECT_EQ(said(schema, R"({"name": null, "part": {"a": null}, "list": null})", partial), "");
  EXPECT_EQ(said(schema, R"({"part": {"a": "x"}})", partial), "part.a: must be a whole number, not string");
  EXPECT_THAT(said(schema, R"({"nam": null})", partial), HasSubstr("nam: unknown key"));
  // A patch replaces lists as a whole.
  EXPECT_EQ(said(schema, R"({"list": [{}]})", partial), "list[0].a: is missing");
  EXPECT_EQ(said(schema, "[]", partial), ": must be an object, not a list");
  const Schema page =
      good(R"({"items": {"required": ["a"], "properties": {"a": {}}, "x-ashlar-partial": true}})");
  EXPECT_EQ(said(page, "[{}]"), "");
}

TEST(Schema, TextOfQueries) {
  const auto read = [](const char* schema, const char* text) {
    const Result<Json> value = good(schema).read_text(text, "limit");
    return value ? print_json(*value) : value.error().text();
  };
  EXPECT_EQ(read(R"({"type": "integer", "maximum": 10})", "7"), "7");
  EXPECT_EQ(read(R"({"type": "integer"})", "-7"), "-7");
  EXPECT_EQ(read(R"({"type": "integer"})", "18446744073709551615"), "18446744073709551615");
  EXPECT_THAT(read(R"({"type": "integer"})", "18446744073709551616"),
              HasSubstr("limit: must be a whole number"));
  EXPECT_THAT(read(R"({"type": "integer", "maximum": 10})", "11"), HasSubstr("limit: 11 is more than 10"));
  for (const char* bad : {"", "x", "7x", " 7", "+7", "0x7", "7.0"})
    EXPECT_THAT(read(R"({"type": "integer"})", bad), HasSubstr("must be a whole number")) << bad;
  EXPECT_EQ(read(R"({"type": "number"})", "7.5"), "7.5");
  for (const char* bad : {"nan", "inf", "1e999", "x"})
    EXPECT_THAT(read(R"({"type": "number"})", bad), HasSubstr("must be a number")) << bad;
  EXPECT_EQ(read(R"({"type": "boolean"})", "true"), "true");
  EXPECT_THAT(read(R"({"type": "boolean"})", "1"), HasSubstr("must be true or false"));
  EXPECT_EQ(read(R"({"type": "string"})", "7"), "\"7\"");
  EXPECT_THAT(read(R"({"enum": ["json", "yaml"]})", "yml"), HasSubstr("did you mean \"yaml\"?"));
}

TEST(Schema, WhatWouldNotBeCheckedIsRefused) {
  const std::pair<const char*, const char*> cases[] = {
      {R"({"multipleOf": 2})", "test.multipleOf: is a keyword that would not be checked"},
      {R"({"maxlength": 2})", "did you mean \"maxLength\"?"},
      {R"({"properties": {"a": {"if": {}}}})", "test.a.if:"},
      {R"({"items": {"prefixItems": []}})", "test.items.prefixItems:"},
      {R"({"type": "int"})", "\"int\" is no type"},
      {R"({"type": []})", "test.type: is an empty list"},
      {R"({"enum": []})", "test.enum: must be a list"},
      {R"({"enum": [1], "const": 1})", "stands beside an enum"},
      {R"({"minimum": "1"})", "test.minimum: must be a number"},
      {R"({"maxLength": -1})", "test.maxLength: -1 is less than 0"},
      {R"({"uniqueItems": 1})", "test.uniqueItems: must be true or false"},
      {R"({"pattern": "a"})", "test.pattern: needs a maxLength of at most 256"},
      {R"({"pattern": "a", "maxLength": 257})", "needs a maxLength of at most 256"},
      {R"({"pattern": "(", "maxLength": 9})", "is no regular expression"},
      {R"({"required": ["a"]})", "'a' is none of the properties"},
      {R"({"required": "a"})", "test.required: must be a list"},
      {R"({"allOf": []})", "test.allOf: must be a list of schemas"},
      {R"({"anyOf": [7]})", "test.anyOf[0]: must be a schema"},
      {R"({"properties": []})", "test.properties: must be an object"},
      {R"({"$ref": "#/components/schemas/None"})", "leads nowhere"},
      {R"({"$ref": "https://example.com/x"})", "leads nowhere"},
      {R"({"$ref": "#/info"})", "leads nowhere"},
      {R"({"$ref": 7})", "test.$ref: must be a string"},
      {"7", "test: must be a schema"},
  };
  for (const auto& [schema, error] : cases) {
    const Result<Schema> compiled = compile(schema);
    ASSERT_FALSE(compiled) << schema;
    EXPECT_THAT(compiled.error().text(), HasSubstr(error)) << schema;
  }
}

TEST(Schema, RingsOfReferencesAreRefused) {
  const char* rings[] = {
      R"({"A": {"$ref": "#/components/schemas/A"}})",
      R"({"A": {"$ref": "#/components/schemas/B"}, "B": {"$ref": "#/components/schemas/A"}})",
      R"({"A": {"oneOf": [true, {"allOf": [{"$ref": "#/components/schemas/A"}]}]}})",
  };
  for (const char* ring : rings) {
    const Result<Schema> compiled = compile(R"({"$ref": "#/components/schemas/A"})", ring);
    ASSERT_FALSE(compiled) << ring;
    EXPECT_THAT(compiled.error().message, HasSubstr("refers to itself without end"));
  }
}

TEST(Schema, DeepSchemasAndValuesEnd) {
  Json schema = Json::object();
  for (int i = 0; i < 1000; ++i) schema = Json{{"items", schema}};
  const Json document = Json::object();
  SchemaCompiler compiler(document);
  const Result<Schema> deep = compiler.compile(schema, "test");
  ASSERT_FALSE(deep);
  EXPECT_THAT(deep.error().message, HasSubstr("nested too deeply"));

  const Schema tree = good(R"({"$ref": "#/components/schemas/T"})",
                           R"({"T": {"type": "array", "items": {"$ref": "#/components/schemas/T"}}})");
  Json value = Json::array();
  for (int i = 0; i < 1000; ++i) value = Json::array({value});
  const Result<void> checked = tree.check(value);
  ASSERT_FALSE(checked);
  EXPECT_THAT(checked.error().message, HasSubstr("is nested too deeply"));
}

TEST(Schema, StepsAreBounded) {
  // Two ways at every level, both to the end: 2^n steps without a bound.
  const Schema tree = good(R"({"$ref": "#/components/schemas/T"})", R"({"T": {"anyOf": [
    {"items": {"$ref": "#/components/schemas/T"}, "type": "array"},
    {"items": {"$ref": "#/components/schemas/T"}, "type": "array", "minItems": 1}]}})");
  Json value = 7;
  for (int i = 0; i < 40; ++i) value = Json::array({value});
  const Result<void> checked = tree.check(value);
  ASSERT_FALSE(checked);
}

TEST(Schema, PointersFollowRfc6901) {
  const Json document = json_of(R"({"a/b": {"m~n": 7}, "": 8})");
  EXPECT_EQ(*find_by_pointer(document, "#/a~1b/m~0n"), 7);
  EXPECT_EQ(*find_by_pointer(document, "#/"), 8);
  EXPECT_EQ(*find_by_pointer(document, "#"), document);
  EXPECT_EQ(find_by_pointer(document, "#/a~1b/x"), nullptr);
  EXPECT_EQ(find_by_pointer(document, "a"), nullptr);
  EXPECT_EQ(find_by_pointer(document, "#a"), nullptr);
}

RC_GTEST_PROP(SchemaProperty, BoundsAreThoseOfTheNumbers, (int64_t low, int64_t high, int64_t value)) {
  Json document = Json::object();
  SchemaCompiler compiler(document);
  const Result<Schema> schema = compiler.compile(Json{{"minimum", low}, {"maximum", high}}, "test");
  RC_ASSERT(schema.has_value());
  RC_ASSERT(schema->check(Json(value)).has_value() == (value >= low && value <= high));
}

}  // namespace
}  // namespace ashlar::api
