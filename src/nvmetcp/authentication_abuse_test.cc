// Who leaves, waits, guesses, floods or stands between instead of a proof, against a whole target.
#include <gtest/gtest.h>

#include <algorithm>

#include "nvmetcp/keyed_array_test.h"

namespace ashlar::nvmetcp::test {
namespace {

using wire::nvme::AuthenticationExchange;
using wire::nvme::FabricsType;

/// AUTH_Negotiate of host 1 in a capsule, for who does not wait for the answer.
std::vector<uint8_t> capsule_of_offer(Array* array) {
  NvmeAuthentication host(*keyed(array).proving(1).proof, host_name(1), subsystem, Drawn(4));
  const std::vector<uint8_t> offer = host.negotiate();
  std::vector<uint8_t> capsule(72 + offer.size());
  wire::nvme::CommonHeader{wire::nvme::PduType::command, 0, 72, 72, static_cast<uint32_t>(capsule.size())}
      .encode(capsule.data());
  Submission entry;
  AuthenticationExchange{true, static_cast<uint32_t>(offer.size())}.encode(entry,
                                                                           FabricsType::authentication_send);
  entry.set_data({wire::nvme::DataDescriptor::Kind::in_capsule, 0, static_cast<uint32_t>(offer.size())});
  std::ranges::copy(entry.bytes, capsule.begin() + 8);
  std::ranges::copy(offer, capsule.begin() + 72);
  return capsule;
}

TEST(NvmeProofs, WhoLeavesInTheMiddleOfAnExchangeLeavesNothing) {
  Keyed array;
  array.keys[1].groups = {DhchapGroup::ffdhe2048};
  array.publish_keys();
  array.run([](Array* the_array) -> Task<void> {
    for (int i = 0; i < 6; ++i) {
      auto connecting = connected(keyed(the_array).proving(1));
      auto queue = co_await connecting;
      queue->send_raw(capsule_of_offer(the_array));
      co_await loop::sleep_for(loop::microseconds(100 * i));
    }
  });
  EXPECT_TRUE(array.world.run_until([&] { return array.connections() == 0; }, loop::seconds(10)));
  array.world.run_for(loop::seconds(1));
  EXPECT_EQ(array.buffers_in_use(), 0u);
  EXPECT_TRUE(array.domains[0]->controllers().all().empty());
}

TEST(NvmeProofs, NothingIsComputedForWhoLeftBeforeItsTurn) {
  Keyed array;
  array.keys[1].groups = {DhchapGroup::ffdhe2048};
  array.publish_keys();
  array.run([](Array* the_array) -> Task<void> {
    std::vector<std::unique_ptr<NvmeQueue>> all;
    for (int i = 0; i < 30; ++i) {
      auto connecting = connected(keyed(the_array).proving(1));
      all.push_back(co_await connecting);
    }
    for (const auto& queue : all) queue->send_raw(capsule_of_offer(the_array));
    co_await loop::sleep_for(loop::microseconds(1));
  });
  EXPECT_TRUE(array.world.run_until([&] { return array.connections() == 0; }, loop::seconds(10)));
  EXPECT_GT(array.domains[0]->exponentiations_done(), 0u);
  EXPECT_LT(array.domains[0]->exponentiations_done(), 15u);
  array.run([](Array* the_array) -> Task<void> {
    EXPECT_EQ(co_await outcome_of(keyed(the_array).proving(1)), "DH-HMAC-CHAP sha-256 ffdhe2048");
  });
}

TEST(NvmeProofs, WhoDoesNotProveItselfInTimeIsDropped) {
  Keyed array;
  array.settings.authentication_timeout_seconds = 5;
  array.publish_keys();
  array.run([](Array* the_array) -> Task<void> {
    auto connecting = connected(keyed(the_array).proving(1));
    const auto queue = co_await connecting;
    co_await loop::sleep_for(loop::seconds(3));
    // Beginning again and again gives no more time.
    NvmeAuthentication host(*keyed(the_array).proving(1).proof, host_name(1), subsystem, Drawn(4));
    auto sending = queue->send_message(host.negotiate());
    EXPECT_TRUE(co_await sending);
    co_await loop::sleep_for(loop::seconds(3));
    EXPECT_FALSE(queue->open());
  });
  EXPECT_EQ(array.events_of("login.refused", "did not prove itself within 5 s"), 1u);
}

TEST(NvmeProofs, KeepAliveBeginsWithTheProof) {
  Keyed array;
  array.run([](Array* the_array) -> Task<void> {
    NvmeQueueOptions options = keyed(the_array).proving(1);
    options.keep_alive_milliseconds = 1000;
    auto connecting = connected(options);
    const auto queue = co_await connecting;
    co_await loop::sleep_for(loop::seconds(8));  // a slow host computes
    auto proving = queue->authenticate();
    EXPECT_TRUE(co_await proving);
    co_await loop::sleep_for(loop::seconds(8));
    EXPECT_FALSE(queue->open());
  });
  EXPECT_EQ(array.events_of("session.dropped", "keep-alive"), 1u);
}

TEST(NvmeProofs, GuessesAreSlowedDownPerSource) {
  Keyed array;
  array.run([](Array* the_array) -> Task<void> {
    NvmeQueueOptions wrong = keyed(the_array).proving(1);
    wrong.proof->key = key_of(99);
    for (uint32_t i = 0; i < loop::SourceTable::free_failures; ++i)
      EXPECT_TRUE((co_await outcome_of(wrong)).contains("authentication failed"));
    co_await loop::sleep_for(loop::milliseconds(10));
    EXPECT_TRUE((co_await outcome_of(keyed(the_array).proving(1))).contains("authentication failed"))
        << "a right one, but too soon";
    EXPECT_EQ(co_await outcome_of(the_array->options(3)), "none") << "who proves nothing does not wait";
    co_await loop::sleep_for(loop::SourceTable::first_wait);
    EXPECT_EQ(co_await outcome_of(keyed(the_array).proving(1)), "DH-HMAC-CHAP sha-256 null");
    EXPECT_EQ(co_await outcome_of(keyed(the_array).proving(2)), "DH-HMAC-CHAP sha-256 null");
  });
  EXPECT_EQ(array.events_of("login.refused", "too many proofs from this address failed"), 1u);
}

TEST(NvmeProofs, WhoProvesNothingKeepsNobodyOut) {
  Keyed array;
  array.max_sessions = 1;
  array.made_of.clear();
  array.publish_keys();
  array.run([](Array* the_array) -> Task<void> {
    auto connecting = connected(keyed(the_array).proving(1));
    const auto stranger = co_await connecting;
    auto attaching = attach(keyed(the_array).proving(1), 1);
    const auto controller = co_await attaching;
    EXPECT_EQ(co_await write_blocks(controller->io(), 0, pattern(512, 1)), Status::success);
    // Its proof comes too late: there is one already.
    auto proving = stranger->authenticate();
    co_await proving;
    co_await loop::sleep_for(loop::milliseconds(100));
    EXPECT_FALSE(stranger->open());
    EXPECT_TRUE(controller->admin().open());
  });
  EXPECT_EQ(array.events_of("login.refused", "as many controllers are open"), 1u);
}

TEST(NvmeProofs, AFloodOfUnprovedQueuesMakesRoom) {
  Keyed array;
  array.settings.most_half_open = 4;
  array.publish_keys();
  array.run([](Array* the_array) -> Task<void> {
    std::vector<std::unique_ptr<NvmeQueue>> flood;
    for (int i = 0; i < 12; ++i) {
      auto connecting = connected(keyed(the_array).proving(1));
      flood.push_back(co_await connecting);
    }
    co_await loop::sleep_for(loop::milliseconds(10));
    EXPECT_LE(std::ranges::count_if(flood, [](const auto& each) { return each->open(); }), 4);
    EXPECT_EQ(co_await outcome_of(keyed(the_array).proving(2)), "DH-HMAC-CHAP sha-256 null");
  });
}

TEST(NvmeProofs, AHostIsNotTalkedDown) {
  Keyed array;
  array.keys[1].groups = {DhchapGroup::ffdhe2048, DhchapGroup::null};
  array.publish_keys();
  array.run([](Array* the_array) -> Task<void> {
    NvmeQueueOptions options = keyed(the_array).proving(1);
    options.proof->groups = {DhchapGroup::ffdhe2048};
    auto connecting = connected(options);
    const auto queue = co_await connecting;
    // Somebody between the two takes the group out of the offer.
    queue->bend_message = [](std::vector<uint8_t>& message) {
      if (message[0] == 0 && message[1] == 0) message[42] = 0;
    };
    auto proving = queue->authenticate();
    const auto proved = co_await proving;
    CHECK(!proved.has_value(), "it was talked down");
    EXPECT_TRUE(proved.error().message.contains("a group that was not offered")) << proved.error().text();
  });
  EXPECT_EQ(array.events_of("login.refused", "Diffie-Hellman group not usable"), 1u);
}

}  // namespace
}  // namespace ashlar::nvmetcp::test
