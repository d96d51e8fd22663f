#include "agent/isns_client.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "agent/isns_fake_server_test.h"
#include "base/log.h"

namespace ashlar::agent {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using Manner = FakeIsnsServer::Manner;

constexpr const char* one = "iqn.2026-11.io.ashlar:one";
constexpr const char* two = "iqn.2026-11.io.ashlar:two";

std::shared_ptr<const IsnsRegistration> wish_of(const std::vector<std::string>& targets) {
  const IsnsPortal portal{isns_address("127.0.0.1"), 3260};
  auto wish = std::make_shared<IsnsRegistration>();
  if (!targets.empty()) wish->portals = {portal};
  for (const std::string& each : targets) wish->targets.push_back({each, "", {{portal, 1}}});
  return wish;
}

uint16_t free_port() { return FakeIsnsServer().port(); }

class IsnsClientTest : public testing::Test {
 protected:
  void SetUp() override { set_log_level(LogLevel::error); }
  void TearDown() override {
    client.reset();
    set_log_level(LogLevel::info);
  }

  void begin(const std::vector<std::string>& targets = {one}) {
    client = std::make_unique<IsnsClient>(api::IsnsServer{.name = "a",
                                                          .address = "127.0.0.1",
                                                          .port = server.port(),
                                                          .entity = "array",
                                                          .esi_port = esi_port},
                                          timing, [] { return int64_t{1'800'000'000}; });
    client->want(wish_of(targets));
  }
  void wait_for(const std::string& state) {
    EXPECT_TRUE(comes_true([&] { return client->status().state == state; }))
        << client->status().state << ": " << client->status().message;
  }
  void wait_for_targets(const std::set<std::string>& targets) {
    EXPECT_TRUE(comes_true([&] { return server.targets() == targets; })) << server.targets().size();
  }

  FakeIsnsServer server;
  IsnsTiming timing = quick_timing();
  uint16_t esi_port = 0;
  std::unique_ptr<IsnsClient> client;
};

TEST_F(IsnsClientTest, RegistersAndTakesItselfOutAtItsEnd) {
  begin({one, two});
  wait_for("registered");
  EXPECT_EQ(server.entity("array"), (FakeIsnsServer::Entity{{one, two}, 1, 2, 0}));
  EXPECT_EQ(server.replacements(), 1u);
  const IsnsStatus status = client->status();
  EXPECT_EQ(status.targets, 2u);
  EXPECT_EQ(status.portals, 1u);
  EXPECT_EQ(status.registrations, 1u);
  EXPECT_EQ(status.failures, 0u);
  EXPECT_EQ(status.since, 1'800'000'000);
  client.reset();
  EXPECT_THAT(server.entities(), IsEmpty());
  EXPECT_EQ(server.connections(), 1u);
}

TEST_F(IsnsClientTest, FollowsEveryChange) {
  begin();
  wait_for_targets({one});
  client->want(wish_of({one, two}));
  wait_for_targets({one, two});
  client->want(wish_of({two}));
  wait_for_targets({two});
  client->want(wish_of({}));
  wait_for_targets({});
  wait_for("nothing to register");
  EXPECT_TRUE(client->status().well());
  client->want(wish_of({one}));
  wait_for_targets({one});
}

TEST_F(IsnsClientTest, WithNothingToSayItDoesNotEvenConnect) {
  begin({});
  wait_for("nothing to register");
  EXPECT_EQ(server.connections(), 0u);
}

TEST_F(IsnsClientTest, AServerThatBeganAnewIsToldAgain) {
  begin({one, two});
  wait_for("registered");
  server.start_anew();
  wait_for_targets({one, two});
  EXPECT_EQ(server.replacements(), 1u) << "there was nothing to replace";
  wait_for("registered");
}

TEST_F(IsnsClientTest, AServerThatIsAwayIsWaitedFor) {
  begin();
  wait_for("registered");
  server.stop();
  wait_for("unreachable");
  EXPECT_THAT(client->status().message, HasSubstr(fmt::format("127.0.0.1:{}", server.port())));
  EXPECT_TRUE(comes_true([&] { return client->status().failures > 3; }));
  client->want(wish_of({two}));
  server.start_anew();
  wait_for_targets({two});
  wait_for("registered");
  EXPECT_EQ(client->status().message, "");
  EXPECT_NE(client->status().last_error, "");
}

TEST_F(IsnsClientTest, ASilentConnectionThatIsClosedIsOpenedAgain) {
  begin();
  wait_for("registered");
  server.close_connections();
  EXPECT_TRUE(comes_true([&] { return server.queries() > 0; }));
  EXPECT_EQ(server.registrations(), 1u) << "it is asked, and knows us still";
  EXPECT_EQ(client->status().failures, 0u);
}

TEST_F(IsnsClientTest, WhatTheServerForgetsIsFoundAtTheNextRefresh) {
  server.grant(1);
  timing.shortest_refresh = 20ms;
  begin();
  wait_for("registered");
  EXPECT_TRUE(comes_true([&] { return server.queries() > 2; }));
  EXPECT_EQ(server.registrations(), 1u);
  server.forget();
  wait_for_targets({one});
}

TEST_F(IsnsClientTest, ARefusalIsToldInWordsAndTriedAgain) {
  server.be(Manner::refuses);
  begin();
  wait_for("refused");
  EXPECT_THAT(client->status().message, HasSubstr("the server refuses: invalid registration"));
  server.be(Manner::good);
  wait_for("registered");
}

TEST_F(IsnsClientTest, WrongAnswersAreToldAndTriedAgain) {
  const std::vector<std::pair<Manner, std::string>> cases = {
      {Manner::garbage, "is this an iSNS server?"},
      {Manner::half, "does not answer in time"},
      {Manner::breaks_off, "has closed the connection"},
      {Manner::silent, "does not answer in time"},
      {Manner::other_transaction, "answers what was not asked"},
  };
  for (const auto& [manner, words] : cases) {
    server.be(manner);
    begin();
    wait_for("unreachable");
    EXPECT_THAT(client->status().message, HasSubstr(words));
    EXPECT_TRUE(comes_true([&] { return client->status().failures > 1; }));
    server.be(Manner::good);
    wait_for("registered");
    EXPECT_EQ(server.targets(), std::set<std::string>{one});
  }
}

TEST_F(IsnsClientTest, ASlowServerIsWaitedFor) {
  timing.answer = 10s;
  server.be(Manner::byte_by_byte);
  begin({one, two});
  wait_for("registered");
  EXPECT_EQ(client->status().failures, 0u);
}

TEST_F(IsnsClientTest, ThousandsOfTargetsAreToldInParts) {
  timing.answer = 10s;
  std::vector<std::string> names;
  for (size_t i = 0; i < 3000; ++i) names.push_back(fmt::format("iqn.2026-11.io.ashlar:t{:04}", i));
  begin(names);
  wait_for_targets({names.begin(), names.end()});
  EXPECT_GT(server.registrations(), 10u);
  EXPECT_EQ(server.replacements(), 1u);
  server.close_connections();
  EXPECT_TRUE(comes_true([&] { return server.queries() == 1; }));
  wait_for("registered");
}

TEST_F(IsnsClientTest, TheEndOfAServerThatDoesNotAnswerIsNotWaitedForLong) {
  timing.answer = 60s;
  begin();
  wait_for("registered");
  server.be(Manner::silent);
  client->want(wish_of({two}));
  const auto before = std::chrono::steady_clock::now();
  client.reset();
  EXPECT_LT(std::chrono::steady_clock::now() - before, 30s);
}

TEST_F(IsnsClientTest, AnInquiryOnTheSameConnectionIsAnswered) {
  server.be(Manner::asks_first);
  begin();
  wait_for("registered");
  EXPECT_THAT(server.inquiry_answers(), ElementsAre(0u));
}

TEST_F(IsnsClientTest, AServerWithoutInquiriesIsRegisteredWithoutThem) {
  esi_port = free_port();
  server.be(Manner::without_esi);
  begin();
  wait_for("registered");
  EXPECT_EQ(client->status().failures, 0u);
}

/// A connection to the ESI port, from an address of loopback.
std::unique_ptr<IsnsSocket> inquirer(uint16_t port, const char* from) {
  IsnsDescriptor descriptor(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in name{};
  name.sin_family = AF_INET;
  ::inet_pton(AF_INET, from, &name.sin_addr);
  if (::bind(descriptor.number(), reinterpret_cast<sockaddr*>(&name), sizeof name) != 0) return nullptr;
  name.sin_port = htons(port);
  ::inet_pton(AF_INET, "127.0.0.1", &name.sin_addr);
  if (::connect(descriptor.number(), reinterpret_cast<sockaddr*>(&name), sizeof name) != 0) return nullptr;
  return std::make_unique<IsnsSocket>(std::move(descriptor), "the array");
}

TEST_F(IsnsClientTest, InquiriesAreAnsweredToTheServerAlone) {
  // A port that was just given back may not be free yet, or be somebody else's by now.
  std::unique_ptr<IsnsSocket> socket;
  for (int attempt = 0; attempt < 50 && !socket; ++attempt) {
    client.reset();
    esi_port = free_port();
    begin();
    wait_for("registered");
    socket = inquirer(esi_port, "127.0.0.1");
  }
  ASSERT_TRUE(socket);
  wire::isns::AttributeWriter payload;
  payload.text(wire::isns::Tag::entity_identifier, "array");
  const wire::isns::Message inquiry{0x000d, wire::isns::from_server, 7, payload.bytes()};
  const IsnsPatience patience = IsnsPatience::of(10s, -1);
  ASSERT_TRUE(socket->send(inquiry, patience));
  const auto answer = socket->receive(patience);
  ASSERT_TRUE(answer) << answer.error().text();
  EXPECT_EQ(answer->function, 0x800d);
  const auto stranger = inquirer(esi_port, "127.0.0.2");
  ASSERT_TRUE(stranger);
  static_cast<void>(stranger->send(inquiry, patience));
  EXPECT_FALSE(stranger->receive(patience));
}

TEST_F(IsnsClientTest, AnEsiPortThatIsTakenIsDoneWithout) {
  const FakeIsnsServer other;
  esi_port = other.port();
  begin();
  wait_for("registered");
}

}  // namespace
}  // namespace ashlar::agent
