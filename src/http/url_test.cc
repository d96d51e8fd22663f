#include "http/url.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "http/client.h"

namespace ashlar::http {
namespace {

TEST(Url, IsTakenApart) {
  const auto target = parse_target("/api/v1/volumes/a%40b?filter=size_bytes%3E10&comment=r%C3%A4t+sel&x&&y=");
  ASSERT_TRUE(target) << target.error().text();
  EXPECT_EQ(target->path, "/api/v1/volumes/a@b");
  const std::vector<std::pair<std::string, std::string>> query = {
      {"filter", "size_bytes>10"}, {"comment", "r\xc3\xa4t sel"}, {"x", ""}, {"y", ""}};
  EXPECT_EQ(target->query, query);
}

TEST(Url, AnAbsoluteOneLosesItsAuthority) {
  EXPECT_EQ(parse_target("https://array1:8443/a?b=c")->path, "/a");
  EXPECT_EQ(parse_target("HTTP://array1")->path, "/");
  EXPECT_EQ(parse_target("https://array1?x=1")->query.size(), 1u);
  EXPECT_FALSE(parse_target("ftp://array1/a"));
}

TEST(Url, TricksAreRefused) {
  for (const char* text : {"",         "*",           "volumes", "?x",         "/..",           "/../etc",
                           "/a/../b",  "/a/.",        "/./a",    "/%2e%2e/a",  "/%2E./a",       "/a/.%2e",
                           "/a%2Fb",   "/a%2f..%2fb", "/a\\b",   "/a%5cb",     "/a%00b",        "/a%0ab",
                           "/a%7f",    "/%",          "/%4",     "/%4g",       "/%%41",         "/%+1",
                           "/a#b",     "/%ff",        "/%c0%af", "/%ed%a0%80", "/%f4%90%80%80", "/a?b=%",
                           "/a?b=%00", "/a?b=%ff"}) {
    const auto target = parse_target(text);
    ASSERT_FALSE(target) << text;
    EXPECT_EQ(target.error().code, ErrorCode::invalid_argument);
  }
}

TEST(Url, NearToTricksIsFine) {
  for (const char* text : {"/", "//", "/...", "/.a", "/a..", "/a./b", "/%25", "/%252e%252e", "/%f4%8f%bf%bf"})
    EXPECT_TRUE(parse_target(text)) << text;
  EXPECT_EQ(parse_target("/a+b")->path, "/a+b");
}

TEST(Url, HasBounds) {
  EXPECT_TRUE(parse_target("/" + std::string(max_target_bytes - 1, 'a')));
  EXPECT_FALSE(parse_target("/" + std::string(max_target_bytes, 'a')));
  std::string query = "/?a=1";
  for (size_t count = 1; count < max_query_pairs; ++count) query += "&a=1";
  EXPECT_TRUE(parse_target(query));
  EXPECT_FALSE(parse_target(query + "&a=1"));
}

RC_GTEST_PROP(UrlProperty, EncodedTextComesBack, (const std::string& text)) {
  const auto decoded = percent_decode(percent_encode(text));
  RC_ASSERT(decoded.has_value());
  RC_ASSERT(*decoded == text);
}

}  // namespace
}  // namespace ashlar::http
