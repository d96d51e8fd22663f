// Asynchronous events: what a host is told of changes, and when.
#include <gtest/gtest.h>

#include "nvmetcp/array_test.h"

namespace ashlar::nvmetcp::test {
namespace {

using wire::nvme::LogPage;
using wire::nvme::Property;

TEST(NvmeEvents, ANamespaceThatGoesIsToldOnce) {
  Array array(2);
  array.run_attached(0, [](Array* the_array, NvmeController* controller) -> Task<void> {
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
  array.run_attached(0, [](Array*, NvmeController* controller) -> Task<void> {
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

}  // namespace
}  // namespace ashlar::nvmetcp::test
