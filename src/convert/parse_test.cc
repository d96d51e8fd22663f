// What is wrong in a text, and where; and texts that are meant to do harm.
#include <gtest/gtest.h>

#include "convert/convert.h"
#include "convert/position.h"

namespace ashlar::convert {
namespace {

using api::Json;

struct Wrong {
  Format format;
  std::string text, place, words;
};

void expect_wrong(const Wrong& wrong) {
  const auto parsed = parse(wrong.text, wrong.format);
  ASSERT_FALSE(parsed) << wrong.text.substr(0, 200);
  EXPECT_EQ(parsed.error().place, wrong.place) << wrong.text.substr(0, 200) << parsed.error().text();
  EXPECT_NE(parsed.error().message.find(wrong.words), std::string::npos) << parsed.error().text();
}

TEST(ParsePositions, UnknownKeys) {
  expect_wrong({Format::yaml, "# c\nvolumes:\n  - name: a\n    pool: p\n  - name: b\n    size_byte: 1\n",
                "line 6, column 5 (volumes[1].size_byte)", "did you mean \"size_bytes\"?"});
  expect_wrong({Format::toml,
                "[[volumes]]\nname = \"a\"\npool = \"p\"\n[[volumes]]\nname = \"b\"\n  size_byte = 1\n",
                "line 6, column 3 (volumes[1].size_byte)", "did you mean \"size_bytes\"?"});
  expect_wrong(
      {Format::json,
       "{\"volumes\": [\n  {\"name\": \"a\", \"pool\": \"p\"},\n  {\"name\": \"b\", \"size_byte\": 1}\n]}",
       "line 3, column 17 (volumes[1].size_byte)", "did you mean \"size_bytes\"?"});
}

TEST(ParsePositions, UnknownKinds) {
  expect_wrong(
      {Format::yaml, "pools: []\nvolume: []\n", "line 2, column 1 (volume)", "did you mean \"volumes\"?"});
  expect_wrong(
      {Format::toml, "pools = []\n[[volume]]\n", "line 2, column 3 (volume)", "did you mean \"volumes\"?"});
  expect_wrong({Format::json, "{\"pools\": [],\n \"volume\": []}", "line 2, column 2 (volume)",
                "did you mean \"volumes\"?"});
  expect_wrong(
      {Format::yaml, "configuration:\n  pools: []\n", "line 1, column 1 (configuration)", "unknown key"});
}

TEST(ParsePositions, WrongTypesAndNumbers) {
  expect_wrong({Format::yaml, "portals:\n- {name: a, address: x,\n   port: no}\n",
                "line 3, column 4 (portals[0].port)", "must be a whole number"});
  expect_wrong({Format::yaml, "portals:\n- name: a\n  address: x\n  port: 65536\n",
                "line 4, column 3 (portals[0].port)", "65536 is more than 65535"});
  expect_wrong({Format::yaml, "hosts:\n- name: a\n  initiators:\n  - one\n  - 2\n",
                "line 5, column 5 (hosts[0].initiators[1])", "must be a string"});
  expect_wrong({Format::toml, "[[hosts]]\nname = \"a\"\ninitiators = [\"one\",\n 2]\n",
                "line 4, column 2 (hosts[0].initiators[1])", "must be a string"});
  expect_wrong({Format::json, "{\"hosts\": [{\"name\": \"a\", \"initiators\": [\"o\\\"ne]\",\n\t2]}]}",
                "line 2, column 2 (hosts[0].initiators[1])", "must be a string"});
  expect_wrong({Format::json, "{\"a.b\": 1}", "line 1, column 2 (a.b)", "unknown key"});
  expect_wrong({Format::json, " []", "line 1, column 2", "must be an object"});
  expect_wrong({Format::yaml, "- 1\n", "line 1, column 1", "must be an object"});
}

TEST(ParsePositions, MissingFieldsAreShownAtTheirObject) {
  expect_wrong({Format::yaml, "pools:\n  - name: a\n    kind: dir\n  - name: b\n",
                "line 4, column 5 (pools[1].kind)", "is missing"});
  expect_wrong({Format::toml, "[[pools]]\nname = \"a\"\nkind = \"dir\"\n\n[[pools]]\nname = \"b\"\n",
                "line 5, column 1 (pools[1].kind)", "is missing"});
  expect_wrong({Format::json, "{\"pools\": [{\"name\": \"a\", \"kind\": \"x{[\"},\n{\"name\": \"b\"}]}",
                "line 2, column 1 (pools[1].kind)", "is missing"});
}

TEST(ParsePositions, Syntax) {
  expect_wrong({Format::json, "{\n  \"pools\": [}\n", "line 2, column 13", "this is not JSON"});
  expect_wrong({Format::yaml, "pools:\n  - name: [a\n", "line 3, column 1", "this is not YAML"});
  expect_wrong({Format::yaml, "a: b: c\n", "line 1, column 5", "this is not YAML"});
  expect_wrong({Format::toml, "pools = [\n", "line 1, column 11", "this is not TOML"});
  expect_wrong({Format::toml, "a = 1\nb =\n", "line 2, column 4", "this is not TOML"});
}

TEST(ParsePositions, EqualKeys) {
  expect_wrong({Format::json, "{\"pools\": [],\n  \"pools\": []}", "line 2, column 3", "stands twice"});
  expect_wrong({Format::json, "{\"hosts\": [{\"name\": \"name\", \"os\": {\"a\": [\"a\"]},\n\"os\": 1}]}",
                "line 2, column 1", "stands twice"});
  expect_wrong({Format::yaml, "pools: []\nhosts: []\npools: []\n", "line 3, column 1", "stands twice"});
  expect_wrong(
      {Format::toml, "[[pools]]\nname = \"a\"\nname = \"b\"\n", "line 3, column 8", "this is not TOML"});
}

TEST(ParseHostile, NotUtf8) {
  for (const Format format : {Format::yaml, Format::toml})
    expect_wrong({format, "\n a\xff", "line 2, column 3", "not UTF-8"});
  EXPECT_FALSE(parse("{\"a\xff\": 1}", Format::json));
  for (const char* bad : {"\xc0\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xe2\x82", "\x80",
                          "\xf0\x80\x80\x80", "\xe0\x80\x80"})
    EXPECT_EQ(utf8_length(bad), 0u);
  EXPECT_EQ(utf8_length("\xf0\x9f\x98\x80"), 4u);
  EXPECT_EQ(utf8_length(""), 0u);
}

TEST(ParseHostile, TooLong) {
  const std::string text(max_text_bytes + 1, '#');
  for (const Format format : {Format::json, Format::yaml, Format::toml}) {
    const auto parsed = parse(text, format);
    ASSERT_FALSE(parsed);
    EXPECT_EQ(parsed.error().code, ErrorCode::out_of_range);
  }
}

TEST(ParseHostile, TooDeep) {
  const auto nested = [](size_t levels) { return std::string(levels, '[') + std::string(levels, ']'); };
  EXPECT_TRUE(parse_yaml(nested(max_depth)));
  EXPECT_EQ(parse_yaml(nested(max_depth + 1)).error().place, "line 1, column 33");
  EXPECT_FALSE(parse_yaml(nested(100'000)));
  EXPECT_FALSE(parse_yaml(std::string(100'000, '[')));
  std::string blocks;
  for (size_t i = 0; i < 2000; ++i) blocks += std::string(i, ' ') + "a:\n";
  EXPECT_FALSE(parse_yaml(blocks));
  EXPECT_FALSE(parse("a = " + nested(200), Format::toml));
  EXPECT_FALSE(parse("a = " + nested(100'000), Format::toml));
  expect_wrong({Format::json, "{\"a\": " + nested(40) + "}", "line 1, column 38", "nested deeper"});
  std::string key = "a";
  for (size_t i = 0; i < 1'000'000; ++i) key += ".a";
  expect_wrong({Format::toml, key + " = 1", "line 1, column 2000003", "more than 16 parts"});
  expect_wrong({Format::toml, "[" + key + "]", "line 1, column 2000003", "more than 16 parts"});
  std::string keys;
  for (size_t i = 0; i < 50'001; ++i) keys += fmt::format("a{}.b = 1\n", i);
  EXPECT_EQ(parse(keys, Format::toml).error().place, "line 50001, column 10");
}

TEST(ParseHostile, DotsInCommentsAndStringsDoNoHarm) {
  const std::string dots(100, '.');
  const std::string text = "# " + dots + " = ]\n[[pools]]\nname = \"p\"\nkind = \"dir\" # " + dots +
                           "\ncomment = \"" + dots + "\"\n";
  EXPECT_TRUE(parse(text, Format::toml));
}

TEST(ParseHostile, BillionLaughs) {
  std::string text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 10; ++i) {
    text += fmt::format("a{}: &a{} [", i, i);
    for (int j = 0; j < 10; ++j) text += fmt::format("{}*a{}", j == 0 ? "" : ", ", i - 1);
    text += "]\n";
  }
  const auto parsed = parse_yaml(text);
  ASSERT_FALSE(parsed);
  EXPECT_EQ(parsed.error().code, ErrorCode::out_of_range);
  EXPECT_NE(parsed.error().message.find("200000 values"), std::string::npos);
  // One long word, named again and again.
  std::string words = "- &a \"" + std::string(1 << 20, 'x') + "\"\n";
  for (int i = 0; i < 1000; ++i) words += "- *a\n";
  EXPECT_NE(parse_yaml(words).error().message.find("bytes, when aliases are filled in"), std::string::npos);
  EXPECT_EQ(parse_yaml("a: &a [*a]").error().place, "line 1, column 8");
  EXPECT_FALSE(parse_yaml("a: *b"));
}

TEST(ParseHostile, TooMany) {
  std::string list = "pools:\n", members, toml = "pools = [", other;
  for (size_t i = 0; i <= max_nodes; ++i) {
    list += "- 1\n";
    toml += "1,";
  }
  EXPECT_EQ(parse(list, Format::yaml).error().code, ErrorCode::out_of_range);
  EXPECT_EQ(parse(toml + "]", Format::toml).error().code, ErrorCode::out_of_range);
  for (size_t i = 0; i <= max_members; ++i) {
    members += fmt::format("a{}: 1\n", i);
    other += fmt::format("a{} = 1\n", i);
  }
  EXPECT_EQ(parse_yaml(members).error().place, "line 1025, column 1");
  EXPECT_EQ(parse(other, Format::toml).error().code, ErrorCode::out_of_range);
  std::string json = "{";
  for (size_t i = 0; i <= api::max_object_members; ++i) json += fmt::format("\"a{}\": [\"x\", {{}}],\n", i);
  expect_wrong({Format::json, json, "line 257, column 1", "more than 256 members"});
}

TEST(Yaml, CoreSchema) {
  const std::pair<const char*, Json> table[] = {
      {"true", true},
      {"False", false},
      {"yes", "yes"},
      {"No", "No"},
      {"on", "on"},
      {"~", nullptr},
      {"", nullptr},
      {"Null", nullptr},
      {"12", 12u},
      {"-12", -12},
      {"+12", 12u},
      {"0o17", 15u},
      {"0xfF", 255u},
      {"0b1", "0b1"},
      {"1_000", "1_000"},
      {"0123", 123u},
      {"1.5", 1.5},
      {"-.5", -0.5},
      {"1.", 1.0},
      {"1e3", 1000.0},
      {"+1.5e-1", 0.15},
      {"1e", "1e"},
      {".", "."},
      {"1.2.3", "1.2.3"},
      {"12:30:45", "12:30:45"},
      {"'12'", "12"},
      {"\"true\"", "true"},
      {"!!str 12", "12"},
      {"!!int 12", 12u},
      {"18446744073709551615", UINT64_MAX},
      {"-9223372036854775808", INT64_MIN},
      {"2026-01-01", "2026-01-01"},
      {"\"\\x41\\u263a\\n\"", "A\u263a\n"},
      {"10GiB", "10GiB"},
      {"nan", "nan"},
      {"- ", Json::array({nullptr})},
  };
  for (const auto& [text, value] : table) {
    const auto json = parse_yaml(text);
    ASSERT_TRUE(json) << text << ": " << json.error().text();
    EXPECT_EQ(*json, value) << text;
    EXPECT_EQ(json->type(), value.type()) << text;
  }
  EXPECT_EQ(*parse_yaml("a: |\n  x\n  y\nb: >-\n  x\n  y\n? c\n: &d 1\ne: *d\n"),
            Json::parse(R"({"a": "x\ny\n", "b": "x y", "c": 1, "e": 1})"));
  EXPECT_EQ(*parse_yaml("1: a\ntrue: b\n"), Json::parse(R"({"1": "a", "true": "b"})"));
}

TEST(Yaml, Refused) {
  const std::tuple<const char*, const char*, const char*> table[] = {
      {"a: .inf", "line 1, column 4", "not a number"},
      {"a: 18446744073709551616", "line 1, column 4", "64 bits"},
      {"a: -9223372036854775809", "line 1, column 4", "64 bits"},
      {"a: 1e999", "line 1, column 4", "not a number"},
      {"a: !mine x", "line 1, column 4", "tag !mine"},
      {"a: !!binary x", "line 1, column 4", "is not known here"},
      {"a: !!set {b}", "line 1, column 4", "is not known here"},
      {"[a]: b", "line 1, column 1", "a key must be a word"},
      {"b: &k x\n*k : y", "line 2, column 1", "an alias cannot be a key"},
      {"a: 1\n---\nb: 2\n", "line 2, column 1", "a second document"},
      {"a: \x04 b", "line 1, column 4", "a control character"},
  };
  for (const auto& [text, place, words] : table) {
    const auto json = parse_yaml(text);
    ASSERT_FALSE(json) << text;
    EXPECT_EQ(json.error().place, place) << text;
    EXPECT_NE(json.error().message.find(words), std::string::npos) << json.error().text();
  }
}

TEST(Toml, Values) {
  const auto json = parse(
      "[[settings]]\nname = 'a'\nvalue = [1, -2, 2.5, true, \"\"\"x\ny\"\"\", { z = 0x10 }]\n", Format::toml);
  ASSERT_TRUE(json) << json.error().text();
  EXPECT_EQ((*json)["settings"][0]["value"], Json::parse(R"([1, -2, 2.5, true, "x\ny", {"z": 16}])"));
  expect_wrong({Format::toml, "a = 2026-01-01\n", "line 1, column 5", "write it in quotes"});
  expect_wrong({Format::toml, "a = inf\n", "line 1, column 5", "not numbers"});
}

}  // namespace
}  // namespace ashlar::convert
