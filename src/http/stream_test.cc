// Answers that are written while time passes, and the server's end among them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>
#include <latch>
#include <stdexcept>
#include <thread>

#include "http/server_world_test.h"

namespace ashlar::http {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

class StreamTest : public ServerWorld {
 protected:
  /// The stream of the next request, once its client is served.
  void start_streaming() {
    start([this](const Request& request) {
      Response response = echo(request);
      if (request.path == "/events") {
        response.headers = {{"Content-Type", "text/event-stream"}};
        response.stream = [this](std::shared_ptr<Stream> stream) { opened_.set_value(std::move(stream)); };
      }
      return response;
    });
  }
  std::shared_ptr<Stream> opened() { return opened_.get_future().get(); }
  static constexpr std::string_view ask = "GET /events HTTP/1.1\r\nHost: a\r\n\r\n";

  std::promise<std::shared_ptr<Stream>> opened_;
};

TEST_F(StreamTest, ComesAsItIsWritten) {
  start_streaming();
  std::promise<void> first;
  std::thread writer([&] {
    const auto stream = opened();
    EXPECT_TRUE(stream->write("data: 1\n\n"));
    first.get_future().wait();
    EXPECT_TRUE(stream->write("data: 2\n\n"));
    EXPECT_TRUE(stream->write(""));
    stream->close();
    EXPECT_FALSE(stream->write("data: 3\n\n"));
    EXPECT_FALSE(stream->open());
  });
  std::string all;
  bool told = false;
  const auto status = client().stream("/events", {}, [&](std::string_view piece) {
    all += piece;
    if (!std::exchange(told, true)) first.set_value();
    return true;
  });
  writer.join();
  ASSERT_TRUE(status) << status.error().text();
  EXPECT_EQ(*status, 200);
  EXPECT_EQ(all, "data: 1\n\ndata: 2\n\n");
}

TEST_F(StreamTest, IsChunkedAndTheLastOfItsConnection) {
  start_streaming();
  RawPeer peer(options_.unix_socket);
  ASSERT_TRUE(peer.send(ask));
  const auto stream = opened();
  const std::string head = peer.read_until("\r\n\r\n");
  EXPECT_THAT(head, HasSubstr("Transfer-Encoding: chunked\r\n"));
  EXPECT_THAT(head, HasSubstr("Connection: close\r\n"));
  EXPECT_THAT(head, HasSubstr("X-Content-Type-Options: nosniff\r\n"));
  EXPECT_TRUE(stream->write("hello"));
  EXPECT_EQ(peer.read_until("hello\r\n"), "5\r\nhello\r\n");
  stream->close();
  EXPECT_EQ(peer.read_all(), "0\r\n\r\n");
}

TEST_F(StreamTest, AnOldClientReadsToTheEnd) {
  start_streaming();
  RawPeer peer(options_.unix_socket);
  ASSERT_TRUE(peer.send("GET /events HTTP/1.0\r\n\r\n"));
  {
    const auto stream = opened();
    EXPECT_TRUE(stream->write("hello"));
  }  // let go of is closed
  const std::string all = peer.read_all();
  EXPECT_TRUE(all.ends_with("\r\n\r\nhello")) << all;
}

TEST_F(StreamTest, AHeadRequestGetsTheHead) {
  start_streaming();
  RawPeer peer(options_.unix_socket);
  ASSERT_TRUE(peer.send(
      "HEAD /events HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"));
  EXPECT_THAT(peer.read_until("\r\n\r\n"), HasSubstr("text/event-stream"));
  EXPECT_THAT(peer.read_all(), StartsWith("HTTP/1.1 200 "));
}

TEST_F(StreamTest, SeesThatThePeerIsGone) {
  start_streaming();
  RawPeer peer(options_.unix_socket);
  ASSERT_TRUE(peer.send(ask));
  const auto stream = opened();
  EXPECT_TRUE(stream->open());
  peer.read_until("\r\n\r\n");
  peer.close();
  while (stream->open()) std::this_thread::yield();
  EXPECT_FALSE(stream->write("x"));
}

TEST_F(StreamTest, SeesThatATlsPeerHasEnough) {
  start_streaming();
  std::thread writer([&] {
    const auto stream = opened();
    stream->write("first");
    while (stream->open()) std::this_thread::yield();
  });
  const auto status = client().stream("/events", {}, [](std::string_view) { return false; });
  ASSERT_TRUE(status) << status.error().text();
  EXPECT_EQ(*status, 200);
  writer.join();
}

TEST_F(StreamTest, APeerThatTakesNothingIsGivenUp) {
  options_.max_waiting_bytes = 100'000;
  start_streaming();
  const RawPeer peer(options_.unix_socket);
  ASSERT_TRUE(peer.send(ask));
  const auto stream = opened();
  EXPECT_TRUE(stream->open());
  int written = 0;
  while (written < 100'000 && stream->write(std::string(1000, 'x'))) ++written;
  EXPECT_LT(written, 100'000);
  EXPECT_FALSE(stream->open());
}

TEST_F(StreamTest, APeerThatTalksIsGivenUp) {
  start_streaming();
  const RawPeer peer(options_.unix_socket);
  ASSERT_TRUE(peer.send(ask));
  const auto stream = opened();
  while (peer.send(std::string(1000, 'x'))) {
  }
  while (stream->open()) std::this_thread::yield();
}

TEST_F(StreamTest, OneThatThrowsEnds) {
  set_log_sink([](LogLevel, std::string_view, std::string_view) {});
  start([](const Request&) {
    Response response;
    response.stream = [](const std::shared_ptr<Stream>& stream) {
      stream->write("begun");
      throw std::runtime_error("no more");
    };
    return response;
  });
  std::string all;
  const auto status = client().stream("/", {}, [&](std::string_view piece) {
    all += piece;
    return true;
  });
  EXPECT_TRUE(status) << status.error().text();
  EXPECT_EQ(all, "begun");
  set_log_sink(nullptr);
}

TEST_F(StreamTest, OutlivesTheServerInSilence) {
  start_streaming();
  RawPeer peer(options_.unix_socket);
  ASSERT_TRUE(peer.send(ask));
  const auto stream = opened();
  EXPECT_TRUE(stream->write("before"));
  std::string all;
  std::thread reader([&] { all = peer.read_all(); });
  server_->stop();
  server_.reset();
  reader.join();
  EXPECT_TRUE(all.ends_with("6\r\nbefore\r\n0\r\n\r\n")) << all;
  EXPECT_FALSE(stream->write("after"));
  stream->close();
}

TEST_F(StreamTest, StopAnswersThoseAtWork) {
  std::latch at_work(2);
  std::latch go_on(1);
  start([&](const Request& request) {
    at_work.count_down();
    go_on.wait();
    return echo(request);
  });
  RawPeer idle(options_.unix_socket);
  RawPeer half(options_.unix_socket);
  ASSERT_TRUE(half.send("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc"));
  Result<Response> remote = fail(ErrorCode::aborted, "", "");
  std::thread caller([&] { remote = client().call("GET", "/remote"); });
  RawPeer busy(options_.unix_socket);
  ASSERT_TRUE(busy.send("GET /busy HTTP/1.1\r\nHost: a\r\n\r\nGET /next HTTP/1.1\r\nHost: a\r\n\r\n"));
  at_work.wait();
  std::thread stopper([&] { server_->stop(); });
  EXPECT_EQ(idle.read_all(), "");  // they who wait for nothing go first
  EXPECT_EQ(half.read_all(), "");
  EXPECT_FALSE(RawPeer(options_.unix_socket).connected());
  go_on.count_down();
  const std::string answer = busy.read_all();
  stopper.join();
  caller.join();
  EXPECT_THAT(answer, HasSubstr("GET /busy"));
  EXPECT_THAT(answer, HasSubstr("Connection: close"));
  EXPECT_EQ(answer.find("GET /next"), std::string::npos);
  ASSERT_TRUE(remote) << remote.error().text();
  EXPECT_EQ(remote->body, "GET /remote\n");
  server_->stop();  // twice is once
}

}  // namespace
}  // namespace ashlar::http
