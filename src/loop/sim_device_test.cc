// The simulated SCSI devices: in which order commands are done, and what a death of the process leaves of them.
#include <gtest/gtest.h>

#include <cerrno>

#include "loop/sim_test.h"

namespace ashlar::loop {
namespace {

class Write final : public ScsiOperation {
 public:
  Write(uint8_t block, std::vector<Write*>& ends) : ends_(ends), data_(512, block) {
    part_ = {data_.data(), data_.size()};
    cdb = {0x2a, 0, 0, 0, 0, block, 0, 0, 1};
    cdb_length = 10;
    direction = ScsiDirection::to_device;
    parts = {&part_, 1};
    length = 512;
  }
  void run() override { ends_.push_back(this); }

 private:
  std::vector<Write*>& ends_;
  std::vector<uint8_t> data_;
  iovec part_;
};

Task<Result<std::unique_ptr<ScsiDevice>>> open_device() {
  auto opening = Loop::current().open_scsi("/dev/sg0");
  co_return co_await opening;
}

class SimDeviceTest : public testing::Test {
 protected:
  void open(SimUnit::Settings settings = {}) {
    unit = std::make_shared<SimUnit>(std::move(settings));
    world.machine("p").scsi_devices["/dev/sg0"] = unit;
    auto opened = run_story(process.loop(0), open_device);
    ASSERT_TRUE(opened) << opened.error().text();
    device = std::move(*opened);
  }
  void submit(uint32_t count) {
    for (uint32_t i = 0; i < count; ++i) {
      writes.push_back(std::make_unique<Write>(static_cast<uint8_t>(i), ends));
      process.loop(0).enter([&] { device->submit(*writes.back()); });
    }
  }
  SimWorld world{7};
  SimProcess& process = world.add_process("p", 1, small_pools);
  std::shared_ptr<SimUnit> unit;
  std::unique_ptr<ScsiDevice> device;
  std::vector<Write*> ends;
  std::vector<std::unique_ptr<Write>> writes;
};

TEST_F(SimDeviceTest, ATapeIsGivenOneCommandAfterTheOther) {
  open({.device_type = 0x01});
  submit(20);
  world.run_for(seconds(1));
  ASSERT_EQ(ends.size(), 20u);
  for (size_t i = 0; i < 20; ++i) EXPECT_EQ(ends[i], writes[i].get());
}

TEST_F(SimDeviceTest, ADiskIsGivenSeveral) {
  open();
  submit(20);
  world.run_for(seconds(1));
  ASSERT_EQ(ends.size(), 20u);
  EXPECT_FALSE(
      std::equal(ends.begin(), ends.end(), writes.begin(), [](Write* a, auto& b) { return a == b.get(); }));
  EXPECT_EQ(unit->medium()[19 * 512], 19);
}

TEST_F(SimDeviceTest, TooManyAreRefused) {
  open();
  submit(ScsiDevice::most_in_flight + 1);
  EXPECT_EQ(writes.back()->error, EBUSY);
  world.run_for(seconds(60));
  EXPECT_EQ(ends.size(), ScsiDevice::most_in_flight + 1);
}

TEST_F(SimDeviceTest, OfADeadProcessSomeIsDone) {
  open();
  submit(16);
  world.crash(process);
  world.run_for(seconds(1));
  ASSERT_EQ(ends.size(), 16u);
  size_t done = 0;
  for (size_t i = 0; i < 16; ++i) {
    EXPECT_EQ(ends[i]->error, EIO);
    if (i > 0 && unit->medium()[i * 512] == i) ++done;
  }
  EXPECT_GT(done, 0u);
  EXPECT_LT(done, 15u);
}

TEST_F(SimDeviceTest, WhatIsNotThereCannotBeOpened) {
  EXPECT_EQ(run_story(process.loop(0), open_device).error().code, ErrorCode::not_found);
}

}  // namespace
}  // namespace ashlar::loop
