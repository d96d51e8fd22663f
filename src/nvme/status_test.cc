#include "nvme/status.h"

#include <gtest/gtest.h>

namespace ashlar::nvme {
namespace {

// As the SCSI room counts them: MEDIUM ERROR and HARDWARE ERROR, and nothing that a host could have asked for.
TEST(Status, ErrorsOfTheDevice) {
  using block::Status;
  for (const bool writing : {false, true}) {
    for (const Status failed : {Status::medium_error, Status::device_failed})
      EXPECT_TRUE(is_device_error(outcome_of(failed, writing)));
    for (const Status other : {Status::ok, Status::no_space, Status::out_of_range, Status::read_only,
                               Status::misaligned, Status::unsupported, Status::aborted})
      EXPECT_FALSE(is_device_error(outcome_of(other, writing))) << block::name_of(other);
  }
}

}  // namespace
}  // namespace ashlar::nvme
