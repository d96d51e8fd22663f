// What comes while a command runs, on a device that takes its time or fails: namespaces 1 and 2 are the volume, 3 is the device.
#include <gtest/gtest.h>

#include "layers/fault.h"
#include "nvmetcp/array_test.h"

namespace ashlar::nvmetcp::test {
namespace {

using block::Operation;
using initiator::nvme_blocks;
using layers::FaultPlan;
using layers::FaultStore;

Task<std::shared_ptr<FaultStore>> open_device() {
  block::Registry registry;
  stores::add_all(registry);
  block::StoreSpec spec;
  spec.kind = "memory";
  spec.size_bytes = volume_bytes;
  auto opening = registry.open(spec, "other");
  auto store = co_await opening;
  CHECK(store.has_value(), "{}", store.error().text());
  co_return std::make_shared<FaultStore>(*store, FaultPlan{}, 1);
}

Task<unit::OpenUnit> open_unit_of(std::shared_ptr<FaultStore> device) {
  unit::Identity identity;
  identity.name = "other";
  identity.serial = "0123456789abcdee";
  identity.uuid = {1, 2, 3};
  unit::Geometry geometry;
  geometry.size_bytes = volume_bytes;
  auto opened = co_await unit::open_unit(identity, geometry, device);
  CHECK(opened.has_value(), "{}", opened.error().text());
  co_return *opened;
}

FaultPlan every(uint32_t operations) {
  FaultPlan plan;
  plan.operations = operations;
  plan.rate_per_million = 1'000'000;
  return plan;
}
constexpr uint32_t bit_of(Operation operation) { return 1u << static_cast<uint32_t>(operation); }

/// Every device request of the listed operations waits for release(), and then goes on.
FaultPlan held(uint32_t operations) {
  FaultPlan plan = every(operations);
  plan.error = block::Status::ok;
  plan.hang = true;
  return plan;
}

class DeviceArray : public Array {
 public:
  DeviceArray() {
    device = run_story(process.loop(0), open_device);
    other_unit.emplace(run_story(process.loop(0), open_unit_of, device));
    publish(tenants());
  }
  /// From a story of a host, as the next two.
  Task<void> set_plan(FaultPlan plan) {
    each([this, plan](uint32_t i) {
      if (i == 0) device->set_plan(plan);
    });
    co_await loop::sleep_for(loop::seconds(1));
  }
  /// What waits goes on, and nothing more is held.
  Task<void> release() {
    FaultPlan healthy;
    healthy.error = block::Status::ok;
    co_await set_plan(healthy);
    each([this](uint32_t i) {
      if (i == 0) device->release();
    });
    co_await loop::sleep_for(loop::seconds(1));
  }
  /// Another mapping at `lun` for host 1.
  void remap(uint16_t lun, const unit::LunMapping& mapping) {
    const auto made = tenants();
    auto served = std::make_shared<nvme::Subsystem>(*made->subsystems.at(subsystem));
    auto its_view = std::make_shared<unit::HostView>(*served->hosts.at(host_name(1)));
    its_view->luns[lun] = mapping;
    served->hosts[host_name(1)] = its_view;
    made->subsystems[subsystem] = served;
    publish(made);
  }
  uint64_t counted(unit::Count which) const {
    return other_unit->on_shard[0]->tally().sum(unit::TallyReader::errors, which);
  }
  template <typename Story>
  void run(Story story) {
    run_story(host.loop(0), +story, this);
    EXPECT_EQ(buffers_in_use(), 0u);
  }
  std::shared_ptr<FaultStore> device;
};

// Format 2h to namespace 3: a block of namespace 1, and one of namespace 2.
Task<Status> copy_of_two(NvmeQueue& queue) {
  Submission entry;
  entry.set_opcode(static_cast<uint8_t>(IoOpcode::copy));
  entry.set_namespace_id(3);
  entry.set_word(12, 2u << 8 | 1);
  std::vector<uint8_t> sources(64);
  store_le32(&sources[0], 1);
  store_le32(&sources[32], 2);
  return status_of(queue, entry, std::move(sources));
}

Task<void> copy_across(NvmeController& controller) {
  std::vector<uint8_t> behavior(512);
  behavior[4] = 1 << 2;
  Submission set;
  set.set_opcode(static_cast<uint8_t>(wire::nvme::AdminOpcode::set_features));
  set.set_word(10, 0x16);
  EXPECT_EQ(co_await status_of(controller.admin(), set, behavior), Status::success);
}

Task<std::vector<uint8_t>> read_device(NvmeQueue& queue, uint64_t lba) {
  auto running = queue.run(nvme_blocks(IoOpcode::read, 3, lba, 1), {}, 512);
  const auto answer = co_await running;
  co_return answer && answer->ok() ? answer->data : std::vector<uint8_t>{};
}

TEST(NvmeMidway, ACopyEndsWhereItsDestinationBecameReadOnly) {
  DeviceArray array;
  array.run([](DeviceArray* the_array) -> Task<void> {
    auto attaching = attach(the_array->options(1));
    const auto controller = co_await attaching;
    NvmeQueue& queue = controller->io();
    co_await copy_across(*controller);
    EXPECT_EQ(co_await write_blocks(queue, 0, pattern(512, 1)), Status::success);
    co_await the_array->set_plan(held(bit_of(Operation::write)));
    auto copying = copy_of_two(queue);
    co_await loop::sleep_for(loop::seconds(1));
    EXPECT_FALSE(copying.done());
    the_array->remap(2, {2, true, "other", the_array->other_unit->on_shard});
    co_await the_array->release();
    EXPECT_EQ(co_await copying, Status::namespace_not_ready);
    EXPECT_EQ(co_await read_device(queue, 0), pattern(512, 1)) << "that was on its way";
    EXPECT_EQ(co_await read_device(queue, 1), std::vector<uint8_t>(512));
  });
}

TEST(NvmeMidway, ACopyDoesNotReadWhatTookThePlaceOfItsSource) {
  DeviceArray array;
  array.run([](DeviceArray* the_array) -> Task<void> {
    auto attaching = attach(the_array->options(1));
    const auto controller = co_await attaching;
    NvmeQueue& queue = controller->io();
    co_await copy_across(*controller);
    EXPECT_EQ(co_await write_blocks(queue, 0, pattern(512, 1)), Status::success);
    co_await the_array->set_plan(held(bit_of(Operation::write)));
    auto copying = copy_of_two(queue);
    co_await loop::sleep_for(loop::seconds(1));
    EXPECT_FALSE(copying.done());
    the_array->remap(1, {1, false, "other", the_array->other_unit->on_shard});
    co_await the_array->release();
    EXPECT_EQ(co_await copying, Status::invalid_namespace);
    EXPECT_EQ(co_await read_device(queue, 1), std::vector<uint8_t>(512));
  });
}

TEST(NvmeMidway, AVerifyThatIsAbortedHasVerifiedNothing) {
  DeviceArray array;
  array.run([](DeviceArray* the_array) -> Task<void> {
    auto attaching = attach(the_array->options(1));
    const auto controller = co_await attaching;
    NvmeQueue& queue = controller->io();
    co_await the_array->set_plan(held(bit_of(Operation::read)));
    auto verifying = status_of(queue, nvme_blocks(IoOpcode::verify, 3, 0, 16384));
    co_await loop::sleep_for(loop::seconds(1));
    Submission abort;
    abort.set_opcode(static_cast<uint8_t>(wire::nvme::AdminOpcode::abort));
    abort.set_word(10, 2u << 16 | 1);  // the second command of queue 1: Connect was the first
    EXPECT_EQ(co_await status_of(controller->admin(), abort), Status::success);
    co_await the_array->release();
    EXPECT_EQ(co_await verifying, Status::abort_requested);
    EXPECT_EQ(the_array->counted(unit::Count::verified_bytes), 0u);
    EXPECT_EQ(the_array->counted(unit::Count::verify_errors), 0u);
    EXPECT_EQ(co_await status_of(queue, nvme_blocks(IoOpcode::verify, 3, 0, 16384)), Status::success);
    EXPECT_EQ(the_array->counted(unit::Count::verified_bytes), volume_bytes);
  });
}

// One command of each kind that is counted.
Task<void> fail_each(NvmeQueue& queue) {
  EXPECT_TRUE((co_await read_device(queue, 0)).empty());
  EXPECT_NE(co_await write_blocks(queue, 0, pattern(512, 1), 3), Status::success);
  EXPECT_NE(co_await status_of(queue, nvme_blocks(IoOpcode::write_zeroes, 3, 0, 1)), Status::success);
  EXPECT_NE(co_await status_of(queue, nvme_blocks(IoOpcode::verify, 3, 0, 1)), Status::success);
}

TEST(NvmeMidway, ErrorsOfTheDeviceAreCountedAndNoOthers) {
  DeviceArray array;
  array.run([](DeviceArray* the_array) -> Task<void> {
    auto attaching = attach(the_array->options(1));
    const auto controller = co_await attaching;
    co_await the_array->set_plan(every(~0u));
    co_await fail_each(controller->io());
    FaultPlan full = every(~0u);
    full.error = block::Status::no_space;
    co_await the_array->set_plan(full);
    co_await fail_each(controller->io());
    EXPECT_EQ(the_array->counted(unit::Count::read_errors), 1u);
    EXPECT_EQ(the_array->counted(unit::Count::write_errors), 2u);
    EXPECT_EQ(the_array->counted(unit::Count::verify_errors), 1u);
  });
}

}  // namespace
}  // namespace ashlar::nvmetcp::test
