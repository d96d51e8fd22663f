// How large controllers are, as the document says.
#include <gtest/gtest.h>

#include "nvmetcp/array_test.h"

namespace ashlar::nvmetcp::test {
namespace {

using wire::nvme::IdentifyKind;
using wire::nvme::Property;

TEST(NvmeBounds, AreToldAndKept) {
  Array array(2);
  array.bounds = {.queue_entries = 16, .io_queues = 2, .in_capsule_bytes = 4096, .most_transfer_shift = 2};
  array.publish(array.directory());
  array.run([](Array* the_array) -> Task<void> {
    NvmeQueueOptions options = the_array->options();
    EXPECT_EQ(co_await refusal_of(options), "status 182h, parameter 2ch");  // 32 entries
    options.entries = 16;
    auto attaching = attach(options, 2);
    const auto controller = co_await attaching;
    auto asking = controller->get_property(Property::capabilities);
    const auto capabilities = co_await asking;
    EXPECT_EQ(capabilities->completion.result & 0xffff, 15u);
    auto identifying = controller->identify(IdentifyKind::controller, 0);
    const auto page = co_await identifying;
    EXPECT_EQ(page->data[77], 2);
    EXPECT_EQ(load_le16(page->data.data() + 514), 16);
    EXPECT_EQ(load_le32(page->data.data() + 1792), (64u + 4096u) / 16);
    auto late = controller->set_feature(7, 9 << 16 | 9);
    const auto too_late = co_await late;
    EXPECT_EQ(too_late->completion.outcome.status, Status::command_sequence_error);
    auto attaching_bare = attach(options, 0);
    const auto bare = co_await attaching_bare;
    auto setting = bare->set_feature(7, 9 << 16 | 9);
    const auto queues = co_await setting;
    EXPECT_EQ(queues->completion.result, 1u << 16 | 1u);
    EXPECT_EQ(co_await write_blocks(controller->io(), 0, pattern(16384, 1)), Status::success);
    EXPECT_EQ(co_await write_blocks(controller->io(), 0, pattern(16384 + 512, 1)), Status::invalid_field);
    options.controller_id = controller->id();
    options.queue_id = 3;
    EXPECT_EQ(co_await refusal_of(options), "status 182h, parameter 2ah");
    options.queue_id = 2;
    options.entries = 17;
    EXPECT_EQ(co_await refusal_of(options), "status 182h, parameter 2ch");
    // Those that are there keep what they began with.
    the_array->bounds = {};
    the_array->publish(the_array->directory());
    co_await loop::sleep_for(loop::seconds(1));
    EXPECT_EQ(co_await write_blocks(controller->io(), 0, pattern(16384 + 512, 1)), Status::invalid_field);
    auto attaching_later = attach(the_array->options(), 1);
    const auto later = co_await attaching_later;
    EXPECT_EQ(co_await write_blocks(later->io(), 0, pattern(16384 + 512, 1)), Status::success);
  });
}

TEST(NvmeBounds, ControllersGetIdsOfTheirRange) {
  Array array;
  array.bounds.first_controller = 700;
  array.bounds.last_controller = 702;
  array.publish(array.directory());
  array.run([](Array* the_array) -> Task<void> {
    NvmeQueueOptions options = the_array->options();
    options.controller_id = 699;
    EXPECT_EQ(co_await refusal_of(options), "status 182h, parameter 10010h");
    options.controller_id = 703;
    EXPECT_EQ(co_await refusal_of(options), "status 182h, parameter 10010h");
    options.controller_id = 701;
    auto attaching = attach(options, 0);
    const auto chosen = co_await attaching;
    EXPECT_EQ(chosen->id(), 701);
    options.controller_id = wire::nvme::dynamic_controller;
    auto attaching_second = attach(options, 0);
    const auto second = co_await attaching_second;
    EXPECT_EQ(second->id(), 700);
    options.controller_id = wire::nvme::static_controller;
    auto attaching_third = attach(options, 0);
    const auto third = co_await attaching_third;
    EXPECT_EQ(third->id(), 702);
    EXPECT_EQ(co_await refusal_of(options), "status 181h, parameter 0h");
    // Discovery controllers are not of the subsystem.
    options.subsystem = wire::nvme::discovery_name;
    auto attaching_discovery = attach(options, 0);
    const auto discovery = co_await attaching_discovery;
    EXPECT_EQ(discovery->id(), 703);
  });
}

}  // namespace
}  // namespace ashlar::nvmetcp::test
