#include "http/response_head.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "http/refusal.h"

namespace ashlar::http {
namespace {

using testing::HasSubstr;
using testing::Not;

std::string head_of(const Response& response, HeadOptions options = {}) {
  const auto head = response_head(response, options);
  EXPECT_TRUE(head) << head.error().text();
  return head.value_or("");
}

TEST(ResponseHead, TellsABrowserWhatItMustKnow) {
  const std::string head = head_of({.status = 201, .headers = {{"ETag", "\"1\""}}, .body = "abc"});
  EXPECT_TRUE(head.starts_with("HTTP/1.1 201 Created\r\n")) << head;
  EXPECT_TRUE(head.ends_with("\r\n\r\n"));
  for (const char* line :
       {"ETag: \"1\"\r\n", "Content-Length: 3\r\n", "Strict-Transport-Security: max-age=31536000",
        "X-Content-Type-Options: nosniff\r\n", "Cache-Control: no-store\r\n", "X-Frame-Options: DENY\r\n",
        "Content-Security-Policy: default-src 'none'\r\n", "Date: "})
    EXPECT_THAT(head, HasSubstr(line));
  EXPECT_THAT(head, Not(HasSubstr("Connection")));
}

TEST(ResponseHead, TheHandlersOwnWordsCountWhereTheyMay) {
  const std::string head = head_of({.headers = {{"cache-control", "max-age=60"},
                                                {"content-security-policy", "default-src 'self'"},
                                                {"x-frame-options", "ALLOWALL"},
                                                {"content-length", "9999"},
                                                {"transfer-encoding", "chunked"},
                                                {"connection", "upgrade"}}},
                                   {.close = true});
  EXPECT_THAT(head, HasSubstr("cache-control: max-age=60\r\n"));
  EXPECT_THAT(head, Not(HasSubstr("no-store")));
  EXPECT_THAT(head, HasSubstr("default-src 'self'"));
  EXPECT_THAT(head, Not(HasSubstr("default-src 'none'")));
  for (const char* never : {"ALLOWALL", "9999", "chunked", "upgrade"})
    EXPECT_THAT(head, Not(HasSubstr(never)));
  EXPECT_THAT(head, HasSubstr("X-Frame-Options: DENY\r\n"));
  EXPECT_THAT(head, HasSubstr("Content-Length: 0\r\n"));
  EXPECT_THAT(head, HasSubstr("Connection: close\r\n"));
}

TEST(ResponseHead, WithoutABodyThereIsNoLength) {
  for (const int status : {204, 304})
    EXPECT_THAT(head_of({.status = status}), Not(HasSubstr("Content-Length")));
  EXPECT_THAT(head_of({}, {.framing = Framing::chunked}), HasSubstr("Transfer-Encoding: chunked\r\n"));
  EXPECT_THAT(head_of({}, {.framing = Framing::to_end}), Not(HasSubstr("Transfer-Encoding")));
}

TEST(ResponseHead, NothingBreaksOutOfItsLine) {
  EXPECT_FALSE(response_head({.headers = {{"X", "a\r\nSet-Cookie: b"}}}, {}));
  EXPECT_FALSE(response_head({.headers = {{"X", std::string("a\0b", 3)}}}, {}));
  EXPECT_FALSE(response_head({.headers = {{"X: a\r\nY", "b"}}}, {}));
  EXPECT_FALSE(response_head({.headers = {{"", "b"}}}, {}));
  for (const int status : {0, 100, 101, 199, 600, -1}) EXPECT_FALSE(response_head({.status = status}, {}));
}

TEST(Refusal, IsAProblem) {
  const Response response = refusal(413, "out_of_range", "a \"b\"\n\xff");
  EXPECT_EQ(*find_header(response.headers, "content-type"), "application/problem+json");
  EXPECT_EQ(response.body, R"({"type":"about:blank","title":"Payload Too Large","status":413,)"
                           R"("detail":"a \"b\"\u000a\u00ff","code":"out_of_range"})");
  EXPECT_NE(find_header(refusal(503, "exhausted", "").headers, "Retry-After"), nullptr);
  EXPECT_EQ(reason_of(590), "Unknown");
}

}  // namespace
}  // namespace ashlar::http
