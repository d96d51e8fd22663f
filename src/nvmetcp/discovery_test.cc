// The discovery controller: what each host is told of, and of its changes.
#include <gtest/gtest.h>

#include "nvmetcp/array_test.h"

namespace ashlar::nvmetcp::test {
namespace {

using wire::nvme::LogPage;

Task<wire::nvme::DiscoveryLog> discovery_log_of(NvmeController* controller) {
  auto reading = controller->log({.page = LogPage::discovery, .bytes = 8192});
  const auto answer = co_await reading;
  co_return wire::nvme::decode_discovery(answer->data);
}

TEST(NvmeDiscovery, TellsWhatTheHostMayUse) {
  Array array;
  array.run([](Array* the_array) -> Task<void> {
    NvmeQueueOptions options = the_array->options();
    options.subsystem = wire::nvme::discovery_name;
    auto attaching = attach(options, 0);
    const auto controller = co_await attaching;
    auto reading = controller->log({.page = LogPage::discovery, .bytes = 8192});
    const auto answer = co_await reading;
    const auto log = wire::nvme::decode_discovery(answer->data);
    EXPECT_EQ(log.entries.size(), 3u);
    for (const auto& entry : log.entries) {
      EXPECT_EQ(entry.address, "10.0.0.1");
      if (entry.kind == wire::nvme::DiscoveryEntry::Kind::subsystem) EXPECT_EQ(entry.subsystem, subsystem);
    }
    auto configuring = controller->set_feature(0x0b, 1u << 31);
    co_await configuring;
    auto event = controller->admin().run(event_request());
    const auto nothing = the_array->directory();
    nothing->subsystems.clear();
    the_array->publish(nothing);
    const auto told = co_await event;
    EXPECT_EQ(told->completion.result, 0x70f002u);
    auto reading_again = controller->log({.page = LogPage::discovery, .bytes = 8192});
    const auto after = co_await reading_again;
    EXPECT_EQ(wire::nvme::decode_discovery(after->data).entries.size(), 1u);
    // It is no controller of I/O.
    auto health = controller->log({.page = LogPage::access_groups, .bytes = 64});
    const auto refused = co_await health;
    EXPECT_EQ(refused->completion.outcome.status, Status::invalid_log_page);
    options.queue_id = 1;
    options.controller_id = controller->id();
    EXPECT_EQ(co_await refusal_of(options), "status 182h, parameter 2ah");
  });
}

TEST(NvmeDiscovery, TellsOfOtherPlacesAndOfTheirChange) {
  Array array;
  array.run([](Array* the_array) -> Task<void> {
    NvmeQueueOptions options = the_array->options();
    options.subsystem = wire::nvme::discovery_name;
    auto attaching = attach(options, 0);
    const auto controller = co_await attaching;
    const auto log = [&] { return discovery_log_of(controller.get()); };
    auto configuring = controller->set_feature(0x0b, 1u << 31);
    co_await configuring;
    const auto before = co_await log();
    auto event = controller->admin().run(event_request());
    const auto directory = the_array->directory();
    directory->referrals["p1"] = {{"10.0.0.9", 8009}, {"2001:db8::9", 8010}};
    directory->referrals["p2"] = {{"10.0.0.7", 8009}};  // who comes by another port hears of others
    the_array->publish(directory);
    const auto told = co_await event;
    EXPECT_EQ(told->completion.result, 0x70f002u);
    const auto after = co_await log();
    EXPECT_NE(before.generation, after.generation);
    EXPECT_EQ(after.entries.size(), before.entries.size() + 2);
    EXPECT_EQ(after.entries[1].kind, wire::nvme::DiscoveryEntry::Kind::referral);
    EXPECT_EQ(after.entries[1].address, "10.0.0.9");
    EXPECT_EQ(after.entries[1].subsystem, wire::nvme::discovery_name);
    EXPECT_EQ(after.entries[2].address, "2001:db8::9");
    EXPECT_EQ(after.entries[2].port, 8010);
  });
}

// Each host is told of its own; the generation is one for all.
TEST(NvmeDiscovery, HostsAreToldOfTheirOwn) {
  Array array;
  const auto directory = array.directory();
  auto closed = std::make_shared<nvme::Subsystem>(*directory->subsystems.at(subsystem));
  closed->any_host = nullptr;
  closed->hosts[host_name(2)] = array.view();
  directory->subsystems[subsystem] = closed;
  array.publish(directory);
  array.run([](Array* the_array) -> Task<void> {
    for (const int host : {1, 2}) {
      NvmeQueueOptions options = the_array->options(host);
      options.subsystem = wire::nvme::discovery_name;
      auto attaching = attach(options, 0);
      const auto controller = co_await attaching;
      auto reading = controller->log({.page = LogPage::discovery, .bytes = 8192});
      const auto answer = co_await reading;
      EXPECT_EQ(wire::nvme::decode_discovery(answer->data).entries.size(), host == 1 ? 1u : 3u);
    }
  });
}

}  // namespace
}  // namespace ashlar::nvmetcp::test
