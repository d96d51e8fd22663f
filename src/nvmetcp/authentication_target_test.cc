// Hosts that have to prove themselves, against a whole target: what is refused before, what happens on failures, live changes.
#include <gtest/gtest.h>

#include <algorithm>

#include "nvmetcp/authentication_test.h"

namespace ashlar::nvmetcp::test {
namespace {

using wire::nvme::AuthenticationExchange;
using wire::nvme::FabricsType;
using wire::nvme::Property;

constexpr uint32_t refused_until_proved = static_cast<uint32_t>(Status::authentication_required);

/// Host 1 has a key, host 2 another one; everybody else has none.
class Keyed : public Array {
 public:
  explicit Keyed(uint32_t shards = 1) : Array(shards) { publish_keys(); }
  void publish_keys() {
    const auto made = directory();
    auto served = std::make_shared<nvme::Subsystem>(*made->subsystems.at(subsystem));
    for (const auto& [number, given] : keys) {
      if (made_of[number] != given) {
        made_of[number] = given;
        views[number] = view();
        views[number]->host = host_name(number);
        views[number]->dhchap = given;
        views[number]->max_sessions = max_sessions;
        views[number]->chap.user = chap_user;
      }
      served->hosts[host_name(number)] = views[number];
    }
    made->subsystems[subsystem] = served;
    publish(made);
  }
  NvmeQueueOptions proving(int number, std::optional<DhchapKey> controller_key = {}) const {
    NvmeQueueOptions made = options(number);
    made.proof =
        NvmeProof{.key = key_of(static_cast<uint8_t>(number)), .controller_key = std::move(controller_key)};
    return made;
  }
  size_t events_of(std::string_view kind, std::string_view detail) const {
    return static_cast<size_t>(std::ranges::count_if(events, [&](const ServerEvent& each) {
      return each.kind == kind && each.detail.find(detail) != std::string::npos;
    }));
  }

  std::map<int, unit::DhchapCredentials> keys{{1, credentials(1, key_of(11))}, {2, credentials(2)}};
  std::map<int, std::optional<unit::DhchapCredentials>> made_of;
  std::map<int, std::shared_ptr<unit::HostView>> views;
  uint32_t max_sessions = 0;
  std::string chap_user;
};

Keyed& keyed(Array* array) { return static_cast<Keyed&>(*array); }

Task<std::string> outcome_of(NvmeQueueOptions options) {
  auto connecting = NvmeQueue::connect(loop::Loop::current(), std::move(options));
  auto queue = co_await connecting;
  co_return queue ? (*queue)->authentication() : queue.error().message;
}

/// A queue that has not proved itself yet.
Task<std::unique_ptr<NvmeQueue>> connected(NvmeQueueOptions options) {
  options.prove_at_once = false;
  auto connecting = NvmeQueue::connect(loop::Loop::current(), std::move(options));
  auto queue = co_await connecting;
  CHECK(queue.has_value(), "{}", queue.error().text());
  co_return std::move(*queue);
}

TEST(NvmeProofs, OneWayAndBothWaysOnEveryQueue) {
  Keyed array(2);
  array.run([](Array* the_array) -> Task<void> {
    for (const bool mutual : {false, true}) {
      auto attaching =
          attach(keyed(the_array).proving(1, mutual ? std::optional(key_of(11)) : std::nullopt), 3);
      const auto controller = co_await attaching;
      const std::string how = mutual ? "mutual DH-HMAC-CHAP sha-256 null" : "DH-HMAC-CHAP sha-256 null";
      EXPECT_EQ(controller->admin().authentication(), how);
      for (size_t i = 0; i < controller->io_queues(); ++i) {
        EXPECT_EQ(controller->io(i).authentication(), how);
        EXPECT_EQ(co_await write_blocks(controller->io(i), i * 8, pattern(4096, 3)), Status::success);
      }
      EXPECT_EQ(co_await read_blocks(controller->io(1), 16, 8), pattern(4096, 3));
      EXPECT_EQ(the_array->domains[0]->controllers().find(controller->id())->authentication(), how);
      EXPECT_EQ(keyed(the_array).events_of("session.login", how), 1u);
    }
  });
}

TEST(NvmeProofs, WithAnExchangeOnAWorker) {
  Keyed array;
  array.keys[1].groups = {DhchapGroup::ffdhe2048};
  array.publish_keys();
  array.run([](Array* the_array) -> Task<void> {
    auto attaching = attach(keyed(the_array).proving(1, key_of(11)), 2);
    const auto controller = co_await attaching;
    EXPECT_EQ(controller->io(1).authentication(), "mutual DH-HMAC-CHAP sha-256 ffdhe2048");
  });
}

TEST(NvmeProofs, MoreAtATimeThanMayComputeWaitForTheirTurn) {
  Keyed array;
  array.keys[1].groups = {DhchapGroup::ffdhe2048};
  array.publish_keys();
  array.run([](Array* the_array) -> Task<void> {
    std::vector<Task<std::string>> all;
    all.reserve(7);
    for (int i = 0; i < 7; ++i) all.push_back(outcome_of(keyed(the_array).proving(1)));
    for (Task<std::string>& each : all) EXPECT_EQ(co_await each, "DH-HMAC-CHAP sha-256 ffdhe2048");
  });
}

TEST(NvmeProofs, NothingIsDoneBeforeTheProof) {
  Keyed array;
  array.run([](Array* the_array) -> Task<void> {
    auto connecting = connected(keyed(the_array).proving(1));
    const auto queue = co_await connecting;
    Submission get;
    wire::nvme::PropertyAccess{true, Property::capabilities, 0}.encode(get, FabricsType::property_get);
    EXPECT_EQ(static_cast<uint32_t>(co_await status_of(*queue, get)), refused_until_proved);
    Submission enable;
    wire::nvme::PropertyAccess{false, Property::configuration, 1}.encode(enable, FabricsType::property_set);
    EXPECT_EQ(static_cast<uint32_t>(co_await status_of(*queue, enable)), refused_until_proved);
    Submission identify;
    identify.set_opcode(0x06);
    identify.set_word(10, 1);
    EXPECT_EQ(static_cast<uint32_t>(co_await status_of(*queue, identify, no_data, 4096)),
              refused_until_proved);
    EXPECT_TRUE(the_array->domains[0]->queues().empty()) << "it is no session yet";
    // Its I/O queues have to wait for it.
    NvmeQueueOptions io = keyed(the_array).proving(1);
    io.queue_id = 1;
    io.controller_id = queue->controller_id();
    EXPECT_TRUE((co_await outcome_of(io)).contains("status 00ch"));
    auto proving = queue->authenticate();
    EXPECT_TRUE(co_await proving);
    EXPECT_EQ(co_await status_of(*queue, get), Status::success);
    EXPECT_EQ(the_array->domains[0]->queues().size(), 1u);
  });
  EXPECT_EQ(array.events_of("session.login", "controller"), 1u);
}

TEST(NvmeProofs, AnIoQueueProvesItselfAnew) {
  Keyed array;
  array.run([](Array* the_array) -> Task<void> {
    auto attaching = attach(keyed(the_array).proving(1), 1);
    const auto controller = co_await attaching;
    NvmeQueueOptions io = keyed(the_array).proving(1);
    io.queue_id = 2;
    io.controller_id = controller->id();
    auto connecting = connected(io);
    const auto queue = co_await connecting;
    EXPECT_EQ(static_cast<uint32_t>(co_await write_blocks(*queue, 0, pattern(512, 1))), refused_until_proved);
    auto proving = queue->authenticate();
    EXPECT_TRUE(co_await proving);
    EXPECT_EQ(co_await write_blocks(*queue, 0, pattern(512, 1)), Status::success);
    io.queue_id = 3;
    io.proof->key = key_of(9);
    EXPECT_TRUE((co_await outcome_of(io)).contains("authentication failed"));
    EXPECT_TRUE(controller->admin().open()) << "the others go on";
  });
  EXPECT_EQ(array.events_of("login.refused", "wrong DH-HMAC-CHAP key"), 1u);
}

TEST(NvmeProofs, WrongOnesEndTheConnection) {
  Keyed array;
  array.run([](Array* the_array) -> Task<void> {
    NvmeQueueOptions options = keyed(the_array).proving(1);
    options.proof->key = key_of(2);  // host 2's
    EXPECT_TRUE((co_await outcome_of(options)).contains("it says: authentication failed"));
    options.proof.reset();
    EXPECT_TRUE((co_await outcome_of(options)).contains("there is no key for it"));
    // Host 2's controller has no key: a host that wants its proof does not stay.
    EXPECT_FALSE((co_await outcome_of(keyed(the_array).proving(2, key_of(12)))).starts_with("mutual"));
    // Nor one that is let in without a proof.
    EXPECT_FALSE((co_await outcome_of(keyed(the_array).proving(3, key_of(13)))).starts_with("mutual"));
    EXPECT_EQ(co_await outcome_of(keyed(the_array).proving(3)), "none");
    // Another's key for the controller: the host leaves.
    EXPECT_TRUE(
        (co_await outcome_of(keyed(the_array).proving(1, key_of(12)))).contains("has not proved itself"));
  });
  EXPECT_TRUE(array.world.run_until([&] { return array.connections() == 0; }, loop::seconds(60)));
  EXPECT_EQ(array.events_of("login.refused", "wrong DH-HMAC-CHAP key"), 1u);
  EXPECT_EQ(array.events_of("login.refused", "no key of the controller"), 1u);
  EXPECT_EQ(array.events_of("login.refused", "no key is set"), 1u);
  EXPECT_EQ(array.events_of("login.refused", "the host ended the authentication"), 1u);
}

TEST(NvmeProofs, TheQueueEndsAfterTheFailureIsTold) {
  Keyed array;
  array.run([](Array* the_array) -> Task<void> {
    auto connecting = connected(keyed(the_array).proving(1));
    const auto queue = co_await connecting;
    auto sending = queue->send_message({0, 0, 0});
    const auto sent = co_await sending;
    EXPECT_TRUE(sent && sent->ok());
    EXPECT_TRUE(queue->open());
    auto hearing = queue->receive_message();
    const auto heard = co_await hearing;
    CHECK(heard.has_value() && heard->ok(), "the failure was not told");
    EXPECT_EQ(heard->data.size(), wire::nvme::most_authentication_bytes);
    EXPECT_EQ(wire::nvme::AuthenticationRefusal::decode(heard->data)->why,
              AuthenticationFailure::incorrect_payload);
    co_await loop::sleep_for(loop::milliseconds(100));
    EXPECT_FALSE(queue->open());
  });
}

TEST(NvmeProofs, CommandsWithWrongFields) {
  Keyed array;
  array.run([](Array* the_array) -> Task<void> {
    auto connecting = connected(keyed(the_array).proving(1));
    const auto queue = co_await connecting;
    for (const uint32_t field : {41u, 42u, 43u}) {
      Submission entry;
      AuthenticationExchange{true, 8}.encode(entry, FabricsType::authentication_send);
      entry.bytes[field] ^= 0x10;
      EXPECT_EQ(co_await status_of(*queue, entry, std::vector<uint8_t>(8)), Status::invalid_field);
      entry.bytes[4] = static_cast<uint8_t>(FabricsType::authentication_receive);
      EXPECT_EQ(co_await status_of(*queue, entry, no_data, 8), Status::invalid_field);
    }
    for (const FabricsType type : {FabricsType::authentication_send, FabricsType::authentication_receive}) {
      Submission entry;
      AuthenticationExchange{true, 0}.encode(entry, type);
      EXPECT_EQ(co_await status_of(*queue, entry), Status::invalid_field);
    }
    Submission send;
    AuthenticationExchange{true, 8}.encode(send, FabricsType::authentication_send);
    EXPECT_EQ(co_await status_of(*queue, send, std::vector<uint8_t>(12)), Status::data_length_invalid);
    AuthenticationExchange{true, 4097}.encode(send, FabricsType::authentication_send);
    EXPECT_EQ(co_await status_of(*queue, send, std::vector<uint8_t>(4097)), Status::invalid_field);
    Submission receive;
    AuthenticationExchange{true, 64}.encode(receive, FabricsType::authentication_receive);
    EXPECT_EQ(co_await status_of(*queue, receive, no_data, 128), Status::data_length_invalid);
    EXPECT_EQ(co_await status_of(*queue, receive, no_data, 64), Status::command_sequence_error);
    auto proving = queue->authenticate();
    EXPECT_TRUE(co_await proving) << "none of that has spoilt anything";
  });
}

TEST(NvmeProofs, OneMessageAtATime) {
  Keyed array;
  array.keys[1].groups = {DhchapGroup::ffdhe2048};
  array.publish_keys();
  array.run([](Array* the_array) -> Task<void> {
    auto connecting = connected(keyed(the_array).proving(1));
    const auto queue = co_await connecting;
    NvmeAuthentication host(*keyed(the_array).proving(1).proof, host_name(1), subsystem, Drawn(4));
    auto first = queue->send_message(host.negotiate());
    auto second = queue->send_message(host.negotiate());
    auto third = queue->receive_message();
    const auto of_second = co_await second;
    const auto of_third = co_await third;
    const auto of_first = co_await first;
    EXPECT_TRUE(of_first && of_first->ok());
    EXPECT_EQ(of_second->completion.outcome.status, Status::command_sequence_error);
    EXPECT_EQ(of_third->completion.outcome.status, Status::command_sequence_error);
    auto proving = queue->authenticate();
    EXPECT_TRUE(co_await proving);
  });
}

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

TEST(NvmeProofs, OnceMoreOnALiveQueue) {
  Keyed array;
  array.settings.authentication_timeout_seconds = 5;
  array.publish_keys();
  array.run([](Array* the_array) -> Task<void> {
    auto attaching = attach(keyed(the_array).proving(1, key_of(11)), 1);
    const auto controller = co_await attaching;
    NvmeQueue& io = controller->io(0);
    for (NvmeQueue* queue : {&controller->admin(), &io}) {
      auto proving = queue->authenticate();
      auto writing = write_blocks(io, 0, pattern(4096, 5));
      EXPECT_EQ(co_await writing, Status::success);
      EXPECT_TRUE(co_await proving);
    }
    // What was begun must come to its end, and work goes on until then.
    NvmeAuthentication host(*keyed(the_array).proving(1).proof, host_name(1), subsystem, Drawn(4));
    auto sending = io.send_message(host.negotiate());
    EXPECT_TRUE(co_await sending);
    co_await loop::sleep_for(loop::seconds(3));
    EXPECT_EQ(co_await write_blocks(io, 0, pattern(4096, 6)), Status::success);
    co_await loop::sleep_for(loop::seconds(3));
    EXPECT_FALSE(io.open());
    EXPECT_TRUE(controller->admin().open());
    // A wrong proof ends a queue that had a right one.
    controller->admin().bend_message = [](std::vector<uint8_t>& message) {
      if (message[1] == 2) message[16] ^= 1;
    };
    auto proving = controller->admin().authenticate();
    EXPECT_FALSE(co_await proving);
    co_await loop::sleep_for(loop::milliseconds(100));
    EXPECT_FALSE(controller->admin().open());
  });
}

TEST(NvmeProofs, AKeyChangesForItsHostAlone) {
  Keyed array;
  array.run([](Array* the_array) -> Task<void> {
    Keyed& world = keyed(the_array);
    auto attaching = attach(world.proving(1, key_of(11)), 1);
    const auto changed = co_await attaching;
    auto attaching_too = attach(world.proving(2), 1);
    const auto quiet = co_await attaching_too;
    world.keys[1].key = key_of(21);
    world.publish_keys();
    co_await loop::sleep_for(loop::milliseconds(10));
    EXPECT_EQ(co_await write_blocks(quiet->io(), 0, pattern(512, 1)), Status::success);
    EXPECT_EQ(co_await write_blocks(changed->io(), 0, pattern(512, 1)), Status::success);
    EXPECT_TRUE((co_await outcome_of(world.proving(1))).contains("authentication failed"));
    NvmeQueueOptions fresh = world.proving(1);
    fresh.proof->key = key_of(21);
    EXPECT_EQ(co_await outcome_of(fresh), "DH-HMAC-CHAP sha-256 null");
    auto again = quiet->io().authenticate();
    EXPECT_TRUE(co_await again);
    // The old key does no more on the live queue either.
    auto proving = changed->io().authenticate();
    EXPECT_FALSE(co_await proving);
    co_await loop::sleep_for(loop::milliseconds(100));
    EXPECT_FALSE(changed->io().open());
    EXPECT_TRUE(quiet->io().open());
  });
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

TEST(NvmeProofs, WhoMustProveItselfOverIscsiNeedsAKeyHere) {
  Keyed array;
  const auto directory = array.directory();
  auto served = std::make_shared<nvme::Subsystem>(*directory->subsystems.at(subsystem));
  const auto with_chap = array.view(), with_both = array.view();
  with_chap->chap.user = with_both->chap.user = "h";
  with_both->dhchap = credentials(5);
  served->hosts[host_name(4)] = with_chap;
  served->hosts[host_name(5)] = with_both;
  directory->subsystems[subsystem] = served;
  array.publish(directory);
  array.run([](Array* the_array) -> Task<void> {
    EXPECT_TRUE((co_await outcome_of(keyed(the_array).proving(4))).contains("status 184h"));
    EXPECT_EQ(co_await outcome_of(keyed(the_array).proving(5)), "DH-HMAC-CHAP sha-256 null");
    EXPECT_TRUE((co_await outcome_of(the_array->options(5))).contains("no key for it"));
  });
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

TEST(NvmeProofs, DiscoveryIsOpen) {
  Keyed array;
  array.run([](Array* the_array) -> Task<void> {
    NvmeQueueOptions options = keyed(the_array).proving(1);
    options.subsystem = wire::nvme::discovery_name;
    auto attaching = attach(options, 0);
    const auto controller = co_await attaching;
    EXPECT_EQ(controller->admin().authentication(), "none");
    auto reading = controller->log({.page = wire::nvme::LogPage::discovery, .bytes = 4096, .offset = 0});
    const auto page = co_await reading;
    const auto log = wire::nvme::decode_discovery(page->data);
    EXPECT_EQ(std::ranges::count(log.entries, wire::nvme::DiscoveryEntry::Kind::subsystem,
                                 &wire::nvme::DiscoveryEntry::kind),
              2);
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
