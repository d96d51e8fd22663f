// Retries, shutdown, loss, aborts and hints: what hosts rely on beside reads and writes.
#include <gtest/gtest.h>

#include <algorithm>

#include "nvmetcp/array_test.h"

namespace ashlar::nvmetcp::test {
namespace {

using initiator::nvme_blocks;
using wire::nvme::AdminOpcode;
using wire::nvme::Property;

Submission admin_entry(AdminOpcode opcode, uint32_t word10 = 0) {
  Submission entry;
  entry.set_opcode(static_cast<uint8_t>(opcode));
  entry.set_word(10, word10);
  return entry;
}

Task<void> wait_a_second() { co_await loop::sleep_for(loop::seconds(1)); }

// A host that looks at CRD is told how long to wait when memory was out; others are told as ever.
TEST(NvmeRetries, AreDelayedForHostsThatAskForIt) {
  Array array;
  std::vector<Buffer> all(1024);
  array.run_two_hosts(1, [](Array* the_array, NvmeController* plain, NvmeController* patient) -> Task<void> {
    std::vector<uint8_t> behavior(512);
    behavior[0] = 1;  // ACRE
    EXPECT_EQ(co_await status_of(patient->admin(), admin_entry(AdminOpcode::set_features, 0x16), behavior),
              Status::success);
    auto held = std::make_shared<std::vector<Buffer>>(1024);
    the_array->each([the_array, held](uint32_t shard) {
      for (Buffer& each : *held) {
        if (!the_array->process.loop(shard).buffers().allocate(each, 4096)) break;
      }
    });
    co_await wait_a_second();
    for (NvmeController* each : {plain, patient}) {
      auto reading = each->io().run(nvme_blocks(IoOpcode::read, 1, 0, 8), {}, 4096);
      const auto answer = co_await reading;
      EXPECT_EQ(answer->completion.outcome.status, Status::command_interrupted);
      EXPECT_FALSE(answer->completion.outcome.do_not_retry);
      EXPECT_EQ(answer->completion.outcome.retry_delay, each == patient ? 1 : 0);
    }
    the_array->each([held](uint32_t /*shard*/) { held->clear(); });
    co_await wait_a_second();
    EXPECT_EQ((co_await read_blocks(patient->io(), 0, 8)).size(), 4096u);
    // A reset takes it back.
    auto resetting = patient->set_property(Property::configuration, 0);
    co_await resetting;
    auto enabling = patient->set_property(Property::configuration, 1 | 6u << 16 | 4u << 20);
    co_await enabling;
    auto getting = patient->get_feature(0x16, 512);
    EXPECT_EQ((co_await getting)->data, std::vector<uint8_t>(512));
  });
  EXPECT_EQ(array.buffers_in_use(), 0u);
}

TEST(NvmeShutdown, IsCompleteWhenTheCacheIsOnStableStorage) {
  Array array;
  array.run_attached(1, [](Array* the_array, NvmeController* controller) -> Task<void> {
    the_array->each([the_array](uint32_t shard) { the_array->unit->on_shard[shard]->set_write_cache(true); });
    co_await wait_a_second();
    EXPECT_EQ(co_await write_blocks(controller->io(), 0, pattern(4096, 1)), Status::success);
    for (const uint32_t kind : {1u, 2u}) {  // normal, abrupt
      auto shutting = controller->set_property(Property::configuration, 1 | 6u << 16 | 4u << 20 | kind << 14);
      EXPECT_TRUE((co_await shutting)->ok());
      co_await wait_a_second();
      auto looking = controller->get_property(Property::status);
      EXPECT_EQ((co_await looking)->completion.result, 1u | 2u << 2);
    }
    // Enabled again it is as new.
    auto disabling = controller->set_property(Property::configuration, 0);
    co_await disabling;
    auto enabling = controller->set_property(Property::configuration, 1 | 6u << 16 | 4u << 20);
    co_await enabling;
    auto looking = controller->get_property(Property::status);
    EXPECT_EQ((co_await looking)->completion.result, 1u);
  });
}

// One host must not reset the controllers of all others.
TEST(NvmeController, HasNoSubsystemReset) {
  Array array;
  array.run_attached(1, [](Array*, NvmeController* controller) -> Task<void> {
    auto asking = controller->get_property(Property::capabilities);
    EXPECT_EQ((co_await asking)->completion.result & 1ull << 36, 0u);
    auto resetting = controller->set_property(Property::subsystem_reset, 0x4e564d65);
    EXPECT_EQ((co_await resetting)->completion.outcome.status, Status::invalid_field);
    EXPECT_EQ((co_await read_blocks(controller->io(), 0, 1)).size(), 512u);
  });
}

TEST(NvmeController, IsGoneWithItsAdminQueue) {
  Array array(2);
  array.run_attached(3, [](Array* the_array, NvmeController* controller) -> Task<void> {
    auto attaching_second = attach(the_array->options(), 1);
    const auto other = co_await attaching_second;
    controller->admin().send_raw(std::vector<uint8_t>(64, 0xee));  // no PDU
    co_await wait_a_second();
    EXPECT_FALSE(controller->admin().open());
    for (size_t i = 0; i < controller->io_queues(); ++i) EXPECT_FALSE(controller->io(i).open()) << i;
    EXPECT_EQ((co_await read_blocks(other->io(), 0, 1)).size(), 512u);
    // An I/O queue that is lost leaves the controller and its others.
    auto attaching_third = attach(the_array->options(), 2);
    const auto third = co_await attaching_third;
    third->io(0).send_raw(std::vector<uint8_t>(64, 0xee));
    co_await wait_a_second();
    EXPECT_FALSE(third->io(0).open());
    EXPECT_EQ((co_await read_blocks(third->io(1), 0, 1)).size(), 512u);
  });
}

/// 0: it was aborted.
Task<uint64_t> abort(NvmeController* controller, uint32_t queue, uint32_t command) {
  auto aborting = controller->admin().run(admin_entry(AdminOpcode::abort, command << 16 | queue));
  co_return (co_await aborting)->completion.result;
}

TEST(NvmeAbort, OfCommandsOfAllQueues) {
  Array array(2);
  array.run_attached(2, [](Array*, NvmeController* controller) -> Task<void> {
    // Of the admin queue: a request that waits for an event. Connect and two properties came before it.
    auto waiting = controller->admin().run(admin_entry(AdminOpcode::asynchronous_event_request));
    co_await wait_a_second();
    uint64_t result = 1;
    for (uint32_t id = 0; id < 8 && result != 0; ++id) result = co_await abort(controller, 0, id);
    EXPECT_EQ(result, 0u);
    EXPECT_EQ((co_await waiting)->completion.outcome.status, Status::abort_requested);
    // Its place is free for another.
    std::vector<Task<Result<NvmeAnswer>>> held;
    held.reserve(4);
    for (int i = 0; i < 4; ++i)
      held.push_back(controller->admin().run(admin_entry(AdminOpcode::asynchronous_event_request)));
    co_await wait_a_second();
    for (const auto& each : held) EXPECT_FALSE(each.done());
    // Of I/O queues on either shard.
    for (const size_t number : {0u, 1u}) {
      NvmeQueue& queue = controller->io(number);
      queue.hold_data = true;
      auto writing = write_blocks(queue, 0, pattern(16384, 1));
      co_await wait_a_second();
      result = 1;
      for (uint32_t id = 0; id < 8 && result != 0; ++id)
        result = co_await abort(controller, static_cast<uint32_t>(number + 1), id);
      EXPECT_EQ(result, 0u) << number;
      EXPECT_EQ(co_await writing, Status::abort_requested);
    }
    // What is not there is not aborted: no such queue, no such command.
    EXPECT_EQ(co_await abort(controller, 7, 1), 1u);
    EXPECT_EQ(co_await abort(controller, 1, 999), 1u);
    auto resetting = controller->set_property(Property::configuration, 0);
    co_await resetting;
    for (auto& each : held) co_await each;
  });
}

// Attributes but Deallocate are hints, and change nothing (NVM command set 1.0 3.2.3).
TEST(NvmeCommands, DatasetHintsChangeNothing) {
  Array array;
  array.run_attached(1, [](Array*, NvmeController* controller) -> Task<void> {
    NvmeQueue& queue = controller->io();
    const auto data = pattern(4096, 7);
    EXPECT_EQ(co_await write_blocks(queue, 0, data), Status::success);
    std::vector<uint8_t> ranges(32);
    for (size_t i = 0; i < 2; ++i) {
      store_le32(ranges.data() + 16 * i, 0x00000553);  // context attributes
      store_le32(ranges.data() + 16 * i + 4, 4);
      store_le64(ranges.data() + 16 * i + 8, 4 * i);
    }
    Submission hint;
    hint.set_opcode(static_cast<uint8_t>(IoOpcode::dataset_management));
    hint.set_namespace_id(1);
    hint.set_word(10, 1);
    for (const uint32_t attributes : {0u, 1u, 2u, 3u}) {  // IDR, IDW
      hint.set_word(11, attributes);
      EXPECT_EQ(co_await status_of(queue, hint, ranges), Status::success);
      EXPECT_EQ(co_await read_blocks(queue, 0, 8), data);
    }
    hint.set_word(11, 4);
    EXPECT_EQ(co_await status_of(queue, hint, ranges), Status::success);
    EXPECT_EQ(co_await read_blocks(queue, 0, 8), std::vector<uint8_t>(4096));
    hint.set_namespace_id(2);
    EXPECT_EQ(co_await status_of(queue, hint, ranges), Status::namespace_write_protected);
  });
}

}  // namespace
}  // namespace ashlar::nvmetcp::test
