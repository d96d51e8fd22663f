// The Persistent Event log page: contexts, what is told to whom.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "nvmetcp/array_test.h"
#include "unit/rewrite_history.h"
#include "wire/nvme_persistent_events.h"

namespace ashlar::nvmetcp::test {
namespace {

using testing::ElementsAre;
using wire::nvme::AdminOpcode;
using wire::nvme::LogPage;
using wire::nvme::LogRequest;
using wire::nvme::PersistentEvent;
using wire::nvme::PersistentLog;

constexpr uint8_t read_it = 0, establish = 1, release = 2, establish_header = 3;  // actions
constexpr uint32_t enabled = 0x460001;

LogRequest events_request(uint8_t action, uint64_t bytes, uint64_t offset = 0) {
  return {.page = LogPage::persistent_events, .bytes = bytes, .offset = offset, .specific = action};
}

Task<NvmeAnswer> events_page(NvmeController& controller, LogRequest request) {
  auto reading = controller.log(request);
  auto answer = co_await reading;
  co_return std::move(*answer);
}

Task<Status> events_status(NvmeController& controller, LogRequest request) {
  auto reading = events_page(controller, request);
  const NvmeAnswer answer = co_await reading;
  co_return answer.completion.outcome.status;
}

Task<PersistentLog> events_of(NvmeController& controller) {
  const NvmeAnswer page = co_await events_page(controller, events_request(establish, 65536));
  EXPECT_TRUE(page.ok());
  EXPECT_EQ(co_await events_status(controller, events_request(release, 512)), Status::success);
  co_return wire::nvme::decode_persistent_log(page.data);
}

Submission erase(AdminOpcode opcode, uint32_t word10, uint32_t space = 0) {
  Submission entry;
  entry.set_opcode(static_cast<uint8_t>(opcode));
  entry.set_namespace_id(space);
  entry.set_word(10, word10);
  return entry;
}

Task<Status> set_timestamp(NvmeController& controller, uint64_t milliseconds) {
  Submission entry;
  entry.set_opcode(static_cast<uint8_t>(AdminOpcode::set_features));
  entry.set_word(10, 0x0e);
  std::vector<uint8_t> data(8);
  store_le64(data.data(), milliseconds);
  return status_of(controller.admin(), entry, data);
}

// "7 of 1": kind and the first word of its data, for what tells of a namespace.
std::vector<std::string> told(const PersistentLog& log) {
  std::vector<std::string> words;
  for (const PersistentEvent& each : log.events)
    words.push_back(fmt::format("{} of {}", static_cast<int>(each.kind), load_le32(each.data.data())));
  return words;
}
std::vector<int> kinds_of(const PersistentLog& log) {
  std::vector<int> kinds;
  for (const PersistentEvent& each : log.events) kinds.push_back(static_cast<int>(each.kind));
  return kinds;
}

bool are(const PersistentLog& log, const std::vector<int>& kinds) {
  EXPECT_EQ(kinds_of(log), kinds);
  return kinds_of(log) == kinds;
}

Task<void> settle() { co_await loop::sleep_for(loop::seconds(1)); }

TEST(NvmePersistentEvents, AContextIsEstablishedReadAndReleased) {
  Array array;
  array.run([](Array* the_array) -> Task<void> {
    auto attaching = attach(the_array->options(), 0);
    const auto controller = co_await attaching;
    const auto rci = [](const NvmeAnswer& page) { return load_le32(page.data.data() + 374); };
    EXPECT_EQ(co_await events_status(*controller, events_request(read_it, 512)),
              Status::command_sequence_error);
    EXPECT_EQ(co_await events_status(*controller, events_request(release, 512)), Status::success);
    const NvmeAnswer header = co_await events_page(*controller, events_request(establish, 512));
    EXPECT_EQ(rci(header), 0u) << "there was none before";
    EXPECT_EQ(co_await events_status(*controller, events_request(establish, 512)),
              Status::command_sequence_error);
    const NvmeAnswer again = co_await events_page(*controller, events_request(read_it, 512));
    EXPECT_EQ(rci(again), 0x50001u) << "by the port of group tag 1";
    const PersistentLog log = wire::nvme::decode_persistent_log(again.data);
    EXPECT_EQ(log.serial, nvme::serial_of(subsystem));
    EXPECT_EQ(log.subsystem, subsystem);
    EXPECT_EQ(log.model, "Ashlar");
    // In pieces, and past its end.
    const NvmeAnswer piece = co_await events_page(*controller, events_request(read_it, 8, 372));
    EXPECT_TRUE(std::ranges::equal(piece.data, ConstBytes(again.data).subspan(372, 8)));
    const NvmeAnswer past = co_await events_page(*controller, events_request(read_it, 64, 1 << 20));
    EXPECT_EQ(past.data, std::vector<uint8_t>(64));
    const NvmeAnswer kept = co_await events_page(*controller, events_request(establish_header, 512));
    EXPECT_EQ(rci(kept), 0x50001u) << "one that is there stays";
    EXPECT_EQ(load_le16(kept.data.data() + 372), log.generation);
    EXPECT_EQ(co_await events_status(*controller, events_request(release, 512)), Status::success);
    EXPECT_EQ(co_await events_status(*controller, events_request(read_it, 512)),
              Status::command_sequence_error);
    const NvmeAnswer other = co_await events_page(*controller, events_request(establish_header, 512));
    EXPECT_EQ(rci(other), 0u);
    EXPECT_NE(load_le16(other.data.data() + 372), log.generation);
  });
}

TEST(NvmePersistentEvents, TheHeaderAloneIgnoresLengthAndOffset) {
  Array array;
  array.run([](Array* the_array) -> Task<void> {
    auto attaching = attach(the_array->options(), 0);
    const auto controller = co_await attaching;
    Submission entry;
    events_request(establish_header, 4, 4096).encode(entry);
    EXPECT_EQ(co_await status_of(controller->admin(), entry, no_data, 256), Status::data_length_invalid);
    auto running = controller->admin().run(entry, no_data, 1024);
    const auto header = co_await running;
    EXPECT_TRUE(header->ok());
    if (!header->ok()) co_return;
    EXPECT_EQ(header->data.size(), 512u);
    EXPECT_EQ(header->data[0], 0x0d);
    // What fails leaves no context behind: this one is of the command that did not.
    EXPECT_EQ(load_le32(header->data.data() + 374), 0u);
    events_request(release, 64u << 20).encode(entry);
    EXPECT_EQ(co_await status_of(controller->admin(), entry), Status::success);
  });
}

TEST(NvmePersistentEvents, AContextIsOfOneControllerAndEndsWithItsReset) {
  Array array;
  array.run([](Array* the_array) -> Task<void> {
    auto attaching = attach(the_array->options(), 0);
    const auto controller = co_await attaching;
    auto attaching_second = attach(the_array->options(), 0);
    const auto other = co_await attaching_second;
    EXPECT_EQ(co_await events_status(*controller, events_request(establish, 512)), Status::success);
    EXPECT_EQ(co_await events_status(*other, events_request(read_it, 512)), Status::command_sequence_error);
    EXPECT_EQ(co_await events_status(*other, events_request(establish, 512)), Status::success);
    for (const uint32_t configuration : {0u, enabled}) {
      auto setting = controller->set_property(wire::nvme::Property::configuration, configuration);
      co_await setting;
    }
    EXPECT_EQ(co_await events_status(*controller, events_request(read_it, 512)),
              Status::command_sequence_error);
    EXPECT_EQ(co_await events_status(*other, events_request(read_it, 512)), Status::success);
    const PersistentLog log = co_await events_of(*controller);
    if (!are(log, {4})) co_return;
    EXPECT_EQ(log.events[0].controller_id, controller->id());
    EXPECT_EQ(log.events[0].port_id, 1);
    EXPECT_EQ(load_le16(log.events[0].data.data() + 8), controller->id());
  });
}

TEST(NvmePersistentEvents, FormatsAreToldToHostsOfTheNamespaceAlone) {
  Array array;
  array.publish(array.tenants());
  array.run([](Array* the_array) -> Task<void> {
    auto attaching = attach(the_array->options(1), 0);
    const auto first = co_await attaching;
    auto attaching_second = attach(the_array->options(2), 0);
    const auto second = co_await attaching_second;
    EXPECT_EQ(co_await status_of(first->admin(), erase(AdminOpcode::format_nvm, 1u << 9, 1)),
              Status::success);
    EXPECT_THAT(told(co_await events_of(*second)), ElementsAre());
    const PersistentLog log = co_await events_of(*first);
    EXPECT_THAT(told(log), ElementsAre("8 of 1", "7 of 1")) << "namespace 2 is the same volume";
    EXPECT_EQ(load_le32(log.events[1].data.data() + 8), 1u << 9);
    EXPECT_EQ(log.events[1].data[4], 8);  // FNA
    EXPECT_EQ(load_le32(log.events[0].data.data() + 4), 0u);
    EXPECT_EQ(log.events[0].controller_id, wire::nvme::no_controller);
    EXPECT_GT(log.events[0].milliseconds, 0u);
    EXPECT_EQ(co_await status_of(second->admin(), erase(AdminOpcode::format_nvm, 0, 3)), Status::success);
    EXPECT_THAT(told(co_await events_of(*second)), ElementsAre("8 of 3", "7 of 3"));
    EXPECT_THAT(told(co_await events_of(*first)), ElementsAre("8 of 3", "7 of 3", "8 of 1", "7 of 1"));
  });
}

TEST(NvmePersistentEvents, ControllersAreTheirHostsAffair) {
  Array array;
  array.run([](Array* the_array) -> Task<void> {
    auto attaching = attach(the_array->options(1), 0);
    const auto first = co_await attaching;
    auto attaching_second = attach(the_array->options(2), 0);
    const auto second = co_await attaching_second;
    EXPECT_EQ(co_await set_timestamp(*first, 1'000'000), Status::success);
    co_await settle();
    EXPECT_EQ(co_await set_timestamp(*first, 5), Status::success);
    EXPECT_THAT(kinds_of(co_await events_of(*second)), ElementsAre());
    const PersistentLog log = co_await events_of(*first);
    if (!are(log, {3, 3})) co_return;
    EXPECT_EQ(load_le64(log.events[0].data.data()) >> 48, 2u) << "set by a host";
    EXPECT_EQ((load_le64(log.events[0].data.data()) & 0xffffffffffff) / 100, 10'010u) << "and it went on";
    EXPECT_EQ(load_le64(log.events[1].data.data()) >> 48, 0u);
    EXPECT_GE(load_le64(log.events[0].data.data() + 8), 1000u);
  });
}

TEST(NvmePersistentEvents, SanitizesAreToldWhereTheSubsystemIsTheVolume) {
  Array array;
  array.run([](Array* the_array) -> Task<void> {
    auto attaching = attach(the_array->options(1), 0);
    const auto controller = co_await attaching;
    Submission entry = erase(AdminOpcode::sanitize, 3u | 2u << 4 | 1u << 3);
    entry.set_word(11, 0x01020304);
    EXPECT_EQ(co_await status_of(controller->admin(), entry), Status::success);
    co_await loop::sleep_for(loop::seconds(30));
    const PersistentLog log = co_await events_of(*controller);
    if (!are(log, {10, 9})) co_return;
    EXPECT_EQ(load_le32(log.events[1].data.data()), 1u << 1 | 1u << 2 | 1u << 30);  // SANICAP
    EXPECT_EQ(load_le32(log.events[1].data.data() + 4), 3u | 2u << 4 | 1u << 3);
    EXPECT_EQ(load_le32(log.events[1].data.data() + 8), 0x01020304u);
    EXPECT_EQ(load_le16(log.events[0].data.data()), 0xffff);
    EXPECT_EQ(load_le16(log.events[0].data.data() + 2), 1 | 2 << 3);
  });
  array.publish(array.tenants());
  array.run([](Array* the_array) -> Task<void> {
    auto attaching = attach(the_array->options(1), 0);
    const auto controller = co_await attaching;
    EXPECT_THAT(kinds_of(co_await events_of(*controller)), ElementsAre());
  });
}

TEST(NvmePersistentEvents, AContextDoesNotChange) {
  Array array;
  array.run([](Array* the_array) -> Task<void> {
    auto attaching = attach(the_array->options(1), 0);
    const auto controller = co_await attaching;
    EXPECT_EQ(co_await events_status(*controller, events_request(establish, 512)), Status::success);
    EXPECT_EQ(co_await status_of(controller->admin(), erase(AdminOpcode::format_nvm, 0, 1)), Status::success);
    const NvmeAnswer page = co_await events_page(*controller, events_request(read_it, 4096));
    EXPECT_TRUE(wire::nvme::decode_persistent_log(page.data).events.empty());
    EXPECT_EQ(co_await events_status(*controller, events_request(release, 512)), Status::success);
    EXPECT_EQ((co_await events_of(*controller)).events.size(), 2u);
  });
}

TEST(NvmePersistentEvents, FailuresAndStartsAreTold) {
  Array array;
  array.settings.power_ons = {.count = 7, .milliseconds = {10, 2000}};
  array.publish(array.directory());
  array.process.loop(0).enter([&] {
    unit::Recalled kept;
    kept.rewrite =
        "format_corrupt\n"
        "format began 100 0 0 0 0 1 0 0 nqn.a:h host \n"
        "format failed 200 0 0 0 0 1 0 32768 nqn.a:h host medium_error\n"
        "format began 300 0 0 0 0 0 0 0 iqn.a:h host \n"
        "format cut_short 3000 0 0 0 0 0 0 0 iqn.a:h host the engine ended before it did";
    array.scsi_domains[0]->recall("volume", *array.unit->on_shard[0], kept);
  });
  array.run([](Array* the_array) -> Task<void> {
    auto attaching = attach(the_array->options(1), 0);
    const auto controller = co_await attaching;
    const PersistentLog log = co_await events_of(*controller);
    EXPECT_EQ(log.power_cycles, 7u);
    if (!are(log, {8, 4, 7, 8, 7, 4})) co_return;
    EXPECT_EQ(log.events[0].data[4], 100);  // all of it was left
    EXPECT_EQ(log.events[0].data[5], 2);    // incomplete, and nobody knows of an error
    EXPECT_EQ(load_le16(log.events[0].data.data() + 8), 0);
    EXPECT_EQ(log.events[3].data[4], 50);
    EXPECT_EQ(log.events[3].data[5], 3);
    EXPECT_EQ(load_le16(log.events[3].data.data() + 8),
              wire::nvme::refusal(Status::namespace_not_ready).field());
    EXPECT_EQ(load_le32(log.events[1].data.data() + 8 + 16), 7u);  // power cycles
    EXPECT_EQ(load_le32(log.events[5].data.data() + 8 + 16), 6u);
  });
}

// However much there is, PELS is the bound of the page, and the newest are in it.
TEST(NvmePersistentEvents, ThePageHasABound) {
  Array array;
  array.settings.power_ons.count = 2000;
  for (uint64_t i = 0; i < 2000; ++i) array.settings.power_ons.milliseconds.push_back(i);
  array.publish(array.directory());
  array.run([](Array* the_array) -> Task<void> {
    auto attaching = attach(the_array->options(1), 0);
    const auto controller = co_await attaching;
    const NvmeAnswer page = co_await events_page(*controller, events_request(establish, 65536));
    EXPECT_LE(load_le64(page.data.data() + 8), 65536u);
    const PersistentLog log = wire::nvme::decode_persistent_log(page.data);
    EXPECT_EQ(log.events.size(), 512u);
    EXPECT_EQ(log.events[0].milliseconds, 1999u);
  });
}

}  // namespace
}  // namespace ashlar::nvmetcp::test
