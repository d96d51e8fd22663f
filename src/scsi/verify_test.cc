#include <gtest/gtest.h>

#include "scsi/handling.h"
#include "scsi/host_test.h"

namespace ashlar::scsi::test {
namespace {

constexpr uint8_t all = 0x02;        // BYTCHK 01b
constexpr uint8_t one_block = 0x06;  // BYTCHK 11b

class Verify : public ScsiTest {
 protected:
  void fill(uint64_t lba, uint32_t blocks, uint8_t value) {
    std::fill_n(medium->data.begin() + static_cast<std::ptrdiff_t>(lba * block()), blocks * block(), value);
  }
};

TEST_F(Verify, ReadsTheMediumInPieces) {
  medium->data.resize(3u << 20);
  medium->allocated.resize(medium->data.size() / 512);
  medium->geometry.size_bytes = medium->limits.size_bytes = medium->data.size();
  EXPECT_EQ(end(cdb12(0xaf, 0, (3u << 20) / 512)), "GOOD");
  FakeUnit& unit = target.unit("v");
  unit.fault = block::Status::medium_error;
  unit.fault_in = 3;
  const auto failed = run(cdb12(0xaf, 0, (3u << 20) / 512));
  EXPECT_EQ(ending(*failed), "3/11/00");
  EXPECT_EQ(failed->sense.information, (2u << 20) / 512);
}

TEST_F(Verify, ComparesWithTheDataThatIsSent) {
  fill(10, 4, 0x5a);
  for (const Cdb& cdb : {cdb10(0x2f, 10, 4, all), cdb12(0xaf, 10, 4, all), cdb16(0x8f, 10, 4, all | 0x10)}) {
    EXPECT_EQ(end(cdb, filled(2048, 0x5a)), "GOOD");
    std::vector<uint8_t> wrong = filled(2048, 0x5a);
    wrong[1500] ^= 1;
    const auto done = run(cdb, wrong);
    EXPECT_EQ(ending(*done), "e/1d/00");
    EXPECT_EQ(done->sense.information, 1500u);
  }
  EXPECT_EQ(end(cdb10(0x2f, 10, 4), filled(2048, 0)), "GOOD") << "BYTCHK 00b compares nothing";
}

TEST_F(Verify, ComparesOneBlockWithAll) {
  fill(10, 4, 0x5a);
  EXPECT_EQ(end(cdb10(0x2f, 10, 4, one_block), filled(512, 0x5a)), "GOOD");
  medium->data[13 * 512 + 7] = 0;
  const auto done = run(cdb10(0x2f, 10, 4, one_block), filled(512, 0x5a));
  EXPECT_EQ(ending(*done), "e/1d/00");
  EXPECT_EQ(done->sense.information, 7u);
  EXPECT_EQ(done->data_out_wanted_bytes, 512u);
}

TEST_F(Verify, RefusesTheReservedByteCheckAndBadRanges) {
  EXPECT_EQ(end(cdb10(0x2f, 0, 1, 0x04), filled(512, 0)), "5/24/00");
  EXPECT_EQ(end(cdb10(0x2f, 4095, 2, all), filled(1024, 0)), "5/21/00");
  EXPECT_EQ(end(cdb10(0x2f, 0, 1, 0x20), filled(512, 0)), "5/24/00");
  medium->limits.max_transfer_bytes = 512;
  EXPECT_EQ(end(cdb10(0x2f, 0, 2, all), filled(1024, 0)), "5/24/00");
  EXPECT_EQ(end(cdb10(0x2f, 0, 2)), "GOOD") << "no data moves, so there is no limit";
}

TEST_F(Verify, ComparesWhatArrives) {
  fill(0, 4, 1);
  const auto less = run(cdb10(0x2f, 0, 4, all), filled(700, 1));
  EXPECT_EQ(ending(*less), "GOOD");
  EXPECT_EQ(less->data_out_wanted_bytes, 2048u);
  EXPECT_EQ(end(cdb10(0x2f, 0, 4, all)), "GOOD");
}

// BUSY and TASK SET FULL say that nothing was done, so memory for the reading back is taken before the write.
TEST_F(Verify, WriteAndVerifyWithoutMemoryToReadBackWritesNothing) {
  TestTarget small(1, {.small = 1, .medium = 0, .large = 0});
  const FakeMedium& on_small = small.add_volume("v", 64);
  NexusState& nexus = small.login({{0, "v"}});
  const auto run_on_small = [&](const Cdb& cdb, std::vector<uint8_t> data) {
    auto out = task(cdb, std::move(data));
    small.submit(nexus, *out);
    small.shards.run();
    return ending(*out);
  };
  EXPECT_EQ(run_on_small(cdb6(0x00), {}), "6/29/00");
  EXPECT_EQ(run_on_small(cdb10(0x2e, 3, 1), filled(512, 0x77)), "BUSY");
  EXPECT_TRUE(std::ranges::all_of(on_small.data, [](uint8_t byte) { return byte == 0; }));
}

TEST_F(Verify, WriteAndVerifyWritesDurablyAndReadsBack) {
  for (const Cdb& cdb : {cdb10(0x2e, 3, 2), cdb12(0xae, 3, 2, all), cdb16(0x8e, 3, 2, all | 0x10)}) {
    medium->clear(0, 8192, true);
    medium->durable_writes = 0;
    EXPECT_EQ(end(cdb, filled(1024, 0x77)), "GOOD");
    EXPECT_EQ(on_medium(3, 2), filled(1024, 0x77));
    EXPECT_EQ(medium->durable_writes, 1u);
  }
  EXPECT_EQ(end(cdb10(0x2e, 3, 2, 0x04), filled(1024, 1)), "5/24/00");
  EXPECT_EQ(end(cdb10(0x2e, 3, 2, 0x06), filled(1024, 1)), "5/24/00");
  EXPECT_EQ(end(cdb10(0x2e, 4095, 2), filled(1024, 1)), "5/21/00");
}

TEST_F(Verify, WriteAndVerifyWithResiduals) {
  fill(0, 2, 'a');
  EXPECT_EQ(end(cdb10(0x2e, 0, 2), filled(512, 'b')), "GOOD");
  EXPECT_EQ(on_medium(0, 1), filled(512, 'b'));
  EXPECT_EQ(on_medium(1, 1), filled(512, 'a'));
  EXPECT_EQ(end(cdb10(0x2e, 0, 1), filled(1024, 'c')), "GOOD");
  EXPECT_EQ(on_medium(1, 1), filled(512, 'a'));
  const auto none = run(cdb10(0x2e, 0, 1));
  EXPECT_EQ(ending(*none), "GOOD");
  EXPECT_EQ(none->data_out_wanted_bytes, 512u);
}

TEST_F(Verify, WriteAndVerifySeesADeviceThatLies) {
  FakeUnit& unit = target.unit("v");
  unit.hold = true;
  const auto task = start(*host, cdb10(0x2e, 0, 1, all), filled(512, 1));
  target.release("v", 0, 1);
  medium->data[17] = 99;  // between the write and the reading back
  target.release("v");
  EXPECT_EQ(ending(*task), "e/1d/00");
  EXPECT_EQ(task->sense.information, 17u);
  unit.hold = false;
  unit.fault = block::Status::medium_error;
  unit.fault_in = 1;
  EXPECT_EQ(end(cdb10(0x2e, 0, 1), filled(512, 1)), "3/0c/00");
  unit.fault_in = 2;
  EXPECT_EQ(end(cdb10(0x2e, 0, 1), filled(512, 1)), "3/11/00");
}

TEST_F(Verify, StopsBetweenPiecesWhenAborted) {
  medium->data.resize(3u << 20);
  medium->allocated.resize(medium->data.size() / 512);
  medium->geometry.size_bytes = medium->limits.size_bytes = medium->data.size();
  FakeUnit& unit = target.unit("v");
  unit.hold = true;
  const auto task = start(*host, cdb12(0xaf, 0, (3u << 20) / 512));
  const auto answer = target.manage(*host, TaskManagement::abort_task, 0, task->tag);
  target.shards.run();
  EXPECT_FALSE(answer->has_value()) << "the device still works for it";
  target.release("v", 0, 1);
  EXPECT_EQ(unit.held(), 0u) << "the second piece is not begun";
  EXPECT_EQ(ending(*task), "aborted");
  EXPECT_EQ(*answer, TaskManagementResponse::complete);
}

}  // namespace
}  // namespace ashlar::scsi::test
