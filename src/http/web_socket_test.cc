// WebSockets, against a client made by hand (RFC 6455 5.2) over the unix socket.
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

constexpr std::string_view handshake =
    "GET /socket HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\nOrigin: https://a\r\n\r\n";
constexpr char text = '\x81', binary = '\x82', closing = '\x88', ping = '\x89', pong = '\x8a';

std::string length_of(size_t size, char mask_bit) {
  if (size < 126) return {static_cast<char>(mask_bit | static_cast<char>(size))};
  std::string length = {static_cast<char>(mask_bit | (size < 65536 ? 126 : 127))};
  for (int shift = size < 65536 ? 8 : 56; shift >= 0; shift -= 8) length += static_cast<char>(size >> shift);
  return length;
}

/// With a mask of zeros, which leaves the payload as it is.
std::string frame(char kind, const std::string& payload) {
  return kind + length_of(payload.size(), '\x80') + std::string(4, '\0') + payload;
}

struct Frame {
  char kind = 0;
  std::string payload;
};

Frame read_frame(RawPeer& peer) {
  const std::string begin = peer.read_bytes(2);
  if (begin.size() < 2) return {};
  size_t size = static_cast<unsigned char>(begin[1]);
  if (size >= 126) {
    const std::string length = peer.read_bytes(size == 126 ? 2 : 8);
    size = 0;
    for (const char byte : length) size = size << 8u | static_cast<unsigned char>(byte);
  }
  return {begin[0], peer.read_bytes(size)};
}

class WebSocketTest : public ServerWorld {
 protected:
  void start_with(std::function<void(const std::shared_ptr<Socket>&)> open) {
    start([open = std::move(open)](const Request& request) {
      Response response;
      response.status = 426;
      response.headers = {{"X-Origin", *find_header(request.headers, "Host")}};
      response.socket = open;
      return response;
    });
  }
  /// Says everything back, and its own end when the peer's comes.
  void start_echo() {
    start_with([this](const std::shared_ptr<Socket>& socket) {
      socket->on_message([this, socket](std::optional<std::string> message) {
        if (!message) return gone_.count_down();
        socket->write("echo " + *message);
      });
    });
  }
  static bool shake_hands(RawPeer& peer) {
    return peer.send(handshake) && peer.read_until("\r\n\r\n").starts_with("HTTP/1.1 101 ");
  }

  std::latch gone_{1};
};

TEST_F(WebSocketTest, TalksBothWays) {
  start_echo();
  RawPeer peer(options_.unix_socket);
  ASSERT_TRUE(peer.send(handshake));
  const std::string head = peer.read_until("\r\n\r\n");
  EXPECT_THAT(head, StartsWith("HTTP/1.1 101 "));
  EXPECT_THAT(head, HasSubstr("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="));
  EXPECT_THAT(head, HasSubstr("X-Origin: a\r\n"));
  for (const size_t size : {0u, 5u, 125u, 126u, 60'000u}) {
    ASSERT_TRUE(peer.send(frame(text, std::string(size, 'x'))));
    const Frame answer = read_frame(peer);
    EXPECT_EQ(answer.kind, text);
    EXPECT_EQ(answer.payload, "echo " + std::string(size, 'x'));
  }
  std::string many;
  for (int index = 0; index < 100; ++index) many += frame(text, std::to_string(index));
  ASSERT_TRUE(peer.send(many));
  for (int index = 0; index < 100; ++index)
    EXPECT_EQ(read_frame(peer).payload, "echo " + std::to_string(index));
  ASSERT_TRUE(peer.send(frame(ping, "here?")));
  EXPECT_EQ(read_frame(peer).kind, pong);
  ASSERT_TRUE(peer.send(frame(closing, "\x03\xe8")));
  EXPECT_EQ(read_frame(peer).kind, closing);
  gone_.wait();
}

TEST_F(WebSocketTest, APeerThatVanishesIsGone) {
  start_echo();
  RawPeer peer(options_.unix_socket);
  ASSERT_TRUE(shake_hands(peer));
  peer.close();
  gone_.wait();
}

TEST_F(WebSocketTest, WhatIsAgainstTheRulesEndsIt) {
  for (const std::string& bad :
       {frame(text, std::string(65'537, 'x')), frame(binary, "abc"), frame(text, "\xff\xfe"),
        std::string("\x81\x01x"), std::string("\xff\x80\0\0\0\0", 6), frame(ping, std::string(126, 'x'))}) {
    std::promise<void> gone;
    start_with([&](const std::shared_ptr<Socket>& socket) {
      socket->on_message([&gone, socket](const std::optional<std::string>& message) {
        EXPECT_FALSE(message);
        if (!message) gone.set_value();
      });
    });
    RawPeer peer(options_.unix_socket);
    ASSERT_TRUE(shake_hands(peer));
    peer.send(bad);
    EXPECT_EQ(read_frame(peer).kind, closing);
    peer.close();
    gone.get_future().wait();
    server_->stop();
  }
}

TEST_F(WebSocketTest, NoUpgradeGetsTheAnswer) {
  start_echo();
  const auto answer = client().call("GET", "/socket");
  ASSERT_TRUE(answer) << answer.error().text();
  EXPECT_EQ(answer->status, 426);
}

TEST_F(WebSocketTest, ABadHandshakeIsRefused) {
  start_echo();
  std::string old(handshake);
  old.replace(old.find("Version: 13"), 11, "Version: 12");
  RawPeer first(options_.unix_socket);
  ASSERT_TRUE(first.send(old));
  EXPECT_THAT(first.read_all(), testing::Not(StartsWith("HTTP/1.1 101 ")));
  RawPeer early(options_.unix_socket);
  ASSERT_TRUE(early.send(std::string(handshake) + frame(text, "before the answer")));
  EXPECT_THAT(early.read_all(), StartsWith("HTTP/1.1 400 "));
}

TEST_F(WebSocketTest, ClosingSendsWhatWaits) {
  start_with([](const std::shared_ptr<Socket>& socket) {
    EXPECT_TRUE(socket->write("1"));
    EXPECT_TRUE(socket->write("2"));
    socket->close();
    EXPECT_FALSE(socket->write("3"));
  });
  RawPeer peer(options_.unix_socket);
  ASSERT_TRUE(shake_hands(peer));
  EXPECT_EQ(read_frame(peer).payload, "1");
  EXPECT_EQ(read_frame(peer).payload, "2");
  const Frame end = read_frame(peer);
  EXPECT_EQ(end.kind, closing);
  EXPECT_EQ(end.payload, "\x03\xe8");  // 1000, normal
  ASSERT_TRUE(peer.send(frame(closing, end.payload)));
  EXPECT_EQ(peer.read_all(), "");
}

TEST_F(WebSocketTest, APeerThatTakesNothingIsGivenUp) {
  options_.max_waiting_bytes = 100'000;
  std::promise<int> written;
  start_with([&](const std::shared_ptr<Socket>& socket) {
    int count = 0;
    while (count < 100'000 && socket->write(std::string(1000, 'x'))) ++count;
    written.set_value(count);
  });
  RawPeer peer(options_.unix_socket);
  ASSERT_TRUE(shake_hands(peer));
  EXPECT_LT(written.get_future().get(), 100'000);
  server_->stop();
}

TEST_F(WebSocketTest, AHandlerThatThrowsEndsIt) {
  set_log_sink([](LogLevel, std::string_view, std::string_view) {});
  start_with([](const std::shared_ptr<Socket>& socket) {
    socket->on_message([](const std::optional<std::string>& message) {
      if (message) throw std::runtime_error("no");
    });
    // Kept, so that letting go of it is not what ends it.
    static std::shared_ptr<Socket> kept;
    kept = socket;
  });
  RawPeer peer(options_.unix_socket);
  ASSERT_TRUE(shake_hands(peer));
  ASSERT_TRUE(peer.send(frame(text, "x")));
  EXPECT_EQ(read_frame(peer).kind, closing);
  peer.close();
  server_->stop();
  set_log_sink(nullptr);
}

TEST_F(WebSocketTest, ASilentPeerIsAskedAndThenGivenUp) {
  options_.idle_limit = std::chrono::seconds(1);
  start_echo();
  RawPeer peer(options_.unix_socket);
  ASSERT_TRUE(shake_hands(peer));
  EXPECT_EQ(read_frame(peer).kind, ping);
  ASSERT_TRUE(peer.send(frame(pong, "")));
  EXPECT_EQ(read_frame(peer).kind, ping);  // and not answered this time
  gone_.wait();
}

TEST_F(WebSocketTest, StopSaysGoodbye) {
  start_echo();
  RawPeer peer(options_.unix_socket);
  ASSERT_TRUE(shake_hands(peer));
  ASSERT_TRUE(peer.send(frame(text, "x")));
  EXPECT_EQ(read_frame(peer).payload, "echo x");
  std::thread stopper([&] { server_->stop(); });
  const Frame end = read_frame(peer);
  EXPECT_EQ(end.kind, closing);
  EXPECT_EQ(end.payload.substr(0, 2), "\x03\xe9");  // 1001, going away
  peer.send(frame(closing, end.payload));
  stopper.join();
  gone_.wait();
}

}  // namespace
}  // namespace ashlar::http
