// Hosts that have to prove themselves, against a whole target: what is refused before, what happens on failures, live changes.
#include <gtest/gtest.h>

#include <algorithm>

#include "nvmetcp/keyed_array_test.h"

namespace ashlar::nvmetcp::test {
namespace {

using wire::nvme::AuthenticationExchange;
using wire::nvme::FabricsType;
using wire::nvme::Property;

constexpr uint32_t refused_until_proved = static_cast<uint32_t>(Status::authentication_required);

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

}  // namespace
}  // namespace ashlar::nvmetcp::test
