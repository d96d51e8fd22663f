#include "initiator/disposition.h"

#include <gtest/gtest.h>

namespace ashlar::initiator {
namespace {

using block::Status;
using NvmeStatus = wire::nvme::Status;

Disposition of_sense(uint8_t key, uint16_t code) {
  const std::array<uint8_t, 18> sense = {
      0x70, 0, key, 0, 0, 0, 0, 10, 0, 0, 0, 0, static_cast<uint8_t>(code >> 8), static_cast<uint8_t>(code)};
  return disposition_of(Outcome::answered, 0x02, sense);
}
Disposition of_nvme(NvmeStatus status, bool do_not_retry = false) {
  return disposition_of(wire::nvme::Outcome{status, do_not_retry}, loop::Nanoseconds(0));
}

TEST(Disposition, OfScsiStatuses) {
  const auto of = [](uint8_t status) { return disposition_of(Outcome::answered, status, {}); };
  EXPECT_TRUE(of(0x00).done());
  EXPECT_EQ(of(0x08).verdict, Verdict::retry_here);
  EXPECT_GT(of(0x08).pause.count(), 0);
  EXPECT_EQ(of(0x28).verdict, Verdict::retry_here);
  EXPECT_EQ(of(0x18).verdict, Verdict::fail);
  EXPECT_FALSE(of(0x08).maybe_done);
  EXPECT_TRUE(of(0x40).maybe_done) << "an aborted task may have begun";
}

TEST(Disposition, OfScsiSense) {
  struct Case {
    uint8_t key;
    uint16_t code;
    Verdict verdict;
    Status status;
    bool look_again, closed;
  };
  for (const Case& each : {
           Case{0x1, 0x1700, Verdict::done, Status::ok, false, false},
           Case{0x2, 0x040a, Verdict::retry_elsewhere, Status::aborted, true, true},
           Case{0x2, 0x040b, Verdict::retry_elsewhere, Status::aborted, true, true},
           Case{0x2, 0x040c, Verdict::retry_elsewhere, Status::aborted, true, true},
           Case{0x2, 0x0401, Verdict::retry_here, Status::aborted, false, false},
           Case{0x3, 0x1100, Verdict::fail, Status::medium_error, false, false},
           Case{0x4, 0x4400, Verdict::retry_elsewhere, Status::aborted, false, false},
           Case{0x5, 0x2500, Verdict::retry_elsewhere, Status::aborted, true, true},
           Case{0x5, 0x2100, Verdict::fail, Status::medium_error, true, false},
           Case{0x5, 0x2400, Verdict::fail, Status::medium_error, false, false},
           Case{0x6, 0x2900, Verdict::retry_here, Status::aborted, false, false},
           Case{0x6, 0x2a06, Verdict::retry_here, Status::aborted, true, false},
           Case{0x6, 0x2a09, Verdict::retry_here, Status::aborted, true, false},
           Case{0x6, 0x3f0e, Verdict::retry_here, Status::aborted, true, false},
           Case{0x7, 0x2707, Verdict::fail, Status::no_space, true, false},
           Case{0xb, 0x4700, Verdict::retry_here, Status::aborted, false, false},
       }) {
    const Disposition sorted = of_sense(each.key, each.code);
    EXPECT_EQ(sorted.verdict, each.verdict) << sorted.text();
    EXPECT_EQ(sorted.status, each.status) << sorted.text();
    EXPECT_EQ(sorted.look_again, each.look_again) << sorted.text();
    EXPECT_EQ(sorted.closed, each.closed) << sorted.text();
  }
  const std::array<uint8_t, 8> descriptor = {0x72, 0x2, 0x04, 0x0a, 0, 0, 0, 0};
  EXPECT_TRUE(disposition_of(Outcome::answered, 0x02, descriptor).closed);
  EXPECT_EQ(disposition_of(Outcome::answered, 0x02, std::array<uint8_t, 2>{0x70, 0}).verdict, Verdict::done)
      << "sense key 0 is no error, and neither is none";
  EXPECT_EQ(of_sense(0x2, 0x040a).text(), "the unit changes its access state (0202040ah)");
}

TEST(Disposition, OfWhatWasNotAnswered) {
  EXPECT_EQ(disposition_of(Outcome::not_sent, 0, {}).verdict, Verdict::not_sent);
  EXPECT_EQ(disposition_of(Outcome::unknown, 0, {}).verdict, Verdict::lost);
  EXPECT_EQ(disposition_of(Outcome::aborted, 0, {}).verdict, Verdict::lost);
  EXPECT_TRUE(disposition_of(Outcome::target_failure, 0, {}).maybe_done);
}

TEST(Disposition, OfNvmeStatuses) {
  EXPECT_TRUE(of_nvme(NvmeStatus::success).done());
  for (const NvmeStatus status :
       {NvmeStatus::access_transition, NvmeStatus::access_inaccessible, NvmeStatus::access_persistent_loss}) {
    EXPECT_EQ(of_nvme(status).verdict, Verdict::retry_elsewhere);
    EXPECT_TRUE(of_nvme(status).closed && of_nvme(status).look_again);
    EXPECT_EQ(of_nvme(status, true).verdict, Verdict::retry_elsewhere) << "DNR binds this path alone";
  }
  EXPECT_EQ(of_nvme(NvmeStatus::reservation_conflict).verdict, Verdict::fail);
  EXPECT_EQ(of_nvme(NvmeStatus::capacity_exceeded).status, Status::no_space);
  EXPECT_EQ(of_nvme(NvmeStatus::internal_error).verdict, Verdict::retry_elsewhere);
  EXPECT_EQ(of_nvme(NvmeStatus::internal_error, true).verdict, Verdict::fail);
  EXPECT_EQ(of_nvme(NvmeStatus::namespace_not_ready).verdict, Verdict::retry_here);
  EXPECT_EQ(of_nvme(NvmeStatus::namespace_not_ready, true).verdict, Verdict::fail);
  EXPECT_EQ(of_nvme(NvmeStatus::unrecovered_read_error).status, Status::medium_error);
  const auto delayed = disposition_of(wire::nvme::Outcome{NvmeStatus::command_interrupted}, loop::seconds(2));
  EXPECT_EQ(delayed.pause, loop::seconds(2)) << "CRD";
  EXPECT_EQ(wire::nvme::Outcome::of_field(0x2042).retry_delay, 2);
}

}  // namespace
}  // namespace ashlar::initiator
