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

// A stream whose echo is on another shard: it is moved there with a part of the data unread.
Task<void> moved_story(RealShards& shards) {
  Pair pair;
  Task<void> making = make_pair(shards.at(0), pair, {"127.0.0.1", 0});
  co_await making;
  Watcher watcher;
  pair.host->watch(watcher);
  const std::string sent = pattern(100'000);
  Task<bool> sending = send_all(*pair.host, watcher, sent);
  Watcher before;
  pair.target->watch(before);
  std::unique_ptr<LooseStream> loose = pair.target->detach();
  EXPECT_NE(loose, nullptr);
  if (loose == nullptr) co_return;
  pair.target.reset();
  std::unique_ptr<Stream> there;
  std::unique_ptr<Echo> echo;
  std::function<bool()> adopt = [&] {
    there = loose->adopt(shards.at(1));
    echo = std::make_unique<Echo>(*there);
    return there->peer() == pair.host->local();
  };
  Task<bool> adopting = call_on(1, std::move(adopt));
  EXPECT_TRUE(co_await adopting);
  Task<std::string> receiving = receive_all(*pair.host, watcher, sent.size());
  const std::string received = co_await receiving;
  EXPECT_TRUE(co_await sending);
  EXPECT_TRUE(received == sent);
  std::function<bool()> forget = [&] {
    echo.reset();
    there.reset();
    return true;
  };
  Task<bool> forgetting = call_on(1, std::move(forget));
  EXPECT_TRUE(co_await forgetting);
}

TEST(SocketStream, MovesToAnotherShardWithWhatIsUnread) {
  run_story(small_shards(2), [](RealShards& shards) { return moved_story(shards); });
}

TEST(SocketStream, ALooseOneThatNobodyAdoptsIsClosed) {
  run_story(small_shards(), [](RealShards& shards) -> Task<void> {
    Pair pair;
    Task<void> making = make_pair(shards.at(0), pair, {"127.0.0.1", 0});
    co_await making;
    Watcher watcher;
    pair.host->watch(watcher);
    pair.target->detach().reset();
    pair.target.reset();
    char byte = 0;
    const iovec part{&byte, 1};
    while (pair.host->receive({&part, 1}) == Stream::would_block) {
      watcher.may_read.reset();
      co_await watcher.may_read;
    }
    EXPECT_EQ(pair.host->receive({&part, 1}), 0);
  });
}

TEST(SocketStream, EchoesOverIpv4) { echo_over({"127.0.0.1", 0}, 10); }
TEST(SocketStream, EchoesOverIpv6) { echo_over({"::1", 0}, 10); }
TEST(SocketStream, EchoesOverUnixSocket) { echo_over({temporary_socket("echo"), 0}, 10); }
// Larger than all socket buffers together: both directions meet back pressure and go on.
TEST(SocketStream, LargeTransferOverTcp) { echo_over({"127.0.0.1", 0}, 24u << 20); }
TEST(SocketStream, LargeTransferOverUnixSocket) { echo_over({temporary_socket("large"), 0}, 16u << 20); }
TEST(SocketStream, LargeTransferOnAnOldKernel) { echo_over({"127.0.0.1", 0}, 16u << 20, false); }
TEST(SocketStream, LargeUnixTransferOnAnOldKernel) {
  echo_over({temporary_socket("old"), 0}, 4u << 20, false);
}

/// Reads with a buffer of `size` bytes for as long as receive() fills it, as a connection does; keeps what came.
class Collector final : public StreamWatcher {
 public:
  Collector(Stream& stream, size_t size) : stream_(stream), buffer_(size) { stream.watch(*this); }
  void readable() override {
    ++calls;
    for (;;) {
      const iovec part{buffer_.data(), buffer_.size()};
      const int64_t got = stream_.receive({&part, 1});
      if (got == Stream::would_block) return;
      if (got <= 0) {
        result = got;
        return ended.set();
      }
      collected.append(buffer_.data(), static_cast<size_t>(got));
      if (static_cast<size_t>(got) < part.iov_len) return;
    }
  }
  void writable() override {}
  Event ended;
  std::string collected;
  int64_t result = 1;
  int calls = 0;

 private:
  Stream& stream_;
  std::vector<char> buffer_;
};

// The edge of the end may come together with the data's: a watcher that stops at a short receive must still be told.
Task<void> end_behind_data(Loop& loop, Endpoint endpoint, size_t size, size_t buffer) {
  Pair pair;
  Task<void> making = make_pair(loop, pair, endpoint);
  co_await making;
  Collector collector(*pair.target, buffer);
  const std::string text = pattern(size);
  const iovec part{const_cast<char*>(text.data()), text.size()};
  EXPECT_EQ(pair.host->send({&part, 1}), static_cast<int64_t>(size));
  pair.host.reset();
  co_await collector.ended;
  EXPECT_EQ(collector.result, 0);
  EXPECT_EQ(collector.collected, text);
}

TEST(SocketStream, TellsTheEndBehindTheData) {
  for (const bool newest : {true, false}) {
    for (const auto& endpoint : {Endpoint{"127.0.0.1", 0}, Endpoint{temporary_socket("end"), 0}}) {
      for (const size_t buffer : {size_t{7}, size_t{100}, size_t{101}, size_t{4096}}) {
        RealShardsOptions options = small_shards();
        options.loop.newest_kernel_features = newest;
        run_story(options,
                  [&](RealShards& shards) { return end_behind_data(shards.at(0), endpoint, 100, buffer); });
      }
    }
  }
}

Task<void> reset_story(Loop& loop) {
  Pair pair;
  Task<void> making = make_pair(loop, pair, {"127.0.0.1", 0});
  co_await making;
  const std::string text = "never read";
  const iovec part{const_cast<char*>(text.data()), text.size()};
  EXPECT_EQ(pair.target->send({&part, 1}), static_cast<int64_t>(text.size()));
  Collector collector(*pair.target, 100);
  Watcher unused;
  pair.host->watch(unused);
  co_await unused.may_read;
  pair.host.reset();  // with data unread: TCP sends a reset
  co_await collector.ended;
  EXPECT_EQ(collector.result, -ECONNRESET);
}

TEST(SocketStream, TellsAReset) {
  run_story(small_shards(), [](RealShards& shards) { return reset_story(shards.at(0)); });
}

Task<void> no_spurious_call(Loop& loop) {
  Pair pair;
  Task<void> making = make_pair(loop, pair, {"127.0.0.1", 0});
  co_await making;
  Watcher lazy;
  pair.target->watch(lazy);
  co_await lazy.may_read;
  EXPECT_EQ(lazy.readable_count, 1u) << "once after watch(), whatever is there";
  char byte = 'x';
  const iovec part{&byte, 1};
  for (int i = 0; i < 5; ++i) {
    EXPECT_EQ(pair.host->send({&part, 1}), 1);
    Task<void> pause = sleep_for(milliseconds(2));
    co_await pause;
  }
  EXPECT_EQ(lazy.readable_count, 1u) << "it has not seen the end of the data, so there is nothing new to say";
  // It took exactly what it asked for: it may not be told again, but may ask to be.
  EXPECT_EQ(pair.target->receive({&part, 1}), 1);
  lazy.may_read.reset();
  pair.target->resume();
  co_await lazy.may_read;
  EXPECT_EQ(lazy.readable_count, 2u);
  std::array<char, 100> rest;
  const iovec all{rest.data(), rest.size()};
  EXPECT_EQ(pair.target->receive({&all, 1}), 4);
  lazy.may_read.reset();
  EXPECT_EQ(pair.host->send({&part, 1}), 1);
  co_await lazy.may_read;
  EXPECT_EQ(lazy.readable_count, 3u);
}

TEST(SocketStream, CallsAgainOnlyAfterTheDataWereDrained) {
  run_story(small_shards(), [](RealShards& shards) { return no_spurious_call(shards.at(0)); });
}

/// Destroys its stream when told.
class Destroyer final : public StreamWatcher {
 public:
  explicit Destroyer(std::unique_ptr<Stream>& stream) : stream_(stream) { stream_->watch(*this); }
  void readable() override {
    ++calls;
    stream_.reset();
    gone.set();
  }
  void writable() override { ++calls; }
  Event gone;
  int calls = 0;

 private:
  std::unique_ptr<Stream>& stream_;
};

Task<void> destroy_in_call(Loop& loop) {
  Pair pair;
  Task<void> making = make_pair(loop, pair, {"127.0.0.1", 0});
  co_await making;
  pair.target->resume();
  Destroyer destroyer(pair.target);
  pair.target->resume();
  co_await destroyer.gone;
  Collector collector(*pair.host, 100);
  co_await collector.ended;
  EXPECT_EQ(collector.result, 0);
  EXPECT_EQ(destroyer.calls, 1);
}

TEST(SocketStream, MayBeDestroyedInItsOwnCall) {
  run_story(small_shards(), [](RealShards& shards) { return destroy_in_call(shards.at(0)); });
}

// Both directions full, both polls armed, completions on their way: then the stream goes.
Task<void> destroy_in_flight(Loop& loop, int rounds) {
  const std::string text = pattern(8u << 20);
  for (int round = 0; round < rounds; ++round) {
    Pair pair;
    Task<void> making = make_pair(loop, pair, {"127.0.0.1", 0});
    co_await making;
    Watcher watcher;
    pair.target->watch(watcher);
    std::array<char, 100> buffer;
    const iovec in{buffer.data(), buffer.size()};
    EXPECT_EQ(pair.target->receive({&in, 1}), Stream::would_block);
    const iovec out{const_cast<char*>(text.data()), text.size()};
    while (pair.target->send({&out, 1}) > 0) continue;
    EXPECT_GT(pair.host->send({&out, 1}), 0);
    if (round % 3 > 0) {
      Task<void> pause = sleep_for(round % 3 == 1 ? Nanoseconds(0) : milliseconds(1));
      co_await pause;
    }
    if (round % 2 == 0) {
      std::vector<char> sink(4u << 20);
      const iovec drain{sink.data(), sink.size()};
      EXPECT_GT(pair.host->receive({&drain, 1}), 0);
    }
    pair.target.reset();
  }
}

TEST(SocketStream, MayBeDestroyedWithDataInFlight) {
  for (const bool newest : {true, false}) {
    RealShardsOptions options = small_shards();
    options.loop.newest_kernel_features = newest;
    run_story(options, [](RealShards& shards) { return destroy_in_flight(shards.at(0), 12); });
  }
}

Task<void> quiet_sessions(RealShards& shards) {
  RealLoop& loop = shards.real_at(0);
  std::array<Pair, 20> pairs;
  std::array<Watcher, 20> watchers;
  for (size_t i = 0; i < pairs.size(); ++i) {
    const Endpoint endpoint{"127.0.0.1", 0};
    Task<void> making = make_pair(loop, pairs[i], endpoint);
    co_await making;
    pairs[i].target->watch(watchers[i]);
    co_await watchers[i].may_read;
    std::array<char, 100> buffer;
    const iovec part{buffer.data(), buffer.size()};
    EXPECT_EQ(pairs[i].target->receive({&part, 1}), Stream::would_block);
  }
  Task<void> settling = sleep_for(milliseconds(10));
  co_await settling;
  const uint64_t before = loop.turns();
  Task<void> sleeping = sleep_for(milliseconds(100));
  co_await sleeping;
  EXPECT_LE(loop.turns() - before, 3u);
}

// Turns, not time: what makes no turn costs no CPU.
TEST(SocketStream, QuietSessionsMakeNoTurns) {
  for (const bool newest : {true, false}) {
    RealShardsOptions options = small_shards();
    options.loop.newest_kernel_features = newest;
    run_story(options, [](RealShards& shards) { return quiet_sessions(shards); });
  }
}

Task<void> names(Loop& loop) {
  Pair pair;
  Task<void> making = make_pair(loop, pair, {"127.0.0.1", 0});
  co_await making;
  EXPECT_EQ(pair.host->local(), pair.target->peer());
  EXPECT_EQ(pair.host->peer(), pair.target->local());
  EXPECT_EQ(pair.target->local(), pair.listener->local());
  EXPECT_EQ(pair.target->peer().address, "127.0.0.1");
}

TEST(SocketStream, KnowsItsEnds) {
  run_story(small_shards(), [](RealShards& shards) { return names(shards.at(0)); });
}

}  // namespace
}  // namespace ashlar::loop
