// Commands, data, sense and residuals of a device that is passed through.
#include <cerrno>

#include "scsi/device_host_test.h"

namespace ashlar::scsi::test {
namespace {

Cdb tape_cdb(uint8_t opcode, uint32_t bytes) {
  Cdb cdb = cdb6(opcode);
  store_be24(&cdb[2], bytes);
  return cdb;
}

std::vector<uint8_t> sense_of_host(const HostTask& task) {
  std::vector<uint8_t> sense(most_sense_bytes);
  sense.resize(task.encode_sense(sense));
  return sense;
}

using PassThrough = DeviceTest;

TEST_F(PassThrough, CommandsAndDataGoAsTheyAre) {
  NexusState& host = login();
  const auto data = filled(1024, 0x5a);
  EXPECT_EQ(outcome(host, cdb10(0x2a, 7, 2), data), "GOOD");
  EXPECT_EQ(device->unit.seen.back(), cdb10(0x2a, 7, 2));
  const auto read = run(host, cdb10(0x28, 7, 2), {}, 1024);
  EXPECT_EQ(ending(*read), "GOOD");
  EXPECT_EQ(read->data_in, data);
  EXPECT_EQ(read->data_in_wanted_bytes, 1024u);
}

TEST_F(PassThrough, ACommandOfTheMakersOwnGoesToo) {
  NexusState& host = login();
  EXPECT_EQ(outcome(host, {0xc5, 1, 2, 3, 4, 5, 6, 7, 8, 9}), "GOOD");
  EXPECT_EQ(device->unit.seen.back(), (Cdb{0xc5, 1, 2, 3, 4, 5, 6, 7, 8, 9}));
}

TEST_F(PassThrough, SenseDataComesByteForByte) {
  NexusState& host = login();
  loop::ScsiSense sense;
  sense.length = 52;
  for (uint8_t i = 0; i < 52; ++i) sense.bytes[i] = i;
  sense.bytes[0] = 0x72;
  sense.bytes[1] = 0x03;
  sense.bytes[2] = 0x11;
  sense.bytes[3] = 0x00;
  device->unit.say_next(sense);
  const auto read = run(host, cdb10(0x28, 0, 1), {}, 512);
  EXPECT_EQ(ending(*read), "3/11/00");
  EXPECT_EQ(sense_of_host(*read), std::vector<uint8_t>(sense.bytes.begin(), sense.bytes.begin() + 52));
}

TEST_F(PassThrough, OtherStatusesComeToo) {
  NexusState& host = login();
  for (const uint8_t status : {0x04, 0x08, 0x18, 0x28, 0x40}) {
    device->unit.script = [status](loop::ScsiOperation& operation) {
      operation.status = status;
      return true;
    };
    const auto task = run(host, cdb6(0x00));
    EXPECT_EQ(static_cast<uint8_t>(task->status), status);
  }
  device->unit.script = [](loop::ScsiOperation& operation) {
    operation.status = 0x30;  // ACA ACTIVE: nobody here has asked for it
    return true;
  };
  EXPECT_EQ(outcome(host, cdb6(0x00)), "4/44/00");
}

TEST_F(PassThrough, CheckConditionWithoutSenseIsAFailure) {
  NexusState& host = login();
  device->unit.script = [](loop::ScsiOperation& operation) {
    operation.status = 0x02;
    return true;
  };
  EXPECT_EQ(outcome(host, cdb6(0x00)), "4/44/00");
}

TEST_F(PassThrough, WhatDoesNotReachTheDeviceHasOurSense) {
  NexusState& host = login();
  struct Case {
    int error;
    loop::ScsiDelivery delivery;
    const char* told;
  };
  using Delivery = loop::ScsiDelivery;
  const Case cases[] = {{EBUSY, {}, "BUSY"},
                        {ENOMEM, {}, "BUSY"},
                        {EINVAL, {}, "5/24/00"},
                        {EPERM, {}, "5/24/00"},
                        {ENODEV, {}, "4/05/00"},
                        {EIO, {}, "4/44/00"},
                        {0, Delivery::try_later, "BUSY"},
                        {0, Delivery::no_device, "4/05/00"},
                        {0, Delivery::timed_out, "b/2e/02"},
                        {0, Delivery::reset, "b/2f/02"},
                        {0, Delivery::failed, "4/44/00"}};
  for (const Case& each : cases) {
    device->unit.script = [&each](loop::ScsiOperation& operation) {
      operation.error = each.error;
      operation.delivery = each.delivery;
      operation.transferred = 100;
      return true;
    };
    const auto task = run(host, cdb10(0x28, 0, 1), {}, 512);
    EXPECT_EQ(ending(*task), each.told);
    EXPECT_TRUE(task->data_in.empty());
  }
}

TEST_F(PassThrough, ADeviceThatIsPulledOutAndPutBack) {
  NexusState& host = login();
  device->unit.gone = true;
  EXPECT_EQ(outcome(host, cdb6(0x00)), "4/05/00");
  EXPECT_EQ(outcome(host, cdb10(0x2a, 0, 1), filled(512, 1)), "4/05/00");
  device->unit.gone = false;
  EXPECT_EQ(outcome(host, cdb6(0x00)), "GOOD");
}

TEST_F(PassThrough, AClosingUnitTakesNothing) {
  NexusState& host = login();
  units[0]->closing = true;
  EXPECT_EQ(outcome(host, cdb6(0x00)), "b/2f/02");
  EXPECT_EQ(outcome(host, cdb6(0x12, 0, 0, 0, 36), {}, 36), "b/2f/02");
  EXPECT_EQ(units[0]->passing, 0);
}

TEST_F(PassThrough, MoreThanTheDeviceTakesIsRefused) {
  NexusState& host = login();
  device->traits.max_transfer_bytes = 4096;
  EXPECT_EQ(outcome(host, cdb10(0x28, 0, 8), {}, 4096), "GOOD");
  EXPECT_EQ(outcome(host, cdb10(0x28, 0, 9), {}, 4097), "5/24/00");
  EXPECT_EQ(outcome(host, cdb10(0x2a, 0, 9), filled(4608, 0)), "5/24/00");
  EXPECT_EQ(got(0x28), 1u);
  EXPECT_EQ(got(0x2a), 0u);
}

TEST_F(PassThrough, DataBothWaysIsRefused) {
  NexusState& host = login();
  EXPECT_EQ(outcome(host, cdb10(0x28, 0, 1), filled(512, 0), 512), "5/24/00");
  EXPECT_EQ(got(0x28), 0u);
}

TEST_F(PassThrough, WhatTheDeviceLeftOutIsZero) {
  NexusState& host = login();
  run(host, cdb10(0x2a, 0, 8), filled(4096, 0xee));
  run(host, cdb10(0x28, 0, 8), {}, 4096);
  device->unit.script = [](loop::ScsiOperation& operation) {
    if (operation.cdb[0] != 0x28) return false;
    operation.transferred = operation.length;  // an adapter that tells no residual
    return true;
  };
  EXPECT_EQ(run(host, cdb10(0x28, 0, 8), {}, 4096)->data_in, filled(4096, 0));
}

TEST_F(PassThrough, ResidualsOfBothWays) {
  NexusState& host = login();
  const auto read = run(host, cdb10(0x28, 0, 1), {}, 2048);
  EXPECT_EQ(read->data_in.size(), 512u);
  EXPECT_EQ(read->data_in_wanted_bytes, 512u);
  const auto written = run(host, cdb10(0x2a, 0, 1), filled(1024, 1));
  EXPECT_EQ(written->data_out_wanted_bytes, 512u);
}

TEST_F(PassThrough, NacaIsRefusedAndEstablishesNothing) {
  NexusState& host = login();
  NexusState& other = login();
  const Cdb ready_with_naca = {0x00, 0, 0, 0, 0, 0x04};
  manage(host, TaskManagement::logical_unit_reset);
  const size_t before = device->unit.seen.size();
  EXPECT_EQ(outcome(host, ready_with_naca), "6/29/03");
  EXPECT_EQ(outcome(host, ready_with_naca), "5/24/00");
  EXPECT_EQ(device->unit.seen.size(), before);
  EXPECT_EQ(outcome(host, cdb6(0x00)), "GOOD");
  EXPECT_EQ(outcome(other, cdb6(0x00)), "6/29/03");
  EXPECT_EQ(outcome(other, cdb6(0x00)), "GOOD");
}

TEST_F(PassThrough, AbortWaitsForTheDevice) {
  NexusState& host = login();
  device->hold = true;
  const auto read = start(host, cdb10(0x28, 0, 1), {}, 512);
  const auto answer = manage(host, TaskManagement::abort_task, read->tag);
  EXPECT_FALSE(answer->has_value());
  EXPECT_FALSE(read->done());
  release();
  EXPECT_EQ(*answer, TaskManagementResponse::complete);
  EXPECT_EQ(ending(*read), "aborted");
}

TEST_F(PassThrough, AResetGoesToTheDeviceAndToEveryHost) {
  NexusState& host = login();
  NexusState& other = login();
  EXPECT_EQ(*manage(host, TaskManagement::logical_unit_reset), TaskManagementResponse::complete);
  EXPECT_EQ(device->unit.resets, 1u);
  EXPECT_EQ(outcome(other, cdb6(0x00)), "6/29/03");
  EXPECT_EQ(outcome(host, cdb6(0x00)), "6/29/03");
  EXPECT_EQ(*manage(host, TaskManagement::target_warm_reset), TaskManagementResponse::complete);
  EXPECT_EQ(device->unit.resets, 2u);
  EXPECT_EQ(outcome(other, cdb6(0x00)), "6/29/02");
}

TEST_F(PassThrough, ADeviceThatCannotBeResetSaysSo) {
  NexusState& host = login();
  device->traits.resets = false;
  EXPECT_EQ(*manage(host, TaskManagement::logical_unit_reset), TaskManagementResponse::not_supported);
  device->traits.resets = true;
  device->unit.gone = true;
  EXPECT_EQ(*manage(host, TaskManagement::logical_unit_reset), TaskManagementResponse::rejected);
}

TEST_F(PassThrough, ATimeoutThatTheAdministratorGave) {
  NexusState& host = login();
  loop::Nanoseconds given{};
  device->unit.script = [&given](loop::ScsiOperation& operation) {
    given = operation.timeout;
    return true;
  };
  run(host, cdb6(0x00));
  EXPECT_EQ(given, loop::seconds(60));
  device->policy.timeout = loop::seconds(7);
  run(host, cdb6(0x00));
  EXPECT_EQ(given, loop::seconds(7));
}

TEST_F(TapeTest, BlocksOfAnyLengthFilemarksAndTheEnd) {
  NexusState& host = login();
  EXPECT_EQ(outcome(host, tape_cdb(0x0a, 1000), filled(1000, 1)), "GOOD");
  EXPECT_EQ(outcome(host, tape_cdb(0x0a, 70), filled(70, 2)), "GOOD");
  EXPECT_EQ(outcome(host, tape_cdb(0x10, 1)), "GOOD");
  EXPECT_EQ(outcome(host, cdb6(0x01)), "GOOD");
  EXPECT_EQ(run(host, tape_cdb(0x08, 1000), {}, 1000)->data_in, filled(1000, 1));

  // A shorter block than was asked for: its data comes, and ILI with what was missing (SSC-3 4.2.7).
  const auto shorter = run(host, tape_cdb(0x08, 4096), {}, 4096);
  EXPECT_EQ(ending(*shorter), "0/00/00");
  EXPECT_EQ(shorter->data_in, filled(70, 2));
  const std::vector<uint8_t> sense = sense_of_host(*shorter);
  EXPECT_EQ(sense[0], 0xf0);
  EXPECT_EQ(sense[2], 0x20);
  EXPECT_EQ(load_be32(&sense[3]), 4096u - 70u);

  const auto mark = run(host, tape_cdb(0x08, 4096), {}, 4096);
  EXPECT_EQ(ending(*mark), "0/00/01");
  EXPECT_EQ(sense_of_host(*mark)[2], 0x80);
  EXPECT_EQ(mark->data_in_wanted_bytes, 0u);
  EXPECT_EQ(outcome(host, tape_cdb(0x08, 4096), {}, 4096), "8/00/05");
}

TEST_F(TapeTest, LongCommandsHaveTheTimeTheyNeed) {
  NexusState& host = login();
  std::vector<loop::Nanoseconds> given;
  device->unit.script = [&given](loop::ScsiOperation& operation) {
    given.push_back(operation.timeout);
    return true;
  };
  run(host, tape_cdb(0x0a, 10), filled(10, 1));
  run(host, cdb6(0x01));
  EXPECT_EQ(given, (std::vector<loop::Nanoseconds>{loop::seconds(900), loop::seconds(14'400)}));
}

}  // namespace
}  // namespace ashlar::scsi::test
