// Hosts that come by TLS, those that have to, and those that may not.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "nvmetcp/array_test.h"

namespace ashlar::nvmetcp::test {
namespace {

using nvme::PortTls;
using testing::HasSubstr;
using wire::nvme::DiscoveryEntry;

ConfiguredPsk key_of(int host, PskHash hash = PskHash::sha256) {
  return {hash, std::vector<uint8_t>(psk_bytes(hash), static_cast<uint8_t>(host * 17))};
}
TlsPsk psk_of(int host, uint8_t version = 1, PskHash hash = PskHash::sha256,
              std::string_view name = subsystem, PskLabels labels = PskLabels::standard) {
  return *derive_tls_psk(key_of(host, hash), host_name(host), name, version, labels);
}

/// The second port has TLS as is said; host 1 has a key, and so has host 2, which may come in the clear, too. Host 3 has none.
class TlsArray : public Array {
 public:
  explicit TlsArray(PortTls tls, uint32_t shards = 1) : Array(shards, tls) { publish(with_keys()); }
  std::shared_ptr<nvme::Directory> with_keys(PskHash hash = PskHash::sha256) {
    auto made = directory();
    made->tls_keys[host_name(1)] = {key_of(1, hash), false};
    made->tls_keys[host_name(2)] = {key_of(2, hash), true};
    return made;
  }
  NvmeQueueOptions second(int host, bool by_tls) const {
    NvmeQueueOptions made = options(host);
    made.endpoint = second_endpoint;
    if (by_tls) made.tls_psk = psk_of(host);
    return made;
  }
  Server::TlsCounts counts() const {
    Server::TlsCounts sum;
    for (const auto& server : servers) {
      sum.established += server->tls_counts().established;
      sum.failed += server->tls_counts().failed;
    }
    return sum;
  }
  std::string last_event() const {
    return events.empty() ? "" : events.back().kind + ": " + events.back().detail;
  }
  template <typename Story>
  void run(Story story) {
    run_story(host.loop(0), +story, this);
  }
};

/// What a Connect by these options is told; empty: it succeeded.
Task<std::string> said_to(NvmeQueueOptions options) {
  auto connecting = NvmeQueue::connect(loop::Loop::current(), std::move(options));
  auto queue = co_await connecting;
  co_return queue ? "" : queue.error().message;
}

Task<void> use_all_queues(std::unique_ptr<NvmeController> controller) {
  for (size_t i = 0; i < controller->io_queues(); ++i) {
    for (const size_t bytes : {512u, 8192u, 1u << 20}) {
      const std::vector<uint8_t> data = pattern(bytes, static_cast<uint8_t>(i));
      auto writing = write_blocks(controller->io(i), 16, data);
      EXPECT_EQ(co_await writing, Status::success);
      auto reading = read_blocks(controller->io(i), 16, static_cast<uint32_t>(bytes / 512));
      EXPECT_EQ(co_await reading, data);
    }
  }
}

TEST(NvmeTls, AControllerWithQueuesOnAllShards) {
  TlsArray array(PortTls::required, 3);
  array.run([](TlsArray* the_array) -> Task<void> {
    auto attaching = attach(the_array->second(1, true), 4);
    auto controller = co_await attaching;
    EXPECT_EQ(the_array->connections(), 5u);
    auto using_it = use_all_queues(std::move(controller));
    co_await using_it;
  });
  EXPECT_EQ(array.counts().established, 5u);
  EXPECT_EQ(array.counts().failed, 0u);
}

TEST(NvmeTls, EveryFormOfKeyAndIdentity) {
  TlsArray array(PortTls::allowed, 2);
  array.run([](TlsArray* the_array) -> Task<void> {
    for (const PskHash hash : {PskHash::sha256, PskHash::sha384}) {
      the_array->publish(the_array->with_keys(hash));
      auto pause = loop::sleep_for(loop::milliseconds(1));
      co_await pause;
      for (const uint8_t version : {0, 1}) {
        NvmeQueueOptions options = the_array->second(1, false);
        options.tls_psk = psk_of(1, version, hash);
        options.header_digest = options.data_digest = true;
        auto attaching = attach(options, 1);
        auto using_it = use_all_queues(co_await attaching);
        co_await using_it;
      }
      // As libnvme before 1.15 derives it; its identity of version 1 tells.
      NvmeQueueOptions options = the_array->second(1, false);
      options.tls_psk = psk_of(1, 1, hash, subsystem, PskLabels::unmeasured);
      auto refused = said_to(options);
      EXPECT_EQ(co_await refused, "");
    }
  });
}

TEST(NvmeTls, APortThatRequiresItTakesNothingElse) {
  TlsArray array(PortTls::required);
  array.run([](TlsArray* the_array) -> Task<void> {
    auto refused = said_to(the_array->second(2, false));
    EXPECT_THAT(co_await refused, HasSubstr("fatal error 2"));
  });
  array.world.run_for(loop::seconds(1));
  EXPECT_EQ(array.last_event(), "login.refused: this portal takes TLS alone, and the host did not begin it");
  array.run([](TlsArray* the_array) -> Task<void> {
    auto refused = said_to(the_array->second(2, true));
    EXPECT_EQ(co_await refused, "");
  });
}

// Its doors are as they were: a connection that came just before, and says Connect after it.
TEST(NvmeTls, APortThatRequiresItNowLetsNobodyInWhoCameBefore) {
  TlsArray array(PortTls::allowed);
  array.run([](TlsArray* the_array) -> Task<void> {
    auto taken = said_to(the_array->second(3, false));
    EXPECT_EQ(co_await taken, "");
    the_array->second_tls = PortTls::required;
    the_array->publish(the_array->with_keys());
    auto pause = loop::sleep_for(loop::milliseconds(1));
    co_await pause;
    auto refused = said_to(the_array->second(3, false));
    EXPECT_THAT(co_await refused, HasSubstr("status 184h"));
    EXPECT_THAT(the_array->last_event(), HasSubstr("the host must come by TLS"));
    auto first_port = said_to(the_array->options(3));
    EXPECT_EQ(co_await first_port, "");
  });
}

TEST(NvmeTls, WhoMustComeByTlsIsRefusedInTheClear) {
  TlsArray array(PortTls::allowed);
  array.run([](TlsArray* the_array) -> Task<void> {
    for (const loop::Endpoint& by : {endpoint, second_endpoint}) {
      NvmeQueueOptions options = the_array->options(1);
      options.endpoint = by;
      auto refused = said_to(options);
      EXPECT_THAT(co_await refused, HasSubstr("status 184h"));
      EXPECT_THAT(the_array->last_event(), HasSubstr("the host must come by TLS"));
    }
    for (const int host : {2, 3}) {
      auto taken = said_to(the_array->second(host, false));
      EXPECT_EQ(co_await taken, "") << host;
    }
    auto secured = said_to(the_array->second(2, true));
    EXPECT_EQ(co_await secured, "");
  });
}

TEST(NvmeTls, OneKeyIsForOneHostAndOneSubsystem) {
  TlsArray array(PortTls::allowed);
  array.run([](TlsArray* the_array) -> Task<void> {
    NvmeQueueOptions options = the_array->second(2, false);
    options.tls_psk = psk_of(1);
    auto another_host = said_to(options);
    EXPECT_THAT(co_await another_host, HasSubstr("status 182h, parameter 10200h"));
    EXPECT_THAT(the_array->last_event(), HasSubstr("another host proved its key"));
    options = the_array->second(1, true);
    options.subsystem = wire::nvme::discovery_name;
    auto another_subsystem = said_to(options);
    EXPECT_THAT(co_await another_subsystem, HasSubstr("status 182h, parameter 10100h"));
    EXPECT_THAT(the_array->last_event(), HasSubstr("for another subsystem"));
    options.tls_psk = psk_of(1, 1, PskHash::sha256, wire::nvme::discovery_name);
    auto discovery = said_to(options);
    EXPECT_EQ(co_await discovery, "");
  });
}

TEST(NvmeTls, TheQueuesOfAControllerAllComeByTlsOrNone) {
  TlsArray array(PortTls::allowed);
  array.run([](TlsArray* the_array) -> Task<void> {
    for (const bool admin_by_tls : {true, false}) {
      auto attaching = attach(the_array->second(2, admin_by_tls), 0);
      auto controller = co_await attaching;
      NvmeQueueOptions options = the_array->second(2, !admin_by_tls);
      options.queue_id = 1;
      options.controller_id = controller->id();
      auto refused = said_to(options);
      EXPECT_THAT(co_await refused, HasSubstr("status 184h"));
      EXPECT_THAT(the_array->last_event(), HasSubstr("all come by TLS, or none"));
    }
  });
}

TEST(NvmeTls, KeysThatAreNotTheHostsAreRefused) {
  TlsArray array(PortTls::allowed);
  array.run([](TlsArray* the_array) -> Task<void> {
    NvmeQueueOptions options = the_array->second(1, true);
    options.tls_psk->key[3] ^= 1;
    auto another_key = said_to(options);
    EXPECT_THAT(co_await another_key, HasSubstr("the peer ended TLS"));
    EXPECT_THAT(the_array->last_event(), HasSubstr("login.refused: the host's key for 'NVMe1R01 "));
    options.tls_psk = psk_of(3);
    auto no_key = said_to(options);
    EXPECT_THAT(co_await no_key, HasSubstr("unknown PSK identity"));
    EXPECT_THAT(the_array->last_event(), HasSubstr("no TLS key is kept for host 'nqn.2014"));
    options.tls_psk = psk_of(1, 1, PskHash::sha384);
    auto longer = said_to(options);
    EXPECT_NE(co_await longer, "");
    EXPECT_THAT(the_array->last_event(), HasSubstr("another length"));
    options.tls_psk = psk_of(1, 1, PskHash::sha256, "nqn.2026-11.io.ashlar:other");
    auto no_subsystem = said_to(options);
    EXPECT_NE(co_await no_subsystem, "");
    EXPECT_THAT(the_array->last_event(), HasSubstr("there is no subsystem"));
    options.tls_psk = psk_of(1);
    options.tls_psk->identity.back() = 'x';
    auto another_digest = said_to(options);
    EXPECT_NE(co_await another_digest, "");
    EXPECT_THAT(the_array->last_event(), HasSubstr("is not the one that is kept"));
    options.tls_psk->identity = "Client_identity";
    auto no_identity = said_to(options);
    EXPECT_NE(co_await no_identity, "");
    EXPECT_THAT(the_array->last_event(), HasSubstr("is none of NVMe/TCP"));
  });
  EXPECT_EQ(array.counts().failed, 6u);
  EXPECT_EQ(array.connections(), 0u);
}

TEST(NvmeTls, APortWithoutItSaysSo) {
  TlsArray array(PortTls::off);
  array.run([](TlsArray* the_array) -> Task<void> {
    auto refused = said_to(the_array->second(1, true));
    EXPECT_NE(co_await refused, "");
  });
  array.world.run_for(loop::seconds(1));
  EXPECT_EQ(array.last_event(), "login.refused: the host begins TLS, which is off at this portal");
}

Task<bool> say_and_wait(Array* /*array*/, std::vector<uint8_t> bytes) {
  loop::Loop& loop = loop::Loop::current();
  auto connecting = loop.connect(second_endpoint, loop::seconds(5));
  auto stream = co_await connecting;
  CHECK(stream.has_value(), "{}", stream.error().text());
  const iovec part{bytes.data(), bytes.size()};
  (*stream)->send({&part, 1});
  auto waiting = loop::sleep_for(loop::seconds(20));
  co_await waiting;
  co_return true;
}

TEST(NvmeTls, AHandshakeThatDoesNotEndIsClosed) {
  TlsArray array(PortTls::required);
  for (const std::vector<uint8_t>& bytes :
       {std::vector<uint8_t>{0x16, 3, 1, 2, 0}, std::vector<uint8_t>{0x16}}) {
    run_story(array.host.loop(0), say_and_wait, &array, bytes);
    EXPECT_EQ(array.connections(), 0u);
    EXPECT_EQ(array.last_event(), "login.refused: no Connect within 15 s");
  }
  EXPECT_EQ(array.counts().failed, 2u);
}

TEST(NvmeTls, BytesOfChanceLeaveNothing) {
  TlsArray array(PortTls::required, 2);
  std::mt19937 random(8);
  for (int round = 0; round < 60; ++round) {
    std::vector<uint8_t> bytes(random() % 600 + 1);
    for (uint8_t& byte : bytes) byte = static_cast<uint8_t>(random());
    if (round % 4 != 0) {
      const std::vector<uint8_t> begin = {0x16, 3, 1, 0, static_cast<uint8_t>(random() % 200), 1, 0, 0};
      std::copy_n(begin.begin(), std::min(begin.size(), bytes.size()), bytes.begin());
    }
    run_story(array.host.loop(0), say_and_wait, static_cast<Array*>(&array), bytes);
    EXPECT_EQ(array.connections(), 0u);
  }
}

Task<std::vector<DiscoveryEntry>> entries_of(NvmeQueueOptions options) {
  options.subsystem = wire::nvme::discovery_name;
  auto attaching = attach(std::move(options), 0);
  auto controller = co_await attaching;
  wire::nvme::LogRequest request;
  request.page = wire::nvme::LogPage::discovery;
  request.bytes = 4096;
  auto asking = controller->log(request);
  const auto answer = co_await asking;
  co_return wire::nvme::decode_discovery(answer->data).entries;
}

TEST(NvmeTls, DiscoveryTellsEachHostHowItMayCome) {
  using enum DiscoveryEntry::SecureChannel;
  TlsArray allowed(PortTls::allowed);
  allowed.run([](TlsArray* array) -> Task<void> {
    auto first = entries_of(array->options(1));
    const auto of_host_1 = co_await first;
    EXPECT_EQ(of_host_1.size(), 2u);  // the way in the clear is not for it
    EXPECT_EQ(of_host_1[0].secure_channel, unspecified);
    EXPECT_FALSE(of_host_1[0].tls);
    EXPECT_EQ(of_host_1[1].port, second_endpoint.port);
    EXPECT_EQ(of_host_1[1].secure_channel, required);
    EXPECT_TRUE(of_host_1[1].tls);
    auto second = entries_of(array->options(2));
    const auto of_host_2 = co_await second;
    EXPECT_EQ(of_host_2.size(), 3u);
    EXPECT_EQ(of_host_2[2].secure_channel, not_required);
    EXPECT_TRUE(of_host_2[2].tls);
    auto third = entries_of(array->options(3));
    const auto of_host_3 = co_await third;
    EXPECT_EQ(of_host_3.size(), 3u);
    EXPECT_EQ(of_host_3[2].secure_channel, not_required);
    EXPECT_FALSE(of_host_3[2].tls) << "it has no key";
  });
  TlsArray strict(PortTls::required);
  strict.run([](TlsArray* array) -> Task<void> {
    NvmeQueueOptions options = array->second(1, false);
    options.tls_psk = psk_of(1, 1, PskHash::sha256, wire::nvme::discovery_name);
    auto first = entries_of(options);
    const auto of_host_1 = co_await first;
    EXPECT_EQ(of_host_1.size(), 2u);
    EXPECT_EQ(of_host_1[0].secure_channel, required);
    EXPECT_TRUE(of_host_1[0].tls);
    auto third = entries_of(array->options(3));
    const auto of_host_3 = co_await third;
    EXPECT_EQ(of_host_3.size(), 2u) << "it cannot come by the second port";
  });
}

TEST(NvmeTls, WhatChangesEndsWhatMayNotBeAnyMore) {
  TlsArray array(PortTls::allowed, 2);
  array.run([](TlsArray* the_array) -> Task<void> {
    auto in_the_clear = attach(the_array->second(3, false), 1);
    auto third = co_await in_the_clear;
    auto by_tls = attach(the_array->second(1, true), 1);
    auto first = co_await by_tls;
    auto directory = the_array->with_keys();
    directory->tls_keys[host_name(3)] = {key_of(3), false};
    the_array->publish(directory);
    auto pause = loop::sleep_for(loop::milliseconds(100));
    co_await pause;
    EXPECT_FALSE(third->admin().open());
    EXPECT_FALSE(third->io().open());
    EXPECT_TRUE(first->io().open());
    // A key that is changed or taken away is asked for at the next handshake.
    auto without = the_array->with_keys();
    without->tls_keys.clear();
    the_array->publish(without);
    auto another_pause = loop::sleep_for(loop::milliseconds(100));
    co_await another_pause;
    EXPECT_TRUE(first->admin().open());
    auto refused = said_to(the_array->second(1, true));
    EXPECT_NE(co_await refused, "");
    auto again = attach(the_array->second(3, false), 0);
    auto plain = co_await again;
    the_array->second_tls = PortTls::required;
    the_array->publish(the_array->with_keys());
    auto last_pause = loop::sleep_for(loop::milliseconds(100));
    co_await last_pause;
    EXPECT_FALSE(plain->admin().open());
    EXPECT_TRUE(first->admin().open());
  });
}

}  // namespace
}  // namespace ashlar::nvmetcp::test
