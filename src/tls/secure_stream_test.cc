// Encrypted streams over the simulated network, whatever it does to them, and over real sockets.
#include "tls/secure_stream.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>

#include "loop/real_loop_testing.h"
#include "loop/sim_test.h"
#include "tls/pipe_test.h"

namespace ashlar::tls::test {
namespace {

using loop::Task;

const loop::Endpoint endpoint{"10.0.0.1", 4420};

// Sends all of `to_send`, then ends its half, and keeps what comes.
class Talker final : public loop::StreamWatcher {
 public:
  Talker(std::unique_ptr<loop::Stream> opened, std::vector<uint8_t> what)
      : stream(std::move(opened)), to_send(std::move(what)) {
    stream->watch(*this);
  }
  void readable() override {
    for (int i = 0; i < 4; ++i) {
      std::vector<uint8_t> piece(30'000);
      const iovec parts[] = {{piece.data(), 10'000}, {piece.data() + 10'000, 20'000}};
      const int64_t count = stream->receive(parts);
      if (count == loop::Stream::would_block) return talk();
      if (count < 0) error = count;
      if (count == 0) ended = true;
      if (count <= 0) return;
      received.insert(received.end(), piece.begin(), piece.begin() + count);
      if (static_cast<size_t>(count) < piece.size()) return talk();
    }
    stream->resume();
    talk();
  }
  void writable() override { talk(); }
  void talk() {
    while (sent < to_send.size()) {
      const iovec part{to_send.data() + sent, std::min<size_t>(to_send.size() - sent, 200'000)};
      const int64_t count = stream->send({&part, 1});
      if (count == loop::Stream::would_block) return;
      if (count < 0) error = count;
      if (count <= 0) return;
      sent += static_cast<size_t>(count);
      if (static_cast<size_t>(count) < part.iov_len) return;
    }
    if (!std::exchange(half_closed, true)) stream->shutdown_send();
  }
  std::unique_ptr<loop::Stream> stream;
  std::vector<uint8_t> to_send, received;
  size_t sent = 0;
  bool half_closed = false, ended = false;
  int64_t error = 0;
};

class Door final : public loop::Acceptor {
 public:
  Door(loop::Loop& loop, FindPsk find, std::vector<uint8_t> what)
      : loop_(loop), find_(std::move(find)), what_(std::move(what)) {}
  void accepted(std::unique_ptr<loop::Stream> stream) override {
    auto secured = SecureStream::serve(loop_, stream, find_, {});
    talker = std::make_unique<Talker>(std::move(*secured), what_);
  }
  std::unique_ptr<Talker> talker;

 private:
  loop::Loop& loop_;
  FindPsk find_;
  std::vector<uint8_t> what_;
};

Task<std::unique_ptr<Talker>> call(TlsPsk psk, std::vector<uint8_t> what) {
  loop::Loop& loop = loop::Loop::current();
  auto connecting = loop.connect(endpoint, loop::seconds(5));
  auto stream = co_await connecting;
  CHECK(stream.has_value(), "{}", stream.error().text());
  auto secured = SecureStream::call(loop, *stream, std::move(psk));
  CHECK(secured.has_value(), "{}", secured.error().text());
  co_return std::make_unique<Talker>(std::move(*secured), std::move(what));
}

class SimTls : public testing::Test {
 protected:
  void meet(uint64_t seed, TlsPsk of_client, FindPsk find, size_t bytes) {
    world = std::make_unique<loop::SimWorld>(seed);
    array = &world->add_process("array", 2, loop::small_pools);
    host = &world->add_process("host", 1, loop::small_pools);
    door = std::make_unique<Door>(array->loop(0), std::move(find), pattern(bytes));
    array->loop(0).enter([&] { listener = *array->loop(0).listen(endpoint, {}, *door); });
    world->network().settings().short_send = world->network().settings().short_receive = 0.3;
    client = loop::run_story(host->loop(0), call, std::move(of_client), pattern(bytes));
  }
  void part() {
    host->loop(0).enter([&] { client.reset(); });
    array->loop(0).enter([&] { listener.reset(); });
    array->loop(served_by).enter([&] { door->talker.reset(); });
    world->run_for(loop::seconds(1));
    EXPECT_EQ(world->network().connections(), 0u);
  }
  bool both_done() const {
    return door->talker != nullptr && door->talker->ended && client->ended && client->half_closed;
  }
  std::unique_ptr<loop::SimWorld> world;
  loop::SimProcess *array = nullptr, *host = nullptr;
  std::unique_ptr<Door> door;
  std::unique_ptr<loop::Listener> listener;
  std::unique_ptr<Talker> client;
  uint32_t served_by = 0;
};

TEST_F(SimTls, AllArrivesAndBothHalvesEnd) {
  for (uint64_t seed = 1; seed <= 25; ++seed) {
    const TlsPsk psk = psk_of(key_of(seed % 2 == 0 ? PskHash::sha256 : PskHash::sha384));
    meet(seed, psk, knows(psk), 400'000);
    ASSERT_TRUE(world->run_until([&] { return both_done(); }, loop::seconds(60))) << "seed " << seed;
    EXPECT_EQ(client->received, pattern(400'000));
    EXPECT_EQ(door->talker->received, pattern(400'000));
    part();
  }
}

TEST_F(SimTls, AStreamMovesToAnotherShardInTheMiddle) {
  for (uint64_t seed = 1; seed <= 15; ++seed) {
    const TlsPsk psk = psk_of(key_of(PskHash::sha256));
    meet(seed, psk, knows(psk), 3'000'000);
    const auto a_part = [&] { return door->talker != nullptr && door->talker->received.size() > 50'000; };
    ASSERT_TRUE(world->run_until(a_part, loop::seconds(60))) << "seed " << seed;
    Talker& talker = *door->talker;
    std::unique_ptr<loop::LooseStream> loose;
    array->loop(0).enter([&] {
      loose = talker.stream->detach();
      talker.stream.reset();
    });
    ASSERT_NE(loose, nullptr);
    served_by = 1;
    array->loop(1).enter([&] {
      talker.stream = loose->adopt(array->loop(1));
      talker.stream->watch(talker);
    });
    ASSERT_TRUE(world->run_until([&] { return both_done(); }, loop::seconds(60))) << "seed " << seed;
    EXPECT_EQ(client->received, pattern(3'000'000));
    EXPECT_EQ(talker.received, pattern(3'000'000));
    part();
  }
}

TEST_F(SimTls, NewKeysInTheMiddle) {
  const TlsPsk psk = psk_of(key_of(PskHash::sha256));
  meet(3, psk, knows(psk), 3'000'000);
  for (const size_t mark : {50'000u, 150'000u, 250'000u}) {
    const auto a_part = [&] { return door->talker != nullptr && door->talker->received.size() > mark; };
    ASSERT_TRUE(world->run_until(a_part, loop::seconds(60)));
    host->loop(0).enter([&] { static_cast<SecureStream&>(*client->stream).session().update_keys(); });
  }
  ASSERT_TRUE(world->run_until([&] { return both_done(); }, loop::seconds(60)));
  EXPECT_EQ(client->received, pattern(3'000'000));
  EXPECT_EQ(door->talker->received, pattern(3'000'000));
  part();
}

TEST_F(SimTls, AFailedHandshakeIsToldToBoth) {
  meet(1, psk_of(key_of(PskHash::sha256)), knows(psk_of(key_of(PskHash::sha256, 9))), 1000);
  ASSERT_TRUE(
      world->run_until([&] { return client->error != 0 && door->talker->error != 0; }, loop::seconds(60)));
  EXPECT_THAT(door->talker->stream->failure(), testing::HasSubstr("no key is kept for"));
  EXPECT_THAT(client->stream->failure(), testing::HasSubstr("unknown PSK identity"));
  EXPECT_EQ(client->sent, 0u);
  part();
}

TEST_F(SimTls, ACutConnectionIsAFailure) {
  const TlsPsk psk = psk_of(key_of(PskHash::sha256));
  meet(5, psk, knows(psk), 3'000'000);
  ASSERT_TRUE(world->run_until([&] { return client->received.size() > 100'000; }, loop::seconds(60)));
  world->network().cut_all();
  ASSERT_TRUE(
      world->run_until([&] { return client->error != 0 && door->talker->error != 0; }, loop::seconds(60)));
  EXPECT_EQ(client->error, -ECONNRESET);
  part();
}

Task<void> talk_over_sockets(loop::RealShards& /*shards*/) {
  loop::Loop& loop = loop::Loop::current();
  const TlsPsk psk = psk_of(key_of(PskHash::sha384));
  Door door(loop, knows(psk), pattern(5'000'000));
  auto listening = loop.listen({"127.0.0.1", 0}, {}, door);
  CHECK(listening.has_value(), "{}", listening.error().text());
  auto connecting = loop.connect((*listening)->local(), loop::seconds(5));
  auto stream = co_await connecting;
  CHECK(stream.has_value(), "{}", stream.error().text());
  auto secured = SecureStream::call(loop, *stream, psk);
  CHECK(secured.has_value(), "{}", secured.error().text());
  Talker client(std::move(*secured), pattern(5'000'000));
  while (door.talker == nullptr || !door.talker->ended || !client.ended) {
    auto waiting = loop::sleep_for(loop::milliseconds(1));
    co_await waiting;
    CHECK(client.error == 0, "{}", client.stream->failure());
  }
  EXPECT_EQ(client.received, pattern(5'000'000));
  EXPECT_EQ(door.talker->received, pattern(5'000'000));
}

TEST(SocketTls, AllArrivesAndBothHalvesEnd) {
  loop::test::run_story(loop::test::small_shards(), talk_over_sockets);
}

}  // namespace
}  // namespace ashlar::tls::test
