#include "http/client.h"

#include <gtest/gtest.h>

#include <latch>

#include "http/server_world_test.h"

namespace ashlar::http {
namespace {

class ClientTest : public ServerWorld {};

TEST_F(ClientTest, NobodyThereIsClosed) {
  start(echo);
  const ClientOptions options = client_options();
  server_->stop();
  EXPECT_EQ(Client(options).call("GET", "/").error().code, ErrorCode::closed);
  const auto local = local_client().call("GET", "/");
  ASSERT_FALSE(local);
  EXPECT_EQ(local.error().code, ErrorCode::closed);
  EXPECT_EQ(local.error().place, options_.unix_socket);
}

TEST_F(ClientTest, PatienceEnds) {
  std::latch go_on(1);
  start([&](const Request& request) {
    go_on.wait();
    return echo(request);
  });
  ClientOptions options = client_options();
  options.timeout = std::chrono::milliseconds(300);
  Client caller(options);
  EXPECT_EQ(caller.call("GET", "/").error().code, ErrorCode::timed_out);
  EXPECT_EQ(caller.stream("/", {}, [](std::string_view) { return true; }).error().code, ErrorCode::timed_out);
  go_on.count_down();
  server_->stop();
}

TEST_F(ClientTest, AnAnswerIsBounded) {
  start([](const Request& request) {
    return Response{.body = std::string(std::stoul(request.path.substr(1)), 'x')};
  });
  ClientOptions options = client_options();
  options.most_body_bytes = 1000;
  Client caller(options);
  EXPECT_EQ(caller.call("GET", "/1000")->body.size(), 1000u);
  EXPECT_EQ(caller.call("GET", "/1001").error().code, ErrorCode::exhausted);
  EXPECT_EQ(caller.call("GET", "/1000000").error().code, ErrorCode::exhausted);
  EXPECT_EQ(caller.call("GET", "/10")->body.size(), 10u);
}

TEST_F(ClientTest, RedirectsAreAnswersAndHeadersKeepTheirOrder) {
  start([](const Request& request) -> Response {
    EXPECT_EQ(request.path, "/");
    return {.status = 307,
            .headers = {{"Location", "/elsewhere"}, {"Set-Cookie", "a=1"}, {"Set-Cookie", "b=2"}}};
  });
  const auto answer = client().call("POST", "/");
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, 307);
  std::string cookies;
  for (const auto& [name, value] : answer->headers) cookies += name == "Set-Cookie" ? value + ";" : "";
  EXPECT_EQ(cookies, "a=1;b=2;");
}

TEST_F(ClientTest, HeadersGoAsTheyAreGiven) {
  start([](const Request& request) {
    Response response;
    for (const auto& [name, value] : request.headers)
      response.body.append(name).append("=").append(value).append("\n");
    return response;
  });
  Client caller = client();
  const auto answer = caller.call("POST", "/", {{"X-Empty", ""}, {"X-Two", "a: b"}}, "x");
  ASSERT_TRUE(answer);
  EXPECT_TRUE(answer->body.contains("X-Empty=\n")) << answer->body;
  EXPECT_TRUE(answer->body.contains("X-Two=a: b\n"));
  EXPECT_FALSE(answer->body.contains("Content-Type"));
  EXPECT_FALSE(caller.call("GET", "/")->body.contains("X-Two"));  // the last call is forgotten
}

TEST_F(ClientTest, WhatCannotBeSentIsRefused) {
  start(echo);
  Client caller = client();
  for (const char* path : {"", "a", "/a b", "/a\r\nX: y", "/\x7f"})
    EXPECT_EQ(caller.call("GET", path).error().code, ErrorCode::invalid_argument) << path;
  EXPECT_EQ(caller.call("GE T", "/").error().code, ErrorCode::invalid_argument);
  EXPECT_EQ(caller.call("GET", "/", {{"X", "a\r\nY: b"}}).error().code, ErrorCode::invalid_argument);
  EXPECT_EQ(caller.call("GET", "/", {{"X y", "a"}}).error().code, ErrorCode::invalid_argument);
}

TEST_F(ClientTest, ItMovesAndCallsOn) {
  start(echo);
  Client first = client();
  ASSERT_TRUE(first.call("GET", "/1"));
  Client second = std::move(first);
  EXPECT_EQ(second.call("GET", "/2")->body, "GET /2\n");
}

TEST(PercentEncode, LeavesOnlyWhatIsPlain) {
  EXPECT_EQ(percent_encode("aZ09-._~"), "aZ09-._~");
  EXPECT_EQ(percent_encode("a b/c?d&\xc3\xa4%"), "a%20b%2Fc%3Fd%26%C3%A4%25");
}

}  // namespace
}  // namespace ashlar::http
