// For tests: a unit that is a simulated SCSI device, and hosts that map it.
#pragma once

#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "block/passthrough.h"
#include "loop/sim_unit.h"
#include "scsi/host_test.h"

namespace ashlar::scsi::test {

/// What all shards share of it.
struct FakeDevice {
  explicit FakeDevice(loop::SimUnit::Settings settings) : unit(std::move(settings)) {
    std::array<uint8_t, 36> data{};
    data[0] = unit.settings().device_type;
    loop::read_inquiry(data, traits);
    traits.path = "/dev/sg0";
    traits.max_transfer_bytes = unit.settings().max_transfer_bytes;
    traits.resets = unit.settings().resets;
  }
  loop::SimUnit unit;
  loop::ScsiDevice::Traits traits;
  block::PassthroughPolicy policy;
  bool hold = false;  ///< commands wait for release()
};

/// One shard's channel: a unit without blocks.
class FakeDeviceUnit final : public unit::LogicalUnit, public block::Passthrough {
 public:
  FakeDeviceUnit(std::shared_ptr<FakeDevice> device, std::shared_ptr<FakeMedium> nothing, loop::Loop& loop)
      : device_(std::move(device)), nothing_(std::move(nothing)), loop_(loop) {}
  const unit::Identity& identity() const override { return nothing_->identity; }
  unit::Geometry geometry() const override { return nothing_->geometry; }
  const block::Limits& limits() const override { return nothing_->limits; }
  void submit(unit::Command& command) override {
    command.request.begin();
    command.request.complete(block::Status::out_of_range);
  }
  void set_write_cache(bool) override {}
  loop::Task<unit::RangeLock> lock_range(uint64_t, uint64_t, bool) override { co_return unit::RangeLock{}; }
  void unlock_range(const unit::RangeLock&) override {}
  unit::UnitTally& tally() override { return nothing_->tally; }
  unit::PoolLevel& pool_level() override { return nothing_->pool_level; }
  loop::Task<unit::WorkTime> work_time() override { co_return unit::WorkTime{}; }

  block::Passthrough* passthrough() override { return closing ? nullptr : this; }
  bool pass(loop::ScsiOperation& operation) override {
    if (closing) return false;
    ++passing;
    submit(operation);
    return true;
  }
  void passed(const loop::ScsiOperation&) override { --passing; }

  const loop::ScsiDevice::Traits& traits() const override { return device_->traits; }
  const block::PassthroughPolicy& policy() const override { return device_->policy; }
  void submit(loop::ScsiOperation& operation) override {
    held_.push_back(&operation);
    if (!device_->hold || operation.reset) release(operation.reset ? held_.size() - 1 : 0);
  }
  void ended(const loop::ScsiOperation&) override {}

  /// Has the device do what waits from `first` on, in a turn of this shard.
  void release(size_t first = 0) {
    while (held_.size() > first) {
      loop::ScsiOperation& operation = *held_[first];
      held_.erase(held_.begin() + static_cast<std::ptrdiff_t>(first));
      device_->unit.execute(operation);
      loop_.post(operation);
    }
  }
  size_t held() const { return held_.size(); }
  bool closing = false;
  int passing = 0;

 private:
  std::shared_ptr<FakeDevice> device_;
  std::shared_ptr<FakeMedium> nothing_;
  loop::Loop& loop_;
  std::deque<loop::ScsiOperation*> held_;
};

/// One device as LUN 0, and hosts that have been told of their power on.
class DeviceTest : public testing::Test {
 protected:
  explicit DeviceTest(loop::SimUnit::Settings settings = {}, uint32_t shard_count = 1)
      : device(std::make_shared<FakeDevice>(std::move(settings))),
        shards(shard_count),
        nothing(FakeMedium::make(0)) {
    nothing->geometry.thin = false;
    nothing->limits.discard_granularity_bytes = 0;
    for (uint32_t i = 0; i < shard_count; ++i) {
      domains.push_back(std::make_unique<Domain>(shards.at(i), domains, nullptr));
      units.push_back(std::make_shared<FakeDeviceUnit>(device, nothing, shards.at(i)));
    }
  }
  ~DeviceTest() override {
    device->hold = false;
    for (auto& nexus : nexuses) close(*nexus);
    nexuses.clear();
    domains.clear();
  }
  std::shared_ptr<const unit::HostView> view(bool read_only) {
    auto out = std::make_shared<unit::HostView>();
    out->target_ports.push_back({1, "iqn.2026-11.io.ashlar:target,t,0x0001"});
    unit::LunMapping& lun = out->luns[0];
    lun.volume = "device";
    lun.read_only = read_only;
    lun.unit_on_shard.assign(units.begin(), units.end());
    return out;
  }
  NexusState& login(uint32_t shard = 0, bool read_only = false) {
    const unit::Nexus nexus{
        .initiator_name = fmt::format("iqn.2026-11.io.ashlar:host{}", nexuses.size()),
        .initiator_port = fmt::format("iqn.2026-11.io.ashlar:host{},i,0x1", nexuses.size()),
        .target_port = "iqn.2026-11.io.ashlar:target,t,0x0001",
        .relative_target_port = 1,
        .protocol = "iscsi"};
    nexuses.push_back(std::make_unique<NexusState>(*domains[shard], nexus, view(read_only)));
    run(*nexuses.back(), cdb6(0x00));
    return *nexuses.back();
  }
  std::unique_ptr<HostTask> task(const Cdb& cdb, std::vector<uint8_t> data_out = {}, uint32_t room = 0) {
    return make_task(next_tag++, cdb, std::move(data_out), room);
  }
  std::unique_ptr<HostTask> start(NexusState& nexus, const Cdb& cdb, std::vector<uint8_t> data_out = {},
                                  uint32_t room = 0) {
    auto out = task(cdb, std::move(data_out), room);
    out->nexus = &nexus;
    in_turn(nexus, [&] { nexus.submit(*out); });
    shards.run();
    return out;
  }
  std::unique_ptr<HostTask> run(NexusState& nexus, const Cdb& cdb, std::vector<uint8_t> data_out = {},
                                uint32_t room = 0) {
    auto out = start(nexus, cdb, std::move(data_out), room);
    EXPECT_TRUE(out->done());
    return out;
  }
  std::string outcome(NexusState& nexus, const Cdb& cdb, std::vector<uint8_t> data_out = {},
                      uint32_t room = 0) {
    return ending(*run(nexus, cdb, std::move(data_out), room));
  }
  std::shared_ptr<std::optional<TaskManagementResponse>> manage(NexusState& nexus, TaskManagement function,
                                                                uint64_t tag = 0) {
    auto answer = std::make_shared<std::optional<TaskManagementResponse>>();
    in_turn(nexus, [&] {
      nexus.manage(function, wire::scsi::encode_lun(0), tag,
                   [answer](TaskManagementResponse response) { *answer = response; });
    });
    shards.run();
    return answer;
  }
  void release() {
    for (uint32_t i = 0; i < shards.count(); ++i) shards.at(i).in_turn([&] { units[i]->release(); });
    shards.run();
  }
  template <typename Work>
  void in_turn(NexusState& nexus, Work work) {
    shards.at(nexus.domain().loop().index()).in_turn(work);
  }
  void close(NexusState& nexus) {
    bool closed = false;
    in_turn(nexus, [&] { nexus.close([&] { closed = true; }); });
    shards.run();
    release();
    CHECK(closed, "a nexus does not close");
  }
  /// How often the device got a command of that operation code.
  size_t got(uint8_t opcode) const {
    return static_cast<size_t>(
        std::ranges::count_if(device->unit.seen, [opcode](const auto& cdb) { return cdb[0] == opcode; }));
  }

  std::shared_ptr<FakeDevice> device;
  TestShards shards;
  std::shared_ptr<FakeMedium> nothing;
  Domain::Group domains;
  std::vector<std::shared_ptr<FakeDeviceUnit>> units;
  std::vector<std::unique_ptr<NexusState>> nexuses;
  uint64_t next_tag = 1;
};

/// A tape drive.
class TapeTest : public DeviceTest {
 protected:
  TapeTest() : DeviceTest({.device_type = 0x01, .removable = true}) {}
};

}  // namespace ashlar::scsi::test
