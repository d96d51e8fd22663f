#include <gtest/gtest.h>

#include "scsi/handling.h"
#include "scsi/host_test.h"

namespace ashlar::scsi::test {
namespace {

std::vector<uint8_t> numbered(size_t bytes) {
  std::vector<uint8_t> out(bytes);
  for (size_t i = 0; i < bytes; ++i) out[i] = static_cast<uint8_t>(i * 31 + i / 512);
  return out;
}

struct Form {
  uint8_t read, write;
  Cdb make(uint8_t opcode, uint32_t lba, uint32_t blocks, uint8_t flags = 0) const {
    switch (opcode >> 5) {
      case 0:
        return cdb6(opcode, static_cast<uint8_t>(lba >> 16), static_cast<uint8_t>(lba >> 8),
                    static_cast<uint8_t>(lba), static_cast<uint8_t>(blocks));
      case 4: return cdb16(opcode, lba, blocks, flags);
      case 5: return cdb12(opcode, lba, blocks, flags);
      default: return cdb10(opcode, lba, static_cast<uint16_t>(blocks), flags);
    }
  }
};
constexpr Form forms[] = {{0x08, 0x0a}, {0x28, 0x2a}, {0xa8, 0xaa}, {0x88, 0x8a}};

class ReadWrite : public ScsiTest {};
class ReadWrite4k : public ScsiTest {
 protected:
  ReadWrite4k() : ScsiTest(4096) {}
};

TEST_F(ReadWrite, WhatIsWrittenIsRead) {
  for (const Form& form : forms) {
    for (const uint32_t blocks : {1u, 8u, 200u}) {
      const std::vector<uint8_t> bytes = numbered(blocks * 512);
      const auto written = run(form.make(form.write, 5, blocks), bytes);
      ASSERT_EQ(ending(*written), "GOOD");
      EXPECT_EQ(written->data_out_wanted_bytes, blocks * 512);
      EXPECT_EQ(on_medium(5, blocks), bytes);
      const auto read = run(form.make(form.read, 5, blocks), {}, blocks * 512);
      EXPECT_EQ(read->data_in, bytes);
      EXPECT_EQ(read->data_in_wanted_bytes, blocks * 512);
      medium->clear(0, medium->data.size(), true);
    }
  }
}

TEST_F(ReadWrite4k, WhatIsWrittenIsRead) {
  const std::vector<uint8_t> bytes = numbered(3 * 4096);
  EXPECT_EQ(end(cdb10(0x2a, 7, 3), bytes), "GOOD");
  EXPECT_EQ(on_medium(7, 3), bytes);
  EXPECT_EQ(data(cdb10(0x28, 7, 3)), bytes);
  EXPECT_EQ(end(cdb10(0x28, 4095, 2)), "5/21/00");
}

TEST_F(ReadWrite, SixByteCommandsTakeZeroAs256) {
  EXPECT_EQ(run(cdb6(0x08), {}, 200000)->data_in.size(), 256u * 512);
}

TEST_F(ReadWrite, NoBlocksIsNoError) {
  for (const uint8_t opcode : {0x28, 0x2a, 0x2e, 0x2f}) {
    EXPECT_EQ(end(cdb10(opcode, 0, 0)), "GOOD") << opcode;
    EXPECT_EQ(end(cdb10(opcode, 4096, 0)), "GOOD") << opcode;
    EXPECT_EQ(end(cdb10(opcode, 4097, 0)), "5/21/00") << opcode;
  }
}

TEST_F(ReadWrite, RefusesWhatLiesBeyondTheEndBeforeAnyDataMoves) {
  for (const Form& form : forms) {
    for (const uint8_t opcode : {form.read, form.write}) {
      const auto done = run(form.make(opcode, 4095, 2), filled(1024, 1), 1024);
      EXPECT_EQ(ending(*done), "5/21/00");
      EXPECT_EQ(done->sense.information, 4096u);
      EXPECT_EQ(done->fetches, 0);
      EXPECT_EQ(ending(*run(form.make(opcode, 4096, 1), filled(512, 1), 512)), "5/21/00");
    }
  }
  EXPECT_EQ(end(cdb16(0x88, UINT64_MAX, 1)), "5/21/00");
  EXPECT_EQ(end(cdb16(0x88, UINT64_MAX, UINT32_MAX)), "5/21/00");
}

TEST_F(ReadWrite, RefusesMoreThanTheMaximumTransferLength) {
  medium->data.resize(16u << 20);
  medium->allocated.resize(medium->data.size() / 512);
  medium->geometry.size_bytes = medium->limits.size_bytes = medium->data.size();
  const auto too_long = run(cdb12(0xa8, 0, (8u << 20) / 512 + 1), {}, 16u << 20);
  EXPECT_EQ(ending(*too_long), "5/24/00");
  EXPECT_EQ(field(*too_long), "cdb 6");
  EXPECT_EQ(run(cdb12(0xa8, 0, (8u << 20) / 512), {}, 16u << 20)->data_in.size(), 8u << 20);
  medium->limits.max_transfer_bytes = 1u << 20;
  EXPECT_EQ(field(*run(cdb16(0x8a, 0, 4096), filled(512, 0))), "cdb 10");
}

TEST_F(ReadWrite, OverflowWhenTheHostHasLessThanTheCommandMoves) {
  medium->data[0] = 7;
  const auto none = run(cdb10(0x28, 0, 1), {}, 0);
  EXPECT_EQ(ending(*none), "GOOD");
  EXPECT_EQ(none->data_in_wanted_bytes, 512u);
  EXPECT_EQ(none->data_in_bytes, 0u);
  const auto part = run(cdb10(0x28, 0, 2), {}, 200);
  EXPECT_EQ(part->data_in.size(), 200u);
  EXPECT_EQ(part->data_in_bytes, 512u) << "only the block that is needed is read";
  EXPECT_EQ(part->data_in_wanted_bytes, 1024u);

  const auto no_data = run(cdb10(0x2a, 0, 1));
  EXPECT_EQ(ending(*no_data), "GOOD");
  EXPECT_EQ(no_data->data_out_wanted_bytes, 512u);
  EXPECT_EQ(no_data->fetches, 0);
  EXPECT_EQ(ending(*run(cdb10(0x2a, 0, 1), filled(200, 9))), "GOOD");
  EXPECT_EQ(on_medium(0, 1)[0], 7) << "no part of a block is written";
  EXPECT_EQ(ending(*run(cdb10(0x2a, 0, 2), filled(512, 9))), "GOOD");
  EXPECT_EQ(on_medium(0, 2), ([] {
              std::vector<uint8_t> both = filled(1024, 0);
              std::fill_n(both.begin(), 512, uint8_t{9});
              return both;
            }()));
}

TEST_F(ReadWrite, UnderflowWhenTheHostSendsMore) {
  EXPECT_EQ(end(cdb10(0x2a, 0, 1), filled(10000, 9)), "GOOD");
  EXPECT_EQ(on_medium(0, 2)[511], 9);
  EXPECT_EQ(on_medium(0, 2)[512], 0);
  EXPECT_EQ(run(cdb10(0x28, 0, 1), {}, 10000)->data_in.size(), 512u);
}

TEST_F(ReadWrite, FuaIsDurableAndDpoIsTaken) {
  EXPECT_EQ(end(cdb10(0x2a, 0, 1, 0x10), filled(512, 1)), "GOOD");
  EXPECT_EQ(medium->durable_writes, 0u);
  for (const Form& form : forms) {
    if (form.write == 0x0a) continue;
    EXPECT_EQ(end(form.make(form.write, 0, 1, 0x08), filled(512, 1)), "GOOD");
    EXPECT_EQ(end(form.make(form.read, 0, 1, 0x18)), "GOOD");
    EXPECT_EQ(end(form.make(form.write, 0, 1, 0x02), filled(512, 1)), "5/24/00") << "FUA_NV";
    EXPECT_EQ(end(form.make(form.write, 0, 1, 0xe0), filled(512, 1)), "5/24/00") << "WRPROTECT";
  }
  EXPECT_EQ(medium->durable_writes, 3u);
  EXPECT_EQ(end(cdb6(0x0a, 0x08, 0, 0, 1), filled(512, 1)), "5/21/00") << "bit 3 of WRITE(6) is an address";
}

TEST_F(ReadWrite, DeviceErrorsBecomeSense) {
  struct Case {
    block::Status status;
    std::string read, write;
  };
  for (const Case& each : {Case{block::Status::medium_error, "3/11/00", "3/0c/00"},
                           Case{block::Status::device_failed, "4/44/00", "4/44/00"},
                           Case{block::Status::no_space, "7/27/07", "7/27/07"},
                           Case{block::Status::aborted, "b/2f/02", "b/2f/02"}}) {
    FakeUnit& unit = target.unit("v");
    unit.fault = each.status;
    unit.fault_in = 1;
    const auto read = run(cdb10(0x28, 9, 1), {}, 512);
    EXPECT_EQ(ending(*read), each.read);
    EXPECT_EQ(read->data_in_bytes, 0u);
    unit.fault_in = 1;
    const auto written = run(cdb10(0x2a, 9, 1), filled(512, 1));
    EXPECT_EQ(ending(*written), each.write);
    if (each.status == block::Status::medium_error) EXPECT_EQ(written->sense.information, 9u);
  }
}

TEST_F(ReadWrite, WriteProtection) {
  const Cdb write = cdb10(0x2a, 0, 1);
  NexusState& reader = login({{0, "v", true}});
  EXPECT_EQ(ending(*run(reader, write, filled(512, 1))), "7/27/00");
  EXPECT_EQ(ending(*run(reader, cdb10(0x28, 0, 1), {}, 512)), "GOOD");
  EXPECT_EQ(end(write, filled(512, 1)), "GOOD");
  medium->geometry.read_only = true;
  for (const Cdb& each : {write, cdb10(0x41, 0, 1), cdb10(0x41, 0, 1, 0x08), cdb10(0x42, 0, 24),
                          cdb10(0x2e, 0, 1), cdb16(0x8b, 0, 1), cdb16(0x93, 0, 1, 0x09)}) {
    EXPECT_EQ(end(each, filled(512, 1)), "7/27/00");
  }
}

TEST_F(ReadWrite, TaskSetFullOrBusyWithoutMemory) {
  TestTarget small(1, {.small = 1, .medium = 0, .large = 0});
  small.add_volume("v", 64);
  NexusState& nexus = small.login({{0, "v"}});
  const auto at = [&](const Cdb& cdb) {
    auto out = task(cdb, {}, 4096);
    small.submit(nexus, *out);
    small.shards.run();
    return out;
  };
  EXPECT_EQ(ending(*at(cdb6(0x00))), "6/29/00");
  EXPECT_EQ(ending(*at(cdb10(0x28, 0, 16))), "GOOD") << "the host has room for 8 blocks: they fit";
  auto held = task(cdb10(0x2a, 0, 1), filled(512, 1));
  held->hold_data_out = true;
  small.submit(nexus, *held);
  EXPECT_EQ(ending(*at(cdb10(0x28, 0, 1))), "TASK SET FULL");
  small.shards.at(0).in_turn([&] { held->deliver(); });
  small.shards.run();
  EXPECT_EQ(ending(*held), "GOOD");
  auto large = task(cdb10(0x28, 0, 16), {}, 8192);
  small.submit(nexus, *large);
  small.shards.run();
  EXPECT_EQ(ending(*large), "BUSY");
}

TEST_F(ReadWrite, CompletesInOrderOfTheDeviceNotOfTheHost) {
  FakeUnit& unit = target.unit("v");
  unit.hold = true;
  const auto first = start(*host, cdb10(0x28, 0, 1), {}, 512);
  const auto second = start(*host, cdb10(0x2a, 0, 1), filled(512, 5));
  EXPECT_EQ(unit.held(), 2u);
  EXPECT_EQ(host->tasks_in_flight(), 2u);
  target.release("v", 0, 1);
  EXPECT_EQ(ending(*first), "GOOD");
  EXPECT_EQ(ending(*second), "pending");
  target.release("v");
  EXPECT_EQ(ending(*second), "GOOD");
  EXPECT_EQ(host->tasks_in_flight(), 0u);
}

TEST_F(ReadWrite, DataOutThatCannotComeEndsTheCommand) {
  auto write = task(cdb10(0x2a, 0, 1), filled(512, 1));
  write->hold_data_out = true;
  target.submit(*host, *write);
  target.shards.run();
  target.shards.at(0).in_turn([&] { host->data_out_failed(*write, 0x4703); });
  target.shards.run();
  EXPECT_EQ(ending(*write), "b/47/03");
  EXPECT_EQ(on_medium(0, 1)[0], 0);
}

TEST_F(ReadWrite, SynchronizeCacheFlushes) {
  EXPECT_EQ(end(cdb10(0x35, 0, 0)), "GOOD");
  EXPECT_EQ(end(cdb16(0x91, 4095, 1, 0x06)), "GOOD");
  EXPECT_EQ(medium->flushes, 2u);
  EXPECT_EQ(end(cdb10(0x35, 4095, 2)), "5/21/00");
  target.unit("v").fault = block::Status::device_failed;
  target.unit("v").fault_in = 1;
  EXPECT_EQ(end(cdb10(0x35, 0, 0)), "4/44/00");
}

TEST_F(ReadWrite, PreFetchChecksItsRange) {
  EXPECT_EQ(end(cdb10(0x34, 0, 0)), "GOOD");
  EXPECT_EQ(end(cdb16(0x90, 4000, 96, 0x02)), "GOOD");
  Cdb grouped = cdb10(0x34, 0, 1);
  grouped[6] = 0x1f;
  EXPECT_EQ(end(grouped), "GOOD") << "GROUP NUMBER changes nothing";
  grouped[6] = 0x20;
  EXPECT_EQ(end(grouped), "5/24/00");
  EXPECT_EQ(end(cdb10(0x34, 4000, 97)), "5/21/00");
  EXPECT_EQ(end(cdb16(0x90, 4097, 0)), "5/21/00");
}

}  // namespace
}  // namespace ashlar::scsi::test
