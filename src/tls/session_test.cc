#include "tls/session.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <random>

#include "tls/pipe_test.h"

namespace ashlar::tls::test {
namespace {

using testing::HasSubstr;

constexpr int64_t would_block = loop::Stream::would_block;

TEST(TlsSession, BothProveTheKey) {
  for (const PskHash hash : {PskHash::sha256, PskHash::sha384}) {
    for (const uint8_t version : {0, 1}) {
      const TlsPsk psk = psk_of(key_of(hash), version);
      Pair pair(psk, knows(psk));
      pair.settle();
      ASSERT_TRUE(pair.client->established()) << pair.client->failure();
      ASSERT_TRUE(pair.server->established()) << pair.server->failure();
      EXPECT_EQ(pair.server->identity(), psk.identity);
      EXPECT_EQ(pair.client->identity(), psk.identity);
      const char* const suite = hash == PskHash::sha384 ? "TLS_AES_256_GCM_SHA384" : "TLS_AES_128_GCM_SHA256";
      EXPECT_EQ(pair.server->cipher(), suite);
      EXPECT_EQ(pair.client->cipher(), suite);
    }
  }
}

TEST(TlsSession, NothingIsReadOrWrittenBefore) {
  Pair pair;
  EXPECT_EQ(write_to(*pair.client, pattern(10)), would_block);
  int64_t outcome = 0;
  read_from(*pair.server, 10, &outcome);
  EXPECT_EQ(outcome, would_block);
  EXPECT_TRUE(pair.at_server.arrived.empty());
}

TEST(TlsSession, DataComesAsItWentAndIsNotSeenOnTheWire) {
  Pair pair;
  pair.settle();
  const std::vector<uint8_t> sent = pattern(1'000'000);
  ASSERT_EQ(write_to(*pair.client, sent), 1'000'000);
  const auto seen = std::search(pair.at_server.arrived.begin(), pair.at_server.arrived.end(), sent.begin(),
                                sent.begin() + 16);
  EXPECT_EQ(seen, pair.at_server.arrived.end());
  std::vector<uint8_t> received;
  while (received.size() < sent.size()) {
    const std::vector<uint8_t> piece = read_from(*pair.server, 70'000);
    ASSERT_FALSE(piece.empty());
    received.insert(received.end(), piece.begin(), piece.end());
  }
  EXPECT_EQ(received, sent);
}

TEST(TlsSession, SmallPiecesShareARecord) {
  Pair pair;
  pair.settle();
  const std::vector<uint8_t> data = pattern(3000);
  std::vector<iovec> parts;
  for (size_t i = 0; i < 300; ++i) {
    parts.push_back({const_cast<uint8_t*>(data.data()) + i * 10, 10});
    parts.push_back({nullptr, 0});
  }
  ASSERT_EQ(pair.client->write(parts), 3000);
  EXPECT_LT(pair.at_server.arrived.size(), 3100u);
  EXPECT_EQ(read_from(*pair.server, 5000), data);
}

TEST(TlsSession, WhatTheCarrierDoesNotTakeIsNotCounted) {
  Pair pair;
  pair.settle();
  pair.at_client.window = 100'000;
  const std::vector<uint8_t> sent = pattern(2'000'000);
  std::vector<uint8_t> received;
  size_t counted = 0;
  bool held_back = false;
  while (received.size() < sent.size()) {
    const int64_t count =
        counted == sent.size() ? 0 : write_to(*pair.client, ConstBytes(sent).subspan(counted));
    if (count == would_block) held_back = true;
    if (count > 0) counted += static_cast<size_t>(count);
    ASSERT_TRUE(count >= 0 || count == would_block) << pair.client->failure();
    // Counted is what has left: it stands on the wire or was read.
    ASSERT_LE(counted, received.size() + pair.at_server.arrived.size() + 70'000);
    const std::vector<uint8_t> piece = read_from(*pair.server, 30'000);
    received.insert(received.end(), piece.begin(), piece.end());
  }
  EXPECT_TRUE(held_back);
  EXPECT_EQ(received, sent);
}

TEST(TlsSession, AnotherKeyIsRefused) {
  Pair pair(psk_of(key_of(PskHash::sha256, 1)), [](std::string_view identity) -> Result<TlsPsk> {
    TlsPsk psk = psk_of(key_of(PskHash::sha256, 2));
    psk.identity = identity;
    return psk;
  });
  pair.settle();
  EXPECT_FALSE(pair.server->established());
  EXPECT_FALSE(pair.client->established());
  EXPECT_THAT(pair.server->failure(), HasSubstr("the host's key for 'NVMe1R01 nqn.2014"));
  EXPECT_THAT(pair.client->failure(), HasSubstr("the peer ended TLS: "));
  int64_t outcome = 0;
  read_from(*pair.server, 10, &outcome);
  EXPECT_EQ(outcome, -EPROTO);
  EXPECT_EQ(write_to(*pair.server, pattern(1)), -EPROTO);
}

TEST(TlsSession, AnUnknownIdentityIsRefused) {
  Pair pair(psk_of(key_of(PskHash::sha256), 0), knows(psk_of(key_of(PskHash::sha256), 1)));
  pair.settle();
  EXPECT_FALSE(pair.server->established());
  EXPECT_THAT(pair.server->failure(), HasSubstr("no key is kept for 'NVMe0R01 "));
  EXPECT_THAT(pair.client->failure(), HasSubstr("unknown PSK identity"));
}

TEST(TlsSession, WhatIsNoTlsIsRefused) {
  const std::pair<std::vector<uint8_t>, const char*> wrong[] = {
      {std::vector<uint8_t>(128), "TLS failed"},
      {{0x16, 0x03, 0x01, 0xff, 0xff, 1, 0, 0, 0}, "TLS failed"},
      {{0x16, 0x03, 0x01, 0x00, 0x04, 2, 0, 0, 0}, "TLS failed"},
      {{0x15, 0x03, 0x03, 0x00, 0x02, 2, 40}, "TLS failed"},
  };
  for (const auto& [bytes, why] : wrong) {
    Pair pair;
    pair.at_server.arrived = bytes;
    pair.server->advance();
    EXPECT_THAT(pair.server->failure(), HasSubstr(why)) << int{bytes[0]};
  }
}

TEST(TlsSession, AHandshakeWithoutEndIsRefused) {
  Pair pair;
  // A ClientHello of 128000 bytes, in records of 16384.
  std::vector<uint8_t> endless;
  for (int i = 0; i < 8; ++i) {
    endless.insert(endless.end(), {0x16, 0x03, 0x03, 0x40, 0x00});
    std::vector<uint8_t> record(16384, 0x11);
    if (i == 0) std::ranges::copy(std::array<uint8_t, 4>{1, 1, 0xf4, 0}, record.begin());
    endless.insert(endless.end(), record.begin(), record.end());
  }
  pair.at_server.arrived = endless;
  for (int i = 0; i < 10; ++i) {
    pair.server->carrier_may_read();
    pair.server->advance();
  }
  EXPECT_EQ(pair.server->failure(), "the handshake has more than 32768 bytes");
  EXPECT_EQ(pair.at_server.arrived.size(), endless.size() - Session::most_handshake_bytes);
}

TEST(TlsSession, AnEndWithinTheHandshakeIsAFailure) {
  Pair pair;
  pair.client->advance();
  pair.at_server.arrived.resize(pair.at_server.arrived.size() / 2);
  pair.at_server.ended = true;
  pair.settle();
  EXPECT_EQ(pair.server->failure(), "the peer closed the connection within the TLS handshake");
  Pair lost;
  lost.at_server.error = -ECONNRESET;
  lost.server->advance();
  EXPECT_EQ(lost.server->failure(), "the connection failed");
  int64_t outcome = 0;
  read_from(*lost.server, 10, &outcome);
  EXPECT_EQ(outcome, -ECONNRESET);
}

TEST(TlsSession, HalvesEndByThemselves) {
  Pair pair;
  pair.settle();
  write_to(*pair.client, pattern(100));
  pair.client->end_sending();
  EXPECT_TRUE(pair.client->flush());
  int64_t outcome = 0;
  EXPECT_EQ(read_from(*pair.server, 1000, &outcome), pattern(100));
  EXPECT_TRUE(pair.server->read_again()) << "the end comes behind it";
  read_from(*pair.server, 1000, &outcome);
  EXPECT_EQ(outcome, 0);
  ASSERT_EQ(write_to(*pair.server, pattern(5000)), 5000);
  EXPECT_EQ(read_from(*pair.client, 6000), pattern(5000));
  // A host whose kernel closes without saying so.
  pair.at_client.ended = true;
  read_from(*pair.client, 10, &outcome);
  EXPECT_EQ(outcome, 0);
}

TEST(TlsSession, NewKeysBothWays) {
  Pair pair;
  pair.settle();
  for (int i = 0; i < 5; ++i) {
    (i % 2 == 0 ? pair.client : pair.server)->update_keys();
    ASSERT_EQ(write_to(*pair.client, pattern(40'000)), 40'000);
    EXPECT_EQ(read_from(*pair.server, 50'000), pattern(40'000)) << pair.server->failure();
    ASSERT_EQ(write_to(*pair.server, pattern(40'000)), 40'000);
    EXPECT_EQ(read_from(*pair.client, 50'000), pattern(40'000)) << pair.client->failure();
  }
}

TEST(TlsSession, NewKeysOfAPeerThatIsToldNothingMore) {
  Pair pair;
  pair.settle();
  pair.server->end_sending();
  pair.server->update_keys();
  EXPECT_TRUE(pair.server->flush());
  for (int i = 0; i < 3; ++i) {
    pair.client->update_keys();
    ASSERT_EQ(write_to(*pair.client, pattern(1000)), 1000) << pair.client->failure();
    int64_t outcome = 0;
    EXPECT_EQ(read_from(*pair.server, 2000, &outcome), pattern(1000)) << outcome << pair.server->failure();
    read_from(*pair.client, 10, &outcome);
    EXPECT_EQ(outcome, 0) << pair.client->failure();
  }
}

// Each of them costs the other side work and an answer: neither may be without bound in one call.
TEST(TlsSession, AFloodOfNewKeysIsTakenInPortions) {
  Pair pair;
  pair.settle();
  pair.at_server.window = 0;  // the client does not read the answers
  for (int i = 0; i < 20'000; ++i) pair.client->update_keys();
  const size_t flood = pair.at_server.arrived.size();
  ASSERT_GT(flood, 400'000u);
  int64_t outcome = 0;
  read_from(*pair.server, 10, &outcome);
  EXPECT_EQ(outcome, would_block);
  EXPECT_TRUE(pair.server->read_again() || pair.server->waits_for_room());
  EXPECT_GT(pair.at_server.arrived.size(), flood / 2);
}

TEST(TlsSession, WhatIsChangedOnTheWayIsAFailure) {
  Pair pair;
  pair.settle();
  write_to(*pair.client, pattern(100));
  pair.at_server.arrived[20] ^= 1;
  int64_t outcome = 0;
  EXPECT_TRUE(read_from(*pair.server, 1000, &outcome).empty());
  EXPECT_EQ(outcome, -EPROTO);
  EXPECT_THAT(pair.server->failure(), HasSubstr("bad record mac"));
}

// One bit of the ClientHello is another: nothing but a handshake between the two of them may come of that.
TEST(TlsSession, AChangedHelloEstablishesNothing) {
  size_t length = 0;
  {
    Pair pair;
    pair.client->advance();
    length = pair.at_server.arrived.size();
  }
  std::mt19937 random(3);
  for (size_t at = 0; at < length; ++at) {
    Pair pair;
    pair.client->advance();
    pair.at_server.arrived[at] ^= static_cast<uint8_t>(1u << random() % 8);
    pair.settle();
    // The version of the record layer is no part of the handshake (RFC 8446 5.1).
    if (at == 1 || at == 2) continue;
    EXPECT_FALSE(pair.server->established()) << "byte " << at;
    EXPECT_FALSE(pair.client->established()) << "byte " << at;
  }
}

}  // namespace
}  // namespace ashlar::tls::test
