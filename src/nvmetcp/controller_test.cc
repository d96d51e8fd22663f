// Controllers as hosts meet them: Connect, properties, features, events, keep-alive, discovery, changes of what is served.
#include <gtest/gtest.h>

#include <algorithm>

#include "nvmetcp/array_test.h"

namespace ashlar::nvmetcp::test {
namespace {

using wire::nvme::IdentifyKind;
using wire::nvme::LogPage;
using wire::nvme::Property;

// The refusal's text names status and parameter.
Task<std::string> refusal_of(NvmeQueueOptions options) {
  auto connecting = NvmeQueue::connect(loop::Loop::current(), std::move(options));
  auto queue = co_await connecting;
  co_return queue ? "connected" : queue.error().message.substr(queue.error().message.find("status"));
}

TEST(NvmeConnect, RefusalsNameTheParameter) {
  Array array;
  array.run([](Array* the_array) -> Task<void> {
    NvmeQueueOptions options = the_array->options();
    options.subsystem = "nqn.2026-11.io.ashlar:other";
    EXPECT_EQ(co_await refusal_of(options), "status 182h, parameter 10100h");
    options = the_array->options();
    options.host_id = {};
    EXPECT_EQ(co_await refusal_of(options), "status 182h, parameter 10000h");
    options = the_array->options();
    options.entries = 1;
    EXPECT_EQ(co_await refusal_of(options), "status 182h, parameter 2ch");
    options.entries = 129;
    EXPECT_EQ(co_await refusal_of(options), "status 182h, parameter 2ch");
    options = the_array->options();
    options.controller_id = 0xfff0;
    EXPECT_EQ(co_await refusal_of(options), "status 182h, parameter 10010h");
    options.controller_id = 77;  // an I/O queue of a controller that is not there
    options.queue_id = 1;
    EXPECT_EQ(co_await refusal_of(options), "status 182h, parameter 10010h");
    options = the_array->options();
    options.host_name.clear();
    EXPECT_EQ(co_await refusal_of(options), "status 182h, parameter 10200h");
  });
  EXPECT_EQ(array.connections(), 0u);
}

TEST(NvmeConnect, AHostThatIsNotAllowed) {
  Array array;
  const auto directory = array.directory();
  auto closed = std::make_shared<nvme::Subsystem>(*directory->subsystems.at(subsystem));
  closed->any_host = nullptr;
  closed->hosts[host_name(2)] = array.view();
  const auto with_secret = array.view();
  with_secret->chap.user = "h3";
  closed->hosts[host_name(3)] = with_secret;
  directory->subsystems[subsystem] = closed;
  array.publish(directory);
  array.run([](Array* the_array) -> Task<void> {
    EXPECT_EQ(co_await refusal_of(the_array->options(1)), "status 184h, parameter 0h");
    EXPECT_EQ(co_await refusal_of(the_array->options(2)), "connected");
    EXPECT_EQ(co_await refusal_of(the_array->options(3)), "status 184h, parameter 0h");
  });
}

TEST(NvmeConnect, StaticIdsAndSecondQueuesOfOneId) {
  Array array;
  array.run([](Array* the_array) -> Task<void> {
    NvmeQueueOptions options = the_array->options();
    options.controller_id = 500;
    auto attaching = attach(options);
    const auto controller = co_await attaching;
    EXPECT_EQ(controller->id(), 500);
    EXPECT_EQ(co_await refusal_of(options), "status 181h, parameter 0h");
    options.queue_id = 1;
    EXPECT_EQ(co_await refusal_of(options), "status 181h, parameter 0h");
    options.queue_id = 65;
    EXPECT_EQ(co_await refusal_of(options), "status 182h, parameter 2ah");
    options.queue_id = 2;
    options.host_id[5] = 9;  // another host's controller
    EXPECT_EQ(co_await refusal_of(options), "status 182h, parameter 10000h");
  });
}

TEST(NvmeController, IsEnabledResetAndShutDown) {
  Array array(2);
  array.run([](Array* the_array) -> Task<void> {
    auto attaching = attach(the_array->options(), 2);
    const auto controller = co_await attaching;
    auto asking = controller->get_property(Property::capabilities);
    const auto capabilities = co_await asking;
    EXPECT_EQ(capabilities->completion.result & 0xffff, 127u);
    auto setting = controller->set_property(Property::configuration, 0);
    const auto reset = co_await setting;
    EXPECT_TRUE(reset->ok());
    co_await loop::sleep_for(loop::seconds(1));
    EXPECT_FALSE(controller->io(0).open());
    EXPECT_FALSE(controller->io(1).open());
    auto enabling = controller->set_property(Property::configuration, 1 | 6u << 16 | 4u << 20);
    co_await enabling;
    auto asking_for_queues = controller->set_feature(7, 3 << 16 | 3);  // as after a Connect
    EXPECT_TRUE((co_await asking_for_queues)->ok());
    auto disabling = controller->set_property(Property::configuration, 0);
    co_await disabling;
    auto identifying = controller->identify(IdentifyKind::controller, 0);
    const auto refused = co_await identifying;
    EXPECT_EQ(refused->completion.outcome.status, Status::command_sequence_error);
    auto configuring = controller->set_property(Property::configuration, 1 | 5u << 16);  // IOSQES 32 bytes
    co_await configuring;
    auto looking = controller->get_property(Property::status);
    const auto fatal = co_await looking;
    EXPECT_EQ(fatal->completion.result, 2u);
    auto shutting = controller->set_property(Property::configuration, 1u << 14);
    co_await shutting;
    auto looking_again = controller->get_property(Property::status);
    const auto down = co_await looking_again;
    EXPECT_EQ(down->completion.result, 8u);
  });
}

TEST(NvmeController, PropertiesHaveFourBytesOrEight) {
  Array array;
  array.run([](Array* the_array) -> Task<void> {
    auto attaching = attach(the_array->options(), 0);
    const auto controller = co_await attaching;
    for (uint32_t size = 1; size < 8; ++size) {
      for (const auto type : {wire::nvme::FabricsType::property_get, wire::nvme::FabricsType::property_set}) {
        Submission entry;
        wire::nvme::PropertyAccess{false, Property::configuration, 0}.encode(entry, type);
        entry.bytes[40] = static_cast<uint8_t>(size);
        EXPECT_EQ(co_await status_of(controller->admin(), entry), Status::invalid_field) << size;
      }
    }
    auto looking = controller->get_property(Property::status);
    const auto ready = co_await looking;
    EXPECT_EQ(ready->completion.result, 1u);
  });
}

Task<wire::nvme::DiscoveryLog> discovery_log_of(NvmeController* controller) {
  auto reading = controller->log({.page = LogPage::discovery, .bytes = 8192});
  const auto answer = co_await reading;
  co_return wire::nvme::decode_discovery(answer->data);
}

Task<NvmeAnswer> page_of(NvmeController* controller, IdentifyKind kind, uint32_t space) {
  auto identifying = controller->identify(kind, space);
  auto answer = co_await identifying;
  co_return std::move(*answer);
}

TEST(NvmeController, IdentifiesItselfAndItsNamespaces) {
  Array array;
  array.run([](Array* the_array) -> Task<void> {
    auto attaching = attach(the_array->options(), 0);
    const auto controller = co_await attaching;
    const auto page = [&](IdentifyKind kind, uint32_t space) {
      return page_of(controller.get(), kind, space);
    };
    const NvmeAnswer first = co_await page(IdentifyKind::nvm_namespace, 1);
    EXPECT_EQ(load_le64(first.data.data()), volume_bytes / 512);
    EXPECT_EQ(first.data[99], 0);
    const NvmeAnswer second = co_await page(IdentifyKind::nvm_namespace, 2);
    EXPECT_EQ(second.data[99], 1);  // read only
    const NvmeAnswer none = co_await page(IdentifyKind::nvm_namespace, 3);
    EXPECT_TRUE(none.ok());
    EXPECT_EQ(load_le64(none.data.data()), 0u);
    const NvmeAnswer invalid = co_await page(IdentifyKind::nvm_namespace, 0);
    EXPECT_EQ(invalid.completion.outcome.status, Status::invalid_namespace);
    const NvmeAnswer list = co_await page(IdentifyKind::active_namespaces, 0);
    EXPECT_EQ(load_le32(list.data.data()), 1u);
    EXPECT_EQ(load_le32(list.data.data() + 4), 2u);
    EXPECT_EQ(load_le32(list.data.data() + 8), 0u);
    const NvmeAnswer controllers = co_await page(IdentifyKind::controllers, 0);
    EXPECT_EQ(load_le16(controllers.data.data()), 1);
    const NvmeAnswer unknown = co_await page(static_cast<IdentifyKind>(0x04), 0);
    EXPECT_EQ(unknown.completion.outcome.status, Status::invalid_field);
  });
}

TEST(NvmeController, KeepAliveEndsWhoIsSilent) {
  Array array(2);
  array.run([](Array* the_array) -> Task<void> {
    NvmeQueueOptions options = the_array->options();
    options.keep_alive_milliseconds = 2000;
    auto attaching = attach(options, 2);
    const auto controller = co_await attaching;
    // Commands of any queue keep it alive.
    for (int i = 0; i < 6; ++i) {
      co_await loop::sleep_for(loop::seconds(1));
      EXPECT_EQ(co_await status_of(controller->io(1), initiator::nvme_blocks(IoOpcode::flush, 1, 0, 1)),
                Status::success);
    }
    co_await loop::sleep_for(loop::seconds(5));
    EXPECT_FALSE(controller->admin().open());
    EXPECT_FALSE(controller->io(0).open());
    EXPECT_FALSE(controller->io(1).open());
  });
}

TEST(NvmeController, FeaturesAreKeptAndRefused) {
  Array array;
  array.run([](Array* the_array) -> Task<void> {
    auto attaching = attach(the_array->options(), 0);
    const auto controller = co_await attaching;
    auto asking = controller->set_feature(7, 9 << 16 | 99);
    const auto queues = co_await asking;
    EXPECT_EQ(queues->completion.result, 9u << 16 | 9);
    auto setting = controller->set_feature(4, 350);
    co_await setting;
    auto getting = controller->get_feature(4);
    const auto threshold = co_await getting;
    EXPECT_EQ(threshold->completion.result, 350u);
    auto identifier = controller->get_feature(0x81, 16);
    const auto host_id = co_await identifier;
    EXPECT_EQ(host_id->data[1], 0xaa);
    auto caching = controller->set_feature(6, 1);
    const auto cache = co_await caching;
    EXPECT_EQ(cache->completion.outcome.status, Status::feature_not_changeable);
    auto saving = controller->set_feature(0x7f, 1);
    const auto unknown = co_await saving;
    EXPECT_EQ(unknown->completion.outcome.status, Status::invalid_field);
  });
}

Submission event_request() {
  Submission entry;
  entry.set_opcode(static_cast<uint8_t>(wire::nvme::AdminOpcode::asynchronous_event_request));
  return entry;
}

TEST(NvmeEvents, ANamespaceThatGoesIsToldOnce) {
  Array array(2);
  array.run([](Array* the_array) -> Task<void> {
    auto attaching = attach(the_array->options(), 0);
    const auto controller = co_await attaching;
    auto configuring = controller->set_feature(0x0b, 1u << 8 | 1u << 11);
    co_await configuring;
    auto first = controller->admin().run(event_request());
    const auto directory = the_array->directory();
    auto fewer = std::make_shared<nvme::Subsystem>(*directory->subsystems.at(subsystem));
    auto view = the_array->view();
    view->luns.erase(1);
    fewer->any_host = view;
    directory->subsystems[subsystem] = fewer;
    the_array->publish(directory);
    const auto event = co_await first;
    EXPECT_EQ(event->completion.result, 0x040002u);
    auto second = controller->admin().run(event_request());
    the_array->publish(the_array->directory());  // it comes back: not told before the log was read
    co_await loop::sleep_for(loop::seconds(1));
    EXPECT_FALSE(second.done());
    auto reading = controller->log({.page = LogPage::changed_namespaces, .bytes = 4096});
    const auto changed = co_await reading;
    EXPECT_EQ(load_le32(changed->data.data()), 2u);
    the_array->publish(directory);
    const auto again = co_await second;
    EXPECT_EQ(again->completion.result, 0x040002u);
  });
}

TEST(NvmeEvents, ResizeAndAccessStates) {
  Array array(2);
  array.run([](Array* the_array) -> Task<void> {
    NvmeQueueOptions options = the_array->options();
    auto attaching = attach(options, 1);
    const auto controller = co_await attaching;
    auto configuring = controller->set_feature(0x0b, 1u << 8 | 1u << 11);
    co_await configuring;
    auto first = controller->admin().run(event_request());
    the_array->each([&](uint32_t i) {
      if (i == 0)
        the_array->scsi_domains[0]->raise_everywhere("volume", unit::Attention::capacity_changed, nullptr);
    });
    const auto resized = co_await first;
    EXPECT_EQ(resized->completion.result, 0x040002u);
    auto second = controller->admin().run(event_request());
    the_array->each([&](uint32_t i) {
      if (i != 0) return;
      scsi::Domain::AccessGroup group;
      group.states.group = "g";
      group.states.port_groups = {{1, unit::AccessState::standby}};
      group.units["volume"] = the_array->unit->on_shard[0];
      the_array->scsi_domains[0]->set_access(group).detach();
    });
    const auto moved = co_await second;
    EXPECT_EQ(moved->completion.result, 0x0c0302u);
    auto reading = controller->log({.page = LogPage::access_groups, .bytes = 4096});
    const auto log = co_await reading;
    const auto groups = wire::nvme::decode_access_groups(log->data);
    EXPECT_EQ(groups.size(), 2u);
    if (!groups.empty()) EXPECT_EQ(groups[0].state, wire::nvme::AccessGroupState::inaccessible);
    EXPECT_EQ(co_await write_blocks(controller->io(), 0, pattern(512, 1)), Status::access_inaccessible);
    options.endpoint = second_endpoint;  // group tag 2 is not listed: optimized
    auto attaching_second = attach(options, 1);
    const auto other_way = co_await attaching_second;
    EXPECT_EQ(co_await write_blocks(other_way->io(), 0, pattern(512, 1)), Status::success);
  });
}

TEST(NvmeEvents, RequestsHaveABound) {
  Array array;
  array.run([](Array* the_array) -> Task<void> {
    auto attaching = attach(the_array->options(), 0);
    const auto controller = co_await attaching;
    std::vector<Task<Result<NvmeAnswer>>> held;
    held.reserve(4);
    for (int i = 0; i < 4; ++i) held.push_back(controller->admin().run(event_request()));
    auto fifth = controller->admin().run(event_request());
    const auto refused = co_await fifth;
    EXPECT_EQ(refused->completion.outcome.status, Status::event_limit_exceeded);
    // A reset ends those that are held.
    auto resetting = controller->set_property(Property::configuration, 0);
    co_await resetting;
    for (auto& each : held) {
      const auto ended = co_await each;
      EXPECT_EQ(ended->completion.outcome.status, Status::abort_requested);
    }
  });
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

TEST(NvmeController, WhoMayNoLongerUseItIsDropped) {
  Array array(2);
  array.run([](Array* the_array) -> Task<void> {
    auto attaching = attach(the_array->options(), 2);
    const auto controller = co_await attaching;
    const auto nothing = the_array->directory();
    nothing->subsystems.clear();
    the_array->publish(nothing);
    co_await loop::sleep_for(loop::seconds(1));
    EXPECT_FALSE(controller->admin().open());
    EXPECT_FALSE(controller->io(1).open());
  });
  EXPECT_EQ(array.connections(), 0u);
}

}  // namespace
}  // namespace ashlar::nvmetcp::test
