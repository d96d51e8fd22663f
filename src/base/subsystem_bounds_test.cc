#include "base/subsystem_bounds.h"

#include <gtest/gtest.h>

namespace ashlar {
namespace {

std::string refused(const SubsystemBounds& bounds) {
  const Result<void> checked = check_subsystem_bounds(bounds, "nvme.");
  return checked ? "" : checked.error().place;
}

TEST(SubsystemBounds, EachFieldHasItsBounds) {
  EXPECT_EQ(refused({}), "");
  EXPECT_EQ(refused({.io_queues = 256,
                     .queue_depth = 1024,
                     .in_capsule_bytes = 65536,
                     .max_transfer_bytes = 8u << 20,
                     .first_controller_id = 65519}),
            "");
  EXPECT_EQ(refused({.io_queues = 1,
                     .queue_depth = 2,
                     .in_capsule_bytes = 0,
                     .max_transfer_bytes = 4096,
                     .last_controller_id = 1}),
            "");
  EXPECT_EQ(refused({.io_queues = 0}), "nvme.io_queues");
  EXPECT_EQ(refused({.io_queues = 257}), "nvme.io_queues");
  EXPECT_EQ(refused({.queue_depth = 1}), "nvme.queue_depth");
  EXPECT_EQ(refused({.queue_depth = 1025}), "nvme.queue_depth");
  EXPECT_EQ(refused({.in_capsule_bytes = 65536 + 512}), "nvme.in_capsule_bytes");
  EXPECT_EQ(refused({.in_capsule_bytes = 100}), "nvme.in_capsule_bytes");
  EXPECT_EQ(refused({.max_transfer_bytes = 2048}), "nvme.max_transfer_bytes");
  EXPECT_EQ(refused({.max_transfer_bytes = 16u << 20}), "nvme.max_transfer_bytes");
  EXPECT_EQ(refused({.max_transfer_bytes = 12288}), "nvme.max_transfer_bytes");
  EXPECT_EQ(refused({.first_controller_id = 0}), "nvme.first_controller_id");
  EXPECT_EQ(refused({.first_controller_id = 9, .last_controller_id = 8}), "nvme.last_controller_id");
  EXPECT_EQ(refused({.last_controller_id = 65520}), "nvme.last_controller_id");
}

}  // namespace
}  // namespace ashlar
