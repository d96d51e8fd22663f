// What is passed on, refused, answered here, and what counts as writing, by CDB and kind of device.
#include "scsi/passage.h"

#include <gtest/gtest.h>

#include <vector>

namespace ashlar::scsi {
namespace {

using Way = Passage::Way;

constexpr uint8_t disk = 0x00, tape = 0x01, multimedia = 0x05, changer = 0x08, enclosure = 0x0d;

Passage of(std::vector<uint8_t> cdb, uint8_t type = disk, const block::PassthroughPolicy& policy = {}) {
  cdb.resize(std::max<size_t>(cdb.size(), 16));
  return passage_of(cdb, type, policy);
}
Way way(std::vector<uint8_t> cdb, uint8_t type = disk, const block::PassthroughPolicy& policy = {}) {
  return of(std::move(cdb), type, policy).way;
}

// CVE-2020-28374: a copy would name units beside every mapping.
TEST(Passage, ThirdPartyCopiesAreRefusedWhateverIsAllowed) {
  const block::PassthroughPolicy all{.firmware = true, .format = true, .diagnostics = true, .ata = true};
  for (const uint8_t opcode : {0x18, 0x39, 0x3a, 0x83, 0x84, 0x86, 0x87}) {
    for (const uint8_t type : {disk, tape, multimedia, changer, enclosure}) {
      for (uint8_t action = 0; action < 32; ++action) {
        const Passage passage = of({opcode, action}, type, all);
        EXPECT_EQ(passage.way, Way::refuse) << int{opcode} << " " << int{type};
        EXPECT_EQ(passage.refusal.code, 0x2000);
      }
    }
  }
}

TEST(Passage, NoCommandHidesInAnExtendedCdb) {
  const block::PassthroughPolicy all{.firmware = true, .format = true, .diagnostics = true, .ata = true};
  for (const uint8_t type : {disk, tape, multimedia, changer, enclosure})
    EXPECT_EQ(way({0x7e, 0, 0, 12, 0x3b, 0x05}, type, all), Way::refuse) << int{type};
}

TEST(Passage, WhatTheDeviceCannotKnowIsOurs) {
  for (const uint8_t opcode : {0x16, 0x17, 0x56, 0x57, 0x5e, 0x5f, 0xa0})
    EXPECT_EQ(way({opcode}, tape), Way::ours);
  EXPECT_EQ(way({0xa3, 0x0a}), Way::ours);
  EXPECT_EQ(way({0xa3, 0x0d}), Way::ours);
  EXPECT_EQ(way({0xa4, 0x0a}), Way::ours);
  EXPECT_EQ(way({0xa3, 0x0c}), Way::pass);
  // Of CD and DVD drives these are SEND KEY and REPORT KEY.
  EXPECT_EQ(way({0xa3, 0x0a}, multimedia), Way::pass);
  EXPECT_EQ(way({0xa4, 0x0a}, multimedia), Way::pass);
}

TEST(Passage, FirmwareFormatDiagnosticsAndAtaHaveToBeAllowed) {
  struct Case {
    std::vector<uint8_t> cdb;
    bool block::PassthroughPolicy::* word;
  };
  const Case cases[] = {{{0x3b, 0x05}, &block::PassthroughPolicy::firmware},
                        {{0x3b, 0x0e}, &block::PassthroughPolicy::firmware},
                        {{0x04}, &block::PassthroughPolicy::format},
                        {{0x38}, &block::PassthroughPolicy::format},
                        {{0x48, 0x02}, &block::PassthroughPolicy::format},
                        {{0x9e, 0x18}, &block::PassthroughPolicy::format},
                        {{0x9e, 0x19}, &block::PassthroughPolicy::format},
                        {{0x9e, 0x1a}, &block::PassthroughPolicy::format},
                        {{0x1d, 0x10}, &block::PassthroughPolicy::diagnostics},
                        {{0x1d, 0x05}, &block::PassthroughPolicy::diagnostics},
                        {{0x85}, &block::PassthroughPolicy::ata},
                        {{0xa1}, &block::PassthroughPolicy::ata},
                        {{0x7f, 0, 0, 0, 0, 0, 0, 0x08, 0x1f, 0xf0}, &block::PassthroughPolicy::ata}};
  for (const Case& each : cases) {
    block::PassthroughPolicy policy;
    EXPECT_EQ(way(each.cdb), Way::refuse) << int{each.cdb[0]};
    policy.*each.word = true;
    EXPECT_EQ(way(each.cdb, disk, policy), Way::pass) << int{each.cdb[0]};
  }
}

TEST(Passage, WhatIsDailyWorkOfADeviceNeedsNoPermission) {
  EXPECT_EQ(way({0x3b, 0x02}), Way::pass);             // WRITE BUFFER, data
  EXPECT_EQ(way({0x1d, 0x04}), Way::pass);             // the default self-test
  EXPECT_EQ(way({0x9e, 0x10}), Way::pass);             // READ CAPACITY(16)
  EXPECT_EQ(way({0x1d, 0x10}, enclosure), Way::pass);  // how an enclosure is steered
  EXPECT_EQ(way({0x04}, tape), Way::pass);             // FORMAT MEDIUM makes partitions
  EXPECT_EQ(way({0x19}, tape), Way::pass);
  EXPECT_EQ(way({0xa1}, multimedia), Way::pass);  // BLANK
}

TEST(Passage, NacaIsRefused) {
  EXPECT_EQ(way({0x00, 0, 0, 0, 0, 0x04}), Way::refuse);
  EXPECT_EQ(of({0x28, 0, 0, 0, 0, 0, 0, 0, 1, 0x04}).refusal.field, 9u);
  EXPECT_EQ(way({0xc5, 0, 0, 0, 0, 0x04, 0, 0, 0, 0x04}), Way::pass);  // a maker's own: nobody knows
}

TEST(Passage, TheLengthOfACdb) {
  EXPECT_EQ(of({0x08}, tape).cdb_length, 6);
  EXPECT_EQ(of({0x28}).cdb_length, 10);
  EXPECT_EQ(of({0xa8}).cdb_length, 12);
  EXPECT_EQ(of({0x88}).cdb_length, 16);
  EXPECT_EQ(of({0xc0, 1}).cdb_length, 10);
  EXPECT_EQ(of({0xc0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}).cdb_length, 12);
  EXPECT_EQ(of({0xc0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}).cdb_length, 16);
  std::vector<uint8_t> read32(32);
  read32[0] = 0x7f;
  read32[7] = 0x18;
  read32[9] = 0x09;
  EXPECT_EQ(of(read32).cdb_length, 32);
  EXPECT_EQ(of(read32).way, Way::pass);
  read32[7] = 0xff;  // more than the transport brought
  EXPECT_EQ(of(read32).way, Way::refuse);
}

TEST(Passage, WhatReadsAndWhatWrites) {
  struct Case {
    uint8_t type, opcode;
    unit::CommandEffect effect;
    bool changes;
  };
  constexpr auto none = unit::CommandEffect::none, reads = unit::CommandEffect::reads,
                 writes = unit::CommandEffect::writes;
  const Case cases[] = {
      {disk, 0x28, reads, false},       {disk, 0x2a, writes, true},       {disk, 0x42, writes, true},
      {disk, 0x00, none, false},        {disk, 0x15, writes, false},      {disk, 0x95, reads, false},
      {disk, 0xc5, writes, true},       {disk, 0xef, writes, true},       {tape, 0x08, writes, false},
      {tape, 0x0a, writes, true},       {tape, 0x10, writes, true},       {tape, 0x01, writes, false},
      {tape, 0x05, none, false},        {tape, 0x91, writes, false},      {tape, 0x93, writes, true},
      {changer, 0xa5, writes, true},    {changer, 0xb8, writes, false},   {multimedia, 0x43, none, false},
      {multimedia, 0xbe, reads, false}, {multimedia, 0xa1, writes, true}, {multimedia, 0x2a, writes, true}};
  for (const Case& each : cases) {
    const Passage passage = of({each.opcode}, each.type);
    EXPECT_EQ(passage.effect, each.effect) << int{each.type} << " " << int{each.opcode};
    EXPECT_EQ(passage.changes, each.changes) << int{each.type} << " " << int{each.opcode};
  }
}

// Whatever comes, it is decided: no byte of a CDB leads out of bounds, and nothing unknown passes for harmless.
TEST(Passage, EveryOperationCodeOfEveryKindOfDevice) {
  for (int type = 0; type < 32; ++type) {
    for (int opcode = 0; opcode < 256; ++opcode) {
      const Passage passage = of({static_cast<uint8_t>(opcode), 0x1f, 0xff}, static_cast<uint8_t>(type));
      if (passage.way == Way::refuse) {
        EXPECT_NE(passage.refusal.key, SenseKey::no_sense);
        continue;
      }
      EXPECT_GE(passage.cdb_length, 6);
      EXPECT_LE(passage.cdb_length, 32);
      EXPECT_GT(passage.timeout.count(), 0);
      if (opcode >= 0xc0 && opcode != 0xe7) EXPECT_TRUE(passage.changes) << type << " " << opcode;
    }
  }
}

}  // namespace
}  // namespace ashlar::scsi
