#include "http/request_rules.h"

#include <gtest/gtest.h>

namespace ashlar::http {
namespace {

int status_of(unsigned version, std::string_view method, const Headers& headers) {
  const auto refused = check_request_head(version, method, headers);
  return refused ? refused->status : 0;
}

TEST(RequestRules, TakeWhatIsPlain) {
  EXPECT_EQ(status_of(11, "GET", {{"Host", "a"}}), 0);
  EXPECT_EQ(status_of(10, "GET", {}), 0);
  EXPECT_EQ(status_of(11, "PUT", {{"host", "a"}, {"content-length", "12"}}), 0);
  EXPECT_EQ(status_of(11, "PUT", {{"Host", "a"}, {"Transfer-Encoding", "Chunked"}}), 0);
  EXPECT_EQ(status_of(11, "PUT", {{"Host", "a"}, {"Expect", "100-Continue"}, {"Content-Length", "1"}}), 0);
}

TEST(RequestRules, RefuseTwoReadingsOfOneLength) {
  const auto put = [](const Headers& more) {
    Headers headers = {{"Host", "a"}};
    headers.insert(headers.end(), more.begin(), more.end());
    return status_of(11, "PUT", headers);
  };
  EXPECT_EQ(put({{"Content-Length", "1"}, {"Transfer-Encoding", "chunked"}}), 400);
  EXPECT_EQ(put({{"Content-Length", "1"}, {"Transfer-Encoding", "identity"}}), 400);
  EXPECT_EQ(put({{"Content-Length", "1"}, {"content-length", "1"}}), 400);
  for (const char* length : {"", "1, 1", "+1", "-1", "0x1", "1 ", "99999999999999999999"})
    EXPECT_EQ(put({{"Content-Length", length}}), 400) << length;
  EXPECT_EQ(put({{"Transfer-Encoding", "chunked"}, {"Transfer-Encoding", "chunked"}}), 501);
  for (const char* encoding : {"", "identity", "gzip, chunked", "chunked, gzip", "chunked,", "xchunked"})
    EXPECT_EQ(put({{"Transfer-Encoding", encoding}}), 501) << encoding;
  EXPECT_EQ(status_of(10, "PUT", {{"Transfer-Encoding", "chunked"}}), 400);
}

TEST(RequestRules, RefuseTheRest) {
  EXPECT_EQ(status_of(11, "GET", {}), 400);
  EXPECT_EQ(status_of(11, "GET", {{"Host", "a"}, {"HOST", "b"}}), 400);
  EXPECT_EQ(status_of(11, "get", {{"Host", "a"}}), 501);
  EXPECT_EQ(status_of(11, "GET", {{"Host", "a"}, {"Expect", "miracles"}}), 417);
}

}  // namespace
}  // namespace ashlar::http
