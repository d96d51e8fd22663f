#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>

#include "loop/real_loop_testing.h"

namespace ashlar::loop {
namespace {

using test::Accepting;
using test::receive_all;
using test::run_story;
using test::send_all;
using test::small_shards;
using test::wait_for;
using test::Watcher;

std::string temporary_socket(const char* name) {
  return (std::filesystem::temp_directory_path() / fmt::format("ashlar-{}-{}.sock", name, getpid())).string();
}

std::string pattern(size_t size) {
  std::string text(size, '\0');
  for (size_t i = 0; i < size; ++i) text[i] = static_cast<char>(i * 131 + i / 251);
  return text;
}

/// Both ends of one connection, made through `loop`.
struct Pair {
  Accepting accepting;
  std::unique_ptr<Listener> listener;
  std::unique_ptr<Stream> host;
  std::unique_ptr<Stream> target;
};

Task<void> make_pair(Loop& loop, Pair& pair, Endpoint endpoint) {
  Result<std::unique_ptr<Listener>> listener = loop.listen(endpoint, {}, pair.accepting);
  EXPECT_TRUE(listener) << listener.error().text();
  pair.listener = std::move(*listener);
  Task<Result<std::unique_ptr<Stream>>> connecting = loop.connect(pair.listener->local(), seconds(10));
  Result<std::unique_ptr<Stream>> connected = co_await connecting;
  EXPECT_TRUE(connected) << connected.error().text();
  pair.host = std::move(*connected);
  while (pair.accepting.streams.empty()) {
    Task<void> arrival = wait_for(pair.accepting.arrived);
    co_await arrival;
  }
  pair.target = std::move(pair.accepting.streams.front());
  pair.accepting.streams.clear();
}

/// Sends back what it receives, until the end of the stream. Answers wait for room: a receiver that does not read stops it.
class Echo final : public StreamWatcher {
 public:
  explicit Echo(Stream& stream) : stream_(stream) { stream.watch(*this); }
  void readable() override { pump(); }
  void writable() override { pump(); }
  Event finished;

 private:
  void pump() {
    for (;;) {
      while (held_ < filled_) {
        const iovec part{buffer_.data() + held_, filled_ - held_};
        const int64_t took = stream_.send({&part, 1});
        if (took < 0) return;  // would_block: writable() comes
        held_ += static_cast<size_t>(took);
        if (held_ < filled_) return;
      }
      const iovec part{buffer_.data(), buffer_.size()};
      const int64_t got = stream_.receive({&part, 1});
      if (got == Stream::would_block) return;
      if (got <= 0) return finished.set();
      held_ = 0;
      filled_ = static_cast<size_t>(got);
    }
  }
  Stream& stream_;
  std::array<char, 10000> buffer_;
  size_t held_ = 0;
  size_t filled_ = 0;
};

Task<void> echo_story(Loop& loop, Endpoint endpoint, size_t size) {
  Pair pair;
  Task<void> making = make_pair(loop, pair, endpoint);
  co_await making;
  Echo echo(*pair.target);
  Watcher watcher;
  pair.host->watch(watcher);
  const std::string sent = pattern(size);
  Task<bool> sending = send_all(*pair.host, watcher, sent);
  Task<std::string> receiving = receive_all(*pair.host, watcher, size);
  const std::string received = co_await receiving;
  EXPECT_TRUE(co_await sending);
  EXPECT_EQ(received.size(), sent.size());
  EXPECT_TRUE(received == sent);
  pair.host->shutdown_send();
  co_await echo.finished;
}

void echo_over(const Endpoint& endpoint, size_t size, bool newest = true) {
  RealShardsOptions options = small_shards();
  options.loop.newest_kernel_features = newest;
  run_story(options, [&](RealShards& shards) { return echo_story(shards.at(0), endpoint, size); });
}

TEST(SocketStream, EchoesOverIpv4) { echo_over({"127.0.0.1", 0}, 10); }
TEST(SocketStream, EchoesOverIpv6) { echo_over({"::1", 0}, 10); }
TEST(SocketStream, EchoesOverUnixSocket) { echo_over({temporary_socket("echo"), 0}, 10); }
// Larger than all socket buffers together: both directions meet back pressure and go on.
TEST(SocketStream, LargeTransferOverTcp) { echo_over({"127.0.0.1", 0}, 64u << 20); }
TEST(SocketStream, LargeTransferOverUnixSocket) { echo_over({temporary_socket("large"), 0}, 16u << 20); }
TEST(SocketStream, LargeTransferOnAnOldKernel) { echo_over({"127.0.0.1", 0}, 16u << 20, false); }
TEST(SocketStream, LargeUnixTransferOnAnOldKernel) { echo_over({temporary_socket("old"), 0}, 4u << 20, false); }

}  // namespace
}  // namespace ashlar::loop
