// What of a passed-through device's INQUIRY data is put right.
#include "scsi/device_pages.h"

#include "scsi/device_host_test.h"

namespace ashlar::scsi::test {
namespace {

class DevicePages : public DeviceTest {
 protected:
  std::vector<uint8_t> page(uint8_t code, uint16_t allocation_length = 1024) {
    NexusState& host = nexuses.empty() ? login() : *nexuses.front();
    Cdb cdb = cdb6(0x12, 0x01, code);
    store_be16(&cdb[3], allocation_length);
    const auto task = run(host, cdb, {}, allocation_length);
    EXPECT_EQ(ending(*task), "GOOD");
    return task->data_in;
  }
};

struct Designator {
  uint8_t association, type;
  std::vector<uint8_t> value;
};
std::vector<Designator> designators_of(const std::vector<uint8_t>& page) {
  std::vector<Designator> all;
  EXPECT_EQ(load_be16(&page[2]) + 4u, page.size());
  for (size_t at = 4; at + 4 <= page.size(); at += 4u + page[at + 3]) {
    const auto begin = page.begin() + static_cast<std::ptrdiff_t>(at + 4);
    all.push_back({static_cast<uint8_t>(page[at + 1] >> 4 & 3),
                   static_cast<uint8_t>(page[at + 1] & 15),
                   {begin, begin + page[at + 3]}});
  }
  return all;
}

TEST_F(DevicePages, StandardDataIsTheDevicesButForCopiesAndPortGroups) {
  NexusState& host = login();
  const auto data = run(host, cdb6(0x12, 0, 0, 0, 96), {}, 96)->data_in;
  ASSERT_EQ(data.size(), 36u);
  EXPECT_EQ(std::string(data.begin() + 8, data.begin() + 32), "SIMULATEDEVICE          ");
  EXPECT_EQ(data[3], 0x02);  // NORMACA is not there; the device said 22h
  EXPECT_EQ(data[5], 0x10);  // implicit changes, as all units of the array have them; the device said 38h
}

TEST_F(DevicePages, AShortLookIsPutRightAsFarAsItGoes) {
  NexusState& host = login();
  EXPECT_EQ(run(host, cdb6(0x12, 0, 0, 0, 5), {}, 5)->data_in, (std::vector<uint8_t>{0, 0, 0x06, 0x02, 31}));
  EXPECT_EQ(run(host, cdb6(0x12, 0, 0, 0, 3), {}, 3)->data_in, (std::vector<uint8_t>{0, 0, 0x06}));
}

TEST_F(DevicePages, DesignatorsOfTheDeviceAndPortsOfOurs) {
  const auto all = designators_of(page(0x83));
  ASSERT_EQ(all.size(), 6u);
  EXPECT_EQ(all[0].association, 0);
  EXPECT_EQ(all[0].value, (std::vector<uint8_t>{0x50, 0, 0, 0, 0, 0, 0, 1}));
  EXPECT_EQ(all[1].association, 2);
  EXPECT_EQ(all[1].value.back(), 3);
  EXPECT_EQ(all[2].type, 4);  // relative target port 1
  EXPECT_EQ(all[2].value, (std::vector<uint8_t>{0, 0, 0, 1}));
  EXPECT_EQ(all[3].type, 5);
  const std::string port(all[4].value.begin(), all[4].value.end());
  EXPECT_TRUE(port.starts_with("iqn.2026-11.io.ashlar:target,t,0x0001"));
  EXPECT_EQ(all[5].association, 2);
}

TEST_F(DevicePages, APageIsCutToTheAllocationLength) {
  const auto whole = page(0x83);
  const auto begin = page(0x83, 20);
  EXPECT_EQ(begin, std::vector<uint8_t>(whole.begin(), whole.begin() + 20));
}

TEST_F(DevicePages, TheSerialNumberIsTheDevices) {
  const auto serial = page(0x80);
  EXPECT_EQ(std::string(serial.begin() + 4, serial.end()), "SIM0001");
}

TEST_F(DevicePages, ThereIsNoPageOfThirdPartyCopies) {
  const auto list = page(0x00);
  EXPECT_EQ(std::vector<uint8_t>(list.begin() + 4, list.end()),
            (std::vector<uint8_t>{0x00, 0x80, 0x83, 0x88, 0xb0}));
  EXPECT_EQ(outcome(*nexuses.front(), {0x12, 0x01, 0x8f, 0, 64, 0}, {}, 64), "5/24/00");
}

TEST_F(DevicePages, TransfersAreBoundByOurWayToTheDevice) {
  device->traits.max_transfer_bytes = 64 << 10;
  const auto limits = page(0xb0);
  EXPECT_EQ(load_be32(&limits[8]), 128u);
  EXPECT_EQ(load_be32(&limits[12]), 128u);
}

TEST_F(DevicePages, APageThatTheDeviceDoesNotHave) {
  NexusState& host = login();
  EXPECT_EQ(outcome(host, {0x12, 0x01, 0x88, 0, 255, 0}, {}, 255), "5/24/00");
  EXPECT_EQ(outcome(host, {0x12, 0x01, 0xb1, 0, 255, 0}, {}, 255), "5/24/00");
}

TEST(DevicePageBytes, WhatADeviceSaysOfLengthsIsNotBelieved) {
  const unit::Nexus nexus{.target_port = "iqn.x:t,t,0x0001"};
  const VpdAsker asker{nexus, {}};
  EXPECT_TRUE(adjust_page({}, asker, 0).empty());
  const std::vector<uint8_t> tells_too_much = {0x01, 0x83, 0xff, 0xff, 0x01, 0x03, 0x00, 0xf0, 1, 2};
  EXPECT_EQ(designators_of(adjust_page(tells_too_much, asker, 0)).size(), 4u);  // ours alone
  const std::vector<uint8_t> short_limits = {0x00, 0xb0, 0x00, 0x04, 1, 2, 3, 4};
  EXPECT_EQ(adjust_page(short_limits, asker, 8), short_limits);
}

}  // namespace
}  // namespace ashlar::scsi::test
