#include "loop/sim_network.h"

#include <gtest/gtest.h>

#include <cerrno>

#include "loop/sim_test.h"

namespace ashlar::loop {
namespace {

const Endpoint server_endpoint{"10.0.0.1", 3260};

// Sends back what it receives, however short the calls are; then what it has not sent yet waits in `pending`.
class Echo final : public StreamWatcher {
 public:
  explicit Echo(std::unique_ptr<Stream> stream) : stream_(std::move(stream)) { stream_->watch(*this); }
  void readable() override {
    for (;;) {
      std::vector<uint8_t> piece(1000);
      const iovec part{piece.data(), piece.size()};
      const int64_t count = stream_->receive({&part, 1});
      if (count == 0) ended = true;
      if (count < 0 && count != Stream::would_block) error = count;
      if (count <= 0) break;
      pending.insert(pending.end(), piece.begin(), piece.begin() + count);
    }
    flush();
  }
  void writable() override { flush(); }
  void flush() {
    while (!pending.empty() && error == 0) {
      const iovec part{pending.data(), pending.size()};
      const int64_t count = stream_->send({&part, 1});
      if (count < 0) break;
      pending.erase(pending.begin(), pending.begin() + count);
    }
    if (ended && pending.empty()) stream_->shutdown_send();
  }
  std::vector<uint8_t> pending;
  bool ended = false;
  int64_t error = 0;

 private:
  std::unique_ptr<Stream> stream_;
};

class EchoServer final : public Acceptor {
 public:
  void accepted(std::unique_ptr<Stream> stream) override {
    echoes.push_back(std::make_unique<Echo>(std::move(stream)));
  }
  std::vector<std::unique_ptr<Echo>> echoes;
};

// Sends `to_send`, then ends its half, and keeps what comes back.
class Client final : public StreamWatcher {
 public:
  explicit Client(std::unique_ptr<Stream> opened) : stream(std::move(opened)) { stream->watch(*this); }
  void readable() override {
    std::vector<uint8_t> piece(700);
    const iovec part{piece.data(), piece.size()};
    const int64_t count = stream->receive({&part, 1});
    if (count > 0) {
      received.insert(received.end(), piece.begin(), piece.begin() + count);
      if (static_cast<size_t>(count) == piece.size()) stream->resume();
    } else if (count == 0) {
      ended = true;
    } else if (count != Stream::would_block) {
      error = count;
    }
    write_more();
  }
  void writable() override { write_more(); }
  void write_more() {
    while (sent < to_send.size()) {
      const iovec part{to_send.data() + sent, to_send.size() - sent};
      const int64_t count = stream->send({&part, 1});
      if (count == Stream::would_block) ++blocked;
      if (count < 0) return;
      sent += static_cast<size_t>(count);
    }
    if (!to_send.empty()) stream->shutdown_send();
  }
  std::unique_ptr<Stream> stream;
  std::vector<uint8_t> to_send, received;
  size_t sent = 0;
  int blocked = 0;
  bool ended = false;
  int64_t error = 0;
};

// A server machine 10.0.0.1 with `shards` loops that all listen, and a client machine 10.0.0.2.
class Bed {
 public:
  explicit Bed(uint64_t seed, uint32_t shards = 1)
      : world(seed),
        server(world.add_process("server", shards, small_pools)),
        client(world.add_process("client", 1, small_pools)) {
    servers.resize(shards);
    for (uint32_t i = 0; i < shards; ++i) {
      server.loop(i).enter([&] {
        auto listener = server.loop(i).listen(server_endpoint, {.shared_port = shards > 1}, servers[i]);
        CHECK(listener);
        listeners.push_back(std::move(*listener));
      });
    }
  }
  ~Bed() {
    for (uint32_t i = 0; i < servers.size(); ++i) server.loop(i).enter([&] { servers[i].echoes.clear(); });
  }
  Result<std::unique_ptr<Stream>> connect(const Endpoint& endpoint = server_endpoint,
                                          Nanoseconds timeout = seconds(3)) {
    return run_story(client.loop(0), connect_story, endpoint, timeout);
  }
  static Task<Result<std::unique_ptr<Stream>>> connect_story(Endpoint endpoint, Nanoseconds timeout) {
    Task<Result<std::unique_ptr<Stream>>> connecting = Loop::current().connect(std::move(endpoint), timeout);
    co_return co_await connecting;
  }
  std::unique_ptr<Client> open_client() {
    auto stream = connect();
    CHECK(stream, "{}", stream.error().text());
    std::unique_ptr<Client> made;
    client.loop(0).enter([&] { made = std::make_unique<Client>(std::move(*stream)); });
    return made;
  }
  SimWorld world;
  SimProcess& server;
  SimProcess& client;
  std::vector<EchoServer> servers;
  std::vector<std::unique_ptr<Listener>> listeners;
};

std::vector<uint8_t> pattern(size_t size) {
  std::vector<uint8_t> bytes(size);
  for (size_t i = 0; i < size; ++i) bytes[i] = static_cast<uint8_t>(i * 7 + i / 251);
  return bytes;
}

TEST(SimNetworkTest, EchoesEverythingInOrderUnderShortCallsAndSmallWindows) {
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    Bed bed(seed);
    bed.world.network().settings().short_receive = 0.5;
    bed.world.network().settings().short_send = 0.5;
    bed.world.network().settings().slow_chance = 0.1;
    bed.world.network().settings().window_min_bytes = 1000;
    bed.world.network().settings().window_max_bytes = 5000;
    const auto client = bed.open_client();
    client->to_send = pattern(60'000);
    bed.client.loop(0).enter([&] { client->write_more(); });
    EXPECT_TRUE(bed.world.run_until([&] { return client->ended; }, seconds(100)));
    EXPECT_EQ(client->received, pattern(60'000));
    EXPECT_GT(client->blocked, 0);
    EXPECT_EQ(client->stream->peer(), server_endpoint);
    EXPECT_EQ(client->stream->local().address, "10.0.0.2");
  }
}

TEST(SimNetworkTest, ASharedPortSpreadsConnectionsOverTheShards) {
  Bed bed(9, 3);
  std::vector<std::unique_ptr<Client>> clients;
  clients.reserve(40);
  for (int i = 0; i < 40; ++i) clients.push_back(bed.open_client());
  bed.world.run_for(seconds(1));
  for (const EchoServer& server : bed.servers) EXPECT_GT(server.echoes.size(), 3u);
}

TEST(SimNetworkTest, ConnectSaysWhyNot) {
  Bed bed(10);
  EXPECT_EQ(bed.connect({"10.0.0.1", 1}).error().code, ErrorCode::closed);
  bed.world.machine("server").powered = false;
  EXPECT_EQ(bed.connect().error().code, ErrorCode::timed_out);
  bed.world.machine("server").powered = true;
  EXPECT_TRUE(bed.connect());
  bed.server.loop(0).enter([&] { bed.listeners.clear(); });
  EXPECT_EQ(bed.connect().error().code, ErrorCode::closed);
}

TEST(SimNetworkTest, AConnectIsGivenUp) {
  Bed bed(17);
  bed.world.machine("server").powered = false;
  Loop& loop = bed.client.loop(0);
  Cancellation cancellation;
  std::optional<Task<Result<std::unique_ptr<Stream>>>> connecting;
  const auto begin = [&] { connecting.emplace(loop.connect(server_endpoint, seconds(30), &cancellation)); };
  bed.client.loop(0).enter(begin);
  bed.world.run_for(seconds(3));
  EXPECT_FALSE(connecting->done());
  bed.client.loop(0).enter([&] { cancellation.cancel(); });
  EXPECT_TRUE(bed.world.run_until([&] { return connecting->done(); }, milliseconds(10)));
  EXPECT_EQ(connecting->take().error().code, ErrorCode::aborted);
  bed.client.loop(0).enter(begin);
  EXPECT_TRUE(connecting->done()) << "one that was used ends the next at once";
  bed.world.machine("server").powered = true;
  EXPECT_TRUE(bed.connect());
}

// Whenever it comes: the answer is on its way, or there and not looked at.
TEST(SimNetworkTest, AConnectIsGivenUpInAnyMoment) {
  for (int step = 0; step < 200; ++step) {
    Bed bed(18);
    Loop& loop = bed.client.loop(0);
    Cancellation cancellation;
    std::optional<Task<Result<std::unique_ptr<Stream>>>> connecting;
    bed.client.loop(0).enter(
        [&] { connecting.emplace(loop.connect(server_endpoint, seconds(3), &cancellation)); });
    bed.world.run_for(microseconds(2) * step);
    bed.client.loop(0).enter([&] { cancellation.cancel(); });
    const bool was_done = connecting->done();
    EXPECT_TRUE(bed.world.run_until([&] { return connecting->done(); }, seconds(1)));
    Result<std::unique_ptr<Stream>> result = connecting->take();
    EXPECT_EQ(result.has_value(), was_done);
    if (!result) EXPECT_EQ(result.error().code, ErrorCode::aborted);
    bed.client.loop(0).enter([&] { result = nullptr; });
    bed.world.run_for(seconds(1));
  }
}

TEST(SimNetworkTest, TwoListenersOnOneAddressAreRefusedUnlessShared) {
  Bed bed(11);
  EchoServer other;
  bed.server.loop(0).enter([&] {
    EXPECT_EQ(bed.server.loop(0).listen(server_endpoint, {}, other).error().code, ErrorCode::busy);
    EXPECT_EQ(bed.server.loop(0).listen({"10.0.0.77", 3260}, {}, other).error().code,
              ErrorCode::invalid_argument);
    const auto any_port = bed.server.loop(0).listen({"10.0.0.1", 0}, {}, other);
    ASSERT_TRUE(any_port);
    EXPECT_NE((*any_port)->local().port, 0);
  });
}

TEST(SimNetworkTest, ACutLosesWhatIsInFlightAndResetsBothEnds) {
  Bed bed(12);
  const auto client = bed.open_client();
  client->to_send = pattern(500'000);
  bed.client.loop(0).enter([&] { client->write_more(); });
  bed.world.run_for(microseconds(300));
  EXPECT_TRUE(bed.world.network().cut_any());
  bed.world.run_for(seconds(20));
  EXPECT_EQ(client->error, -ECONNRESET);
  EXPECT_EQ(bed.servers[0].echoes[0]->error, -ECONNRESET);
  const std::vector<uint8_t> all = pattern(500'000);
  ASSERT_LT(client->received.size(), all.size());
  EXPECT_TRUE(std::equal(client->received.begin(), client->received.end(), all.begin()));
  bed.client.loop(0).enter([&] { client->stream.reset(); });
  bed.server.loop(0).enter([&] { bed.servers[0].echoes.clear(); });
  EXPECT_EQ(bed.world.network().connections(), 0u);
}

TEST(SimNetworkTest, APartitionStallsAndAHealedOneGoesOn) {
  Bed bed(13);
  const auto client = bed.open_client();
  bed.world.network().block(bed.world.machine("server"), bed.world.machine("client"), true);
  client->to_send = pattern(3000);
  bed.client.loop(0).enter([&] { client->write_more(); });
  bed.world.run_for(seconds(10));
  EXPECT_TRUE(client->received.empty());
  bed.world.network().heal();
  EXPECT_TRUE(bed.world.run_until([&] { return client->ended; }, seconds(5)));
  EXPECT_EQ(client->received, pattern(3000));
}

TEST(SimNetworkTest, APartitionThatLastsResetsTheConnection) {
  Bed bed(14);
  const auto client = bed.open_client();
  bed.world.network().block(bed.world.machine("client"), bed.world.machine("server"), true);
  client->to_send = pattern(3000);
  bed.client.loop(0).enter([&] { client->write_more(); });
  bed.world.run_for(seconds(60));
  EXPECT_EQ(client->error, -ECONNRESET);
}

TEST(SimNetworkTest, AKilledProcessResetsItsPeersAndFreesItsPort) {
  Bed bed(15);
  const auto client = bed.open_client();
  bed.world.run_for(milliseconds(100));
  bed.world.crash(bed.server);
  bed.world.run_for(seconds(1));
  EXPECT_EQ(client->error, -ECONNRESET);
  EXPECT_EQ(bed.connect().error().code, ErrorCode::closed);
  SimProcess& again = bed.world.add_process("server2", bed.world.machine("server"), 1, small_pools);
  EchoServer second;
  std::unique_ptr<Listener> listener;
  again.loop(0).enter([&] { listener = std::move(*again.loop(0).listen(server_endpoint, {}, second)); });
  const auto fresh = bed.open_client();
  fresh->to_send = pattern(100);
  bed.client.loop(0).enter([&] { fresh->write_more(); });
  EXPECT_TRUE(bed.world.run_until([&] { return fresh->ended; }, seconds(5)));
  again.loop(0).enter([&] {
    second.echoes.clear();
    listener.reset();
  });
}

TEST(SimNetworkTest, PowerLossIsSilentUntilThePowerIsBack) {
  Bed bed(16);
  const auto client = bed.open_client();
  bed.world.run_for(milliseconds(100));
  bed.world.power_off(bed.world.machine("server"));
  bed.world.run_for(seconds(10));
  EXPECT_EQ(client->error, 0);
  bed.world.power_on(bed.world.machine("server"));
  bed.world.run_for(seconds(10));
  EXPECT_EQ(client->error, -ECONNRESET);
}

uint64_t trace_of(uint64_t seed) {
  Bed bed(seed);
  bed.world.network().settings().cut_chance = 0.001;
  const auto client = bed.open_client();
  client->to_send = pattern(200'000);
  bed.client.loop(0).enter([&] { client->write_more(); });
  bed.world.run_for(seconds(5));
  return bed.world.trace_hash();
}

TEST(SimNetworkTest, TheSameSeedIsTheSameRun) {
  EXPECT_EQ(trace_of(21), trace_of(21));
  EXPECT_NE(trace_of(21), trace_of(22));
}

}  // namespace
}  // namespace ashlar::loop
