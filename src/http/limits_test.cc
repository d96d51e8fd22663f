// What a client may not do: too much, too slowly, or in two readings.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <latch>

#include "http/server_world_test.h"

namespace ashlar::http {
namespace {

using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

class Limits : public ServerWorld {
 protected:
  Limits() {
    options_.most_body_bytes = 1000;
    options_.most_header_bytes = 2000;
  }
  /// The answer to one request on a connection of its own, up to the server's close.
  std::string fate_of(std::string_view request) const {
    RawPeer peer(options_.unix_socket);
    EXPECT_TRUE(peer.connected());
    peer.send(request);
    return peer.read_all();
  }
};

TEST_F(Limits, ABodyThatIsTooLarge) {
  start(echo);
  for (Client* caller : {new Client(client()), new Client(local_client())}) {
    const std::unique_ptr<Client> owner(caller);
    EXPECT_EQ(caller->call("PUT", "/", {}, std::string(1000, 'x'))->status, 200);
    const auto answer = caller->call("PUT", "/", {}, std::string(1001, 'x'));
    ASSERT_TRUE(answer) << answer.error().text();
    EXPECT_EQ(answer->status, 413);
    EXPECT_THAT(answer->body, HasSubstr("1000 bytes"));
    EXPECT_EQ(*find_header(answer->headers, "Content-Type"), "application/problem+json");
    const auto large = caller->call("PUT", "/", {}, std::string(4u << 20, 'x'));
    ASSERT_TRUE(large) << large.error().text();
    EXPECT_EQ(large->status, 413);
    EXPECT_EQ(caller->call("GET", "/")->status, 200);
  }
  std::string chunked = "PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
  for (int chunk = 0; chunk < 11; ++chunk) chunked += "64\r\n" + std::string(100, 'x') + "\r\n";
  EXPECT_THAT(fate_of(chunked), StartsWith("HTTP/1.1 413 "));
  EXPECT_THAT(fate_of("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 9000000000000000000\r\n\r\n"),
              StartsWith("HTTP/1.1 413 "));
}

TEST_F(Limits, HeadersThatAreTooLarge) {
  start(echo);
  const auto with = [](size_t size) {
    return "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nX: " + std::string(size, 'x') + "\r\n\r\n";
  };
  EXPECT_THAT(fate_of(with(1000)), StartsWith("HTTP/1.1 200 "));
  EXPECT_THAT(fate_of(with(2000)), StartsWith("HTTP/1.1 431 "));
  EXPECT_THAT(fate_of(with(1u << 20)), StartsWith("HTTP/1.1 431 "));
  EXPECT_THAT(fate_of("GET /" + std::string(5000, 'a')), StartsWith("HTTP/1.1 431 "));
  EXPECT_EQ(client().call("GET", "/", {{"X", std::string(3000, 'x')}})->status, 431);
}

TEST_F(Limits, WhatIsNoRequestIsSaidToBeNone) {
  start(echo);
  for (const char* request :
       {"nonsense\r\n\r\n", "GET / HTTP/2.0\r\nHost: a\r\n\r\n", "GET / HTTP/1.1\nHost: a\n\n",
        "GET / HTTP/1.1\r\nHost : a\r\n\r\n", "GET / HTTP/1.1\r\nHost: a\r\nX\r\n\r\n",
        "\x16\x03\x01\x02 hello\r\n\r\n", "GET / HTTP/1.1\r\nHost: a\r\nX: a\x01z\r\n\r\n",
        "GET / HTTP/1.1\r\n\r\n", "GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n",
        "GET  / HTTP/1.1\r\nHost: a\r\n\r\n"})
    EXPECT_THAT(fate_of(request), StartsWith("HTTP/1.1 400 ")) << request;
  EXPECT_THAT(fate_of("get / HTTP/1.1\r\nHost: a\r\n\r\n"), StartsWith("HTTP/1.1 501 "));
  EXPECT_THAT(fate_of("PUT / HTTP/1.1\r\nHost: a\r\nExpect: gifts\r\nContent-Length: 1\r\n\r\n"),
              StartsWith("HTTP/1.1 417 "));
}

TEST_F(Limits, NoRequestIsSmuggledInAnother) {
  start([](const Request& request) {
    EXPECT_NE(request.path, "/smuggled");
    return echo(request);
  });
  const std::string hidden = "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n";
  for (const char* framing :
       {"Content-Length: 5\r\nTransfer-Encoding: chunked", "Transfer-Encoding: chunked\r\nContent-Length: 5",
        "Content-Length: 0\r\nContent-Length: 37", "Content-Length: 37\r\nContent-Length: 37",
        "Content-Length: 37, 37", "Content-Length: +37", "Content-Length: 0x25", "Content-Length: -1",
        "Transfer-Encoding: identity\r\nContent-Length: 37", "Transfer-Encoding: chunked, identity",
        "Transfer-Encoding: gzip, chunked", "Transfer-Encoding: xchunked",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity", "Transfer-Encoding : chunked",
        "Transfer-Encoding: \x0b chunked"}) {
    const std::string answer =
        fate_of(std::string("POST / HTTP/1.1\r\nHost: a\r\n") + framing + "\r\n\r\n0\r\n\r\n" + hidden);
    EXPECT_TRUE(answer.starts_with("HTTP/1.1 400 ") || answer.starts_with("HTTP/1.1 501 ")) << framing << "\n"
                                                                                            << answer;
    EXPECT_EQ(answer.find("Date: "), answer.rfind("Date: ")) << "two answers to " << framing;
  }
  // Chunks that are not.
  for (const char* chunk :
       {"g\r\n", "-1\r\n", "5\nhello\n", "3\r\nhello\r\n", "fffffffffffffffff\r\n", " 5\r\nhello\r\n"}) {
    const std::string answer = fate_of("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n" +
                                       std::string(chunk) + "0\r\n\r\n" + hidden);
    EXPECT_FALSE(answer.starts_with("HTTP/1.1 200 ")) << chunk << "\n" << answer;
  }
}

TEST_F(Limits, TrailersAreNoHeaders) {
  start([](const Request& request) {
    return Response{.body =
                        find_header(request.headers, "Authorization") != nullptr ? "let in" : "a stranger"};
  });
  EXPECT_THAT(fate_of("POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
                      "3\r\nabc\r\n0\r\nAuthorization: Bearer x\r\n\r\n"),
              HasSubstr("a stranger"));
}

TEST_F(Limits, TricksWithPathsReachNoHandler) {
  start([](const Request& request) {
    EXPECT_EQ(request.path, "/fine");
    return echo(request);
  });
  Client caller = client();
  for (const char* path :
       {"/a/../b", "/%2e%2e/b", "/a%2fb", "/a%5Cb", "/a%00", "/%", "/%zz", "/./a", "/a?x=%"}) {
    const auto answer = caller.call("GET", path);
    ASSERT_TRUE(answer) << answer.error().text();
    EXPECT_EQ(answer->status, 400) << path;
  }
  EXPECT_EQ(caller.call("GET", "/fine")->status, 200);
}

TEST_F(Limits, ContinueIsSaidOnlyToThoseWhoMaySend) {
  start(echo);
  const std::string head = "PUT / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: ";
  RawPeer peer(options_.unix_socket);
  ASSERT_TRUE(peer.send(head + "3\r\n\r\n"));
  EXPECT_EQ(peer.read_until("\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
  EXPECT_THAT(peer.ask("abc"), HasSubstr("PUT /\nabc"));
  EXPECT_THAT(fate_of(head + "1001\r\n\r\n"), StartsWith("HTTP/1.1 413 "));
}

TEST_F(Limits, SilenceEndsAConnection) {
  options_.idle_limit = std::chrono::seconds(1);
  start(echo);
  for (const char* beginning : {"", "GET / HT", "GET / HTTP/1.1\r\nHost: a\r\n",
                                "PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc"})
    EXPECT_EQ(fate_of(beginning), "") << beginning;
  EXPECT_THAT(fate_of("GET / HTTP/1.1\r\nHost: a\r\n\r\n"), HasSubstr("GET /\n"));
}

TEST_F(Limits, AWorkingHandlerIsNotSilence) {
  options_.idle_limit = std::chrono::seconds(1);
  std::latch go_on(1);
  start([&](const Request& request) {
    if (request.path == "/slow") go_on.wait();
    return echo(request);
  });
  RawPeer slow(options_.unix_socket);
  ASSERT_TRUE(slow.send("GET /slow HTTP/1.1\r\nHost: a\r\n\r\n"));
  // The server's own limit is the clock: one that began later has been ended by it.
  EXPECT_EQ(fate_of(""), "");
  EXPECT_EQ(fate_of(""), "");
  go_on.count_down();
  EXPECT_THAT(slow.read_answer(), HasSubstr("GET /slow"));
}

TEST_F(Limits, OneTooManyHearsSo) {
  options_.most_connections = 2;
  start(echo);
  const std::string ask = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
  RawPeer first(options_.unix_socket);
  RawPeer second(options_.unix_socket);
  EXPECT_THAT(first.ask(ask), StartsWith("HTTP/1.1 200 "));
  EXPECT_THAT(second.ask(ask), StartsWith("HTTP/1.1 200 "));
  RawPeer third(options_.unix_socket);
  ASSERT_TRUE(third.send(ask));
  const std::string refused = third.read_all();
  EXPECT_THAT(refused, StartsWith("HTTP/1.1 503 "));
  EXPECT_THAT(refused, HasSubstr("Retry-After"));
  // The other door has seats of its own.
  EXPECT_EQ(client().call("GET", "/")->status, 200);
  EXPECT_THAT(first.ask(ask), StartsWith("HTTP/1.1 200 "));
  first.close();
  std::string answer;
  do {
    RawPeer next(options_.unix_socket);
    answer = next.ask(ask);
  } while (answer.starts_with("HTTP/1.1 503 "));
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 200 "));
}

TEST_F(Limits, AFloodIsCutOffWithoutAWord) {
  options_.most_connections = 1;
  start(echo);
  std::vector<std::unique_ptr<RawPeer>> crowd;
  for (int index = 0; index < 66; ++index) crowd.push_back(std::make_unique<RawPeer>(options_.unix_socket));
  EXPECT_EQ(crowd.back()->read_all(), "");
  EXPECT_THAT(crowd.front()->ask("GET / HTTP/1.1\r\nHost: a\r\n\r\n"), StartsWith("HTTP/1.1 200 "));
}

}  // namespace
}  // namespace ashlar::http
