#include "cli/yaml.h"

#include <gtest/gtest.h>

#include "cli/table.h"

namespace ashlar::cli {
namespace {

std::string yaml(const char* json) { return print_yaml(*api::parse_json(json)); }

TEST(Yaml, BlockStyle) {
  EXPECT_EQ(
      yaml(
          R"({"name":"db1","list":["a",1,null,true,1.5],"object":{"x":{"z":[]}},"empty":{},"rows":[{"a":1,"b":[2]},[3,[4]]]})"),
      "name: db1\n"
      "list:\n- a\n- 1\n- null\n- true\n- 1.5\n"
      "object:\n  x:\n    z: []\n"
      "empty: {}\n"
      "rows:\n- a: 1\n  b:\n  - 2\n-\n  - 3\n  -\n    - 4\n");
  EXPECT_EQ(yaml("[]"), "[]\n");
  EXPECT_EQ(yaml("\"x\""), "x\n");
}

TEST(Yaml, WhatCouldBeReadAsSomethingElseIsQuoted) {
  for (const char* word :
       {"",   "true", "No",   "ON",   "null", "y",  "1",  "1.5", "0x1f", "1:20", "2026-11-25",
        "-",  "- a",  "a: b", "a #b", "*x",   "&x", "!x", "@x",  "%x",   "~",    " a",
        "a ", "x:",   "'q'",  "{",    "[",    "?",  "|",  ">",   "a\\b"}) {
    const std::string printed = print_yaml(api::Json(word));
    EXPECT_TRUE(printed.starts_with('"')) << word << " became " << printed;
  }
  for (const char* word :
       {"db1", "iqn.2026-11.io.ashlar:demo", "/dev/disk/by-id/wwn-0x5", "v@s", "_x", "yesterday"}) {
    EXPECT_EQ(print_yaml(api::Json(word)), std::string(word) + "\n");
  }
  EXPECT_EQ(yaml(R"({"on":"a","a b":1})"), "\"on\": a\n\"a b\": 1\n");
}

TEST(Yaml, ControlsAreEscaped) {
  EXPECT_EQ(print_yaml(api::Json("a\x1b[2J\x7f\xc2\x9b\xe2\x80\xae\n")),
            "\"a\\u001b[2J\\u007f\\u009b\\u202e\\n\"\n");
  EXPECT_EQ(print_safe_json(api::Json("\xc3\xa9\xe2\x82\xac\xff"), -1),
            "\"\xc3\xa9\xe2\x82\xac\xef\xbf\xbd\"")
      << "letters stay, what is no UTF-8 is replaced";
}

TEST(Table, NothingThatATerminalWouldObey) {
  EXPECT_EQ(printable("a\x1b\x7f\xc2\x9b\xe2\x80\xae\xff\xc3"), "a\\x1b\\x7f\\x9b\\u202e\\xff\\xc3");
  EXPECT_EQ(printable("\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80"), "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80");
  EXPECT_EQ(printable("\xc0\x9b\xed\xa0\x80\xf4\x90\x80\x80"),
            "\\xc0\\x9b\\xed\\xa0\\x80\\xf4\\x90\\x80\\x80");
}

TEST(Table, CsvQuotesWhatItMust) {
  EXPECT_EQ(csv_cell("plain"), "plain");
  EXPECT_EQ(csv_cell("a,b"), "\"a,b\"");
  EXPECT_EQ(csv_cell("say \"x\""), "\"say \"\"x\"\"\"");
}

}  // namespace
}  // namespace ashlar::cli
