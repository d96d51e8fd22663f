#include <gtest/gtest.h>

#include "scsi/host_test.h"
#include "scsi/opcode.h"

namespace ashlar::scsi::test {
namespace {

class WriteAtomic : public ScsiTest {
 protected:
  WriteAtomic() { medium->limits.atomic_write_bytes = medium->limits.atomic_alignment_bytes = 4096; }
  static Cdb write_atomic(uint64_t lba, uint16_t blocks, uint8_t flags = 0, uint16_t boundary = 0) {
    Cdb cdb = cdb16(0x9c, lba, blocks, flags);
    store_be16(&cdb[10], boundary);
    return cdb;
  }
};

TEST_F(WriteAtomic, WritesAsOneRequest) {
  EXPECT_EQ(end(write_atomic(8, 8), filled(4096, 3)), "GOOD");
  EXPECT_EQ(on_medium(8, 8), filled(4096, 3));
  EXPECT_EQ(medium->atomic_writes, 1u);
  EXPECT_EQ(medium->durable_writes, 0u);
  EXPECT_EQ(end(write_atomic(4088, 8, 0x18), filled(4096, 4)), "GOOD") << "DPO and FUA";
  EXPECT_EQ(medium->durable_writes, 1u);
  EXPECT_EQ(end(write_atomic(8, 0)), "GOOD");
  EXPECT_EQ(medium->atomic_writes, 2u);
}

TEST_F(WriteAtomic, WhatTheStoreDoesNotPromiseIsRefused) {
  const auto field_of = [&](const Cdb& cdb, size_t bytes) { return field(*run(cdb, filled(bytes, 1))); };
  EXPECT_EQ(field_of(write_atomic(0, 16), 8192), "cdb 12") << "longer than MAXIMUM ATOMIC TRANSFER LENGTH";
  EXPECT_EQ(field_of(write_atomic(1, 8), 4096), "cdb 2") << "ATOMIC ALIGNMENT";
  EXPECT_EQ(field_of(write_atomic(0, 1), 512), "cdb 12") << "ATOMIC TRANSFER LENGTH GRANULARITY";
  EXPECT_EQ(field_of(write_atomic(0, 8, 0, 1), 4096), "cdb 11.0") << "no ATOMIC BOUNDARY";
  EXPECT_EQ(field_of(write_atomic(0, 8), 512), "cdb 12") << "a part of the data";
  EXPECT_EQ(end(write_atomic(4096, 8), filled(4096, 1)), "5/21/00");
  EXPECT_EQ(end(write_atomic(0, 8, 0x20), filled(4096, 1)), "5/24/00") << "WRPROTECT";
  EXPECT_EQ(on_medium(0, 16), filled(8192, 0));
}

TEST_F(WriteAtomic, LimitsStandInTheBlockLimitsPage) {
  Cdb page = cdb6(0x12, 1, 0xb0, 0, 255);
  const std::vector<uint8_t> aligned = data(page);
  ASSERT_EQ(aligned.size(), 64u);
  for (const size_t at : {44, 48, 52}) EXPECT_EQ(load_be32(&aligned[at]), 8u) << at;
  for (const size_t at : {56, 60}) EXPECT_EQ(load_be32(&aligned[at]), 0u) << at;
  medium->limits.atomic_write_bytes = 1u << 20;
  medium->limits.atomic_alignment_bytes = 0;
  EXPECT_EQ(load_be32(&data(page)[44]), 2048u);
  EXPECT_EQ(load_be32(&data(page)[48]), 0u);
  EXPECT_EQ(end(write_atomic(1, 2048), filled(1u << 20, 5)), "GOOD");
  EXPECT_EQ(on_medium(1, 2048), filled(1u << 20, 5));
  EXPECT_EQ(end(write_atomic(1, 2049), filled(2049 * 512, 5)), "5/24/00");
}

TEST_F(WriteAtomic, IsNotThereWithoutAPromise) {
  medium->limits.atomic_write_bytes = 0;
  EXPECT_EQ(end(write_atomic(0, 8), filled(4096, 1)), "5/20/00");
  EXPECT_EQ(load_be32(&data(cdb6(0x12, 1, 0xb0, 0, 255))[44]), 0u);
  const Cdb report = {0xa3, 0x0c, 1, 0x9c, 0, 0, 0, 0, 1, 0, 0, 0};
  EXPECT_EQ(data(report), (std::vector<uint8_t>{0, 1, 0, 0}));
  medium->limits.atomic_write_bytes = 256;  // less than a block
  EXPECT_EQ(end(write_atomic(0, 8), filled(4096, 1)), "5/20/00");
  medium->limits.atomic_write_bytes = 4096;
  EXPECT_EQ(data(report)[1], 3);
}

TEST_F(WriteAtomic, ReadsSeeAllOfItOrNone) {
  NexusState& other = login();
  target.unit("v").hold = true;
  const auto writing = start(*host, write_atomic(0, 8), filled(4096, 9));
  const auto reading = start(other, cdb10(0x28, 4, 8), {}, 8 * 512);
  target.release("v", 0, 1);
  EXPECT_EQ(ending(*writing), "GOOD") << "the read that came later waits for it";
  target.unit("v").hold = false;
  target.release("v");
  ASSERT_EQ(ending(*reading), "GOOD");
  EXPECT_EQ(reading->data_in[0], 9);
}

TEST_F(WriteAtomic, AbortedBeforeItBeganWritesNothing) {
  auto waiting = task(write_atomic(0, 8), filled(4096, 1));
  waiting->hold_data_out = true;
  target.submit(*host, *waiting);
  target.shards.run();
  target.manage(*host, TaskManagement::abort_task, 0, waiting->tag);
  target.shards.run();
  EXPECT_EQ(ending(*waiting), "aborted");
  EXPECT_EQ(medium->atomic_writes, 0u);
}

TEST_F(WriteAtomic, OfThirtyTwoBytes) {
  EXPECT_EQ(end(cdb32(0x000f, 8, 8, 0x08), filled(4096, 3)), "GOOD");
  EXPECT_EQ(on_medium(8, 8), filled(4096, 3));
  EXPECT_EQ(medium->durable_writes, 1u);
  EXPECT_EQ(field(*run(cdb32(0x000f, 1, 8), filled(4096, 3))), "cdb 12");
  EXPECT_EQ(field(*run(cdb32(0x000f, 0, 16), filled(8192, 3))), "cdb 28");
}

TEST_F(WriteAtomic, ErrorsNameTheBlock) {
  target.unit("v").fault = block::Status::medium_error;
  target.unit("v").fault_in = 1;
  const auto failed = run(write_atomic(8, 8), filled(4096, 1));
  EXPECT_EQ(ending(*failed), "3/0c/00");
  EXPECT_EQ(failed->sense.information, 8u);
}

class DefectData : public ScsiTest {};

TEST_F(DefectData, ListsAreEmptyInEveryFormat) {
  for (uint8_t format = 0; format < 6; ++format) {
    for (const uint8_t lists : {0x00, 0x08, 0x10, 0x18}) {
      const auto wanted = static_cast<uint8_t>(lists | format);
      const Cdb ten = {0x37, 0, wanted, 0, 0, 0, 0, 0, 255, 0};
      EXPECT_EQ(data(ten), (std::vector<uint8_t>{0, wanted, 0, 0}));
      const Cdb twelve = {0xb7, wanted, 0, 0, 0, 9, 0, 0, 1, 0, 0, 0};
      EXPECT_EQ(data(twelve), (std::vector<uint8_t>{0, wanted, 0, 0, 0, 0, 0, 0}));
    }
  }
  EXPECT_EQ(data({0x37, 0, 0x18, 0, 0, 0, 0, 0, 2, 0}).size(), 2u) << "cut to the allocation length";
}

TEST_F(DefectData, FormatsOfTheVendorAreNotThere) {
  for (const uint8_t format : {6, 7}) {
    EXPECT_EQ(field(*run({0x37, 0, format, 0, 0, 0, 0, 0, 8, 0})), "cdb 2.2");
    EXPECT_EQ(field(*run({0xb7, format, 0, 0, 0, 0, 0, 0, 0, 8, 0, 0})), "cdb 1.2");
  }
  EXPECT_EQ(end({0x37, 0, 0x20, 0, 0, 0, 0, 0, 8, 0}), "5/24/00");
}

}  // namespace
}  // namespace ashlar::scsi::test
