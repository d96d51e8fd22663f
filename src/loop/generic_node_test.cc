// Generic nodes without a device: what is refused, and what the kernel's codes mean. With one: lab/case_device.sh.
#include "loop/generic_node.h"

#include <gtest/gtest.h>

namespace ashlar::loop {
namespace {

TEST(GenericNodeTest, WhatIsNoScsiDeviceIsRefused) {
  for (const char* path : {"/dev/null", "/etc/passwd", "/"}) {
    const auto opened = GenericNode::open(path);
    ASSERT_FALSE(opened) << path;
    EXPECT_EQ(opened.error().code, ErrorCode::invalid_argument) << opened.error().text();
    EXPECT_EQ(opened.error().place, path);
  }
  const auto missing = GenericNode::open("/dev/no-such-node");
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code, ErrorCode::not_found);
}

TEST(GenericNodeTest, WhatTheKernelSaysOfDeliveries) {
  using Delivery = ScsiDelivery;
  EXPECT_EQ(delivery_of(0x00, 0x00), Delivery::answered);
  EXPECT_EQ(delivery_of(0x00, 0x08), Delivery::answered);  // DRIVER_SENSE
  EXPECT_EQ(delivery_of(0x00, 0x06), Delivery::timed_out);
  EXPECT_EQ(delivery_of(0x10, 0x00), Delivery::answered);  // DID_TARGET_FAILURE, the sense data says which
  EXPECT_EQ(delivery_of(0x01, 0x00), Delivery::no_device);
  EXPECT_EQ(delivery_of(0x0f, 0x00), Delivery::no_device);
  EXPECT_EQ(delivery_of(0x02, 0x00), Delivery::try_later);
  EXPECT_EQ(delivery_of(0x03, 0x00), Delivery::timed_out);
  EXPECT_EQ(delivery_of(0x08, 0x00), Delivery::reset);
  EXPECT_EQ(delivery_of(0x07, 0x00), Delivery::failed);
  EXPECT_EQ(delivery_of(0x99, 0x00), Delivery::failed);
}

TEST(ScsiDeviceTest, InquiryDataIsReadAsFarAsItGoes) {
  std::vector<uint8_t> data(36, ' ');
  data[0] = 0x01;
  data[1] = 0x80;
  const std::string text = "IBM     ULT3580-TD8     N9M1";
  std::copy(text.begin(), text.end(), data.begin() + 8);
  data[15] = 0x1b;  // a control character goes to no terminal
  ScsiDevice::Traits traits;
  ASSERT_TRUE(read_inquiry(data, traits));
  EXPECT_EQ(traits.device_type, 0x01);
  EXPECT_TRUE(traits.removable);
  EXPECT_EQ(traits.vendor, "IBM");
  EXPECT_EQ(traits.product, "ULT3580-TD8");
  EXPECT_EQ(traits.revision, "N9M1");
  EXPECT_FALSE(read_inquiry(ConstBytes(data).first(35), traits));
}

TEST(ScsiDeviceTest, OnlyDisksHaveSeveralCommandsAtOnce) {
  EXPECT_GT(depth_of(0x00), 1u);
  for (const uint8_t type : {0x01, 0x05, 0x08, 0x0d, 0x14, 0x1f}) EXPECT_EQ(depth_of(type), 1u);
}

}  // namespace
}  // namespace ashlar::loop
