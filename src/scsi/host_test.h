// For tests: a host with one volume, and commands as one line each.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <ostream>
#include <string>
#include <vector>

#include "scsi/harness_test.h"

namespace ashlar::scsi::test {

using Cdb = std::vector<uint8_t>;

/// How a command ended, in a form that tests compare: "GOOD", "5/24/00", "BUSY" ...
inline std::string ending(const HostTask& task) {
  if (task.completions == 0) return "pending";
  if (task.completions > 1) return "answered more than once";
  if (task.aborted()) return "aborted";
  switch (task.status) {
    case ScsiStatus::good: return "GOOD";
    case ScsiStatus::busy: return "BUSY";
    case ScsiStatus::task_set_full: return "TASK SET FULL";
    case ScsiStatus::check_condition:
      return fmt::format("{:x}/{:02x}/{:02x}", static_cast<int>(task.sense.key), task.sense.code >> 8,
                         task.sense.code & 0xff);
    default: return fmt::format("status {:02x}", static_cast<int>(task.status));
  }
}

inline Cdb cdb6(uint8_t opcode, uint8_t b1 = 0, uint8_t b2 = 0, uint8_t b3 = 0, uint8_t b4 = 0) {
  return {opcode, b1, b2, b3, b4, 0};
}
inline Cdb cdb10(uint8_t opcode, uint32_t lba, uint16_t blocks, uint8_t b1 = 0) {
  Cdb cdb(10);
  cdb[0] = opcode;
  cdb[1] = b1;
  store_be32(&cdb[2], lba);
  store_be16(&cdb[7], blocks);
  return cdb;
}
inline Cdb cdb12(uint8_t opcode, uint32_t lba, uint32_t blocks, uint8_t b1 = 0) {
  Cdb cdb(12);
  cdb[0] = opcode;
  cdb[1] = b1;
  store_be32(&cdb[2], lba);
  store_be32(&cdb[6], blocks);
  return cdb;
}
inline Cdb cdb16(uint8_t opcode, uint64_t lba, uint32_t blocks, uint8_t b1 = 0) {
  Cdb cdb(16);
  cdb[0] = opcode;
  cdb[1] = b1;
  store_be64(&cdb[2], lba);
  store_be32(&cdb[10], blocks);
  return cdb;
}
inline Cdb cdb32(uint16_t action, uint64_t lba, uint32_t blocks, uint8_t flags = 0) {
  Cdb cdb(32);
  cdb[0] = 0x7f;
  cdb[7] = 0x18;
  store_be16(&cdb[8], action);
  cdb[10] = flags;
  store_be64(&cdb[12], lba);
  store_be32(&cdb[28], blocks);
  return cdb;
}
inline std::vector<uint8_t> filled(size_t bytes, uint8_t value) { return std::vector<uint8_t>(bytes, value); }

/// `room`: bytes of data-in that the host expects.
inline std::unique_ptr<HostTask> make_task(uint64_t tag, const Cdb& cdb, std::vector<uint8_t> data_out,
                                           uint32_t room, uint16_t lun = 0) {
  auto out = std::make_unique<HostTask>();
  std::ranges::copy(cdb, out->cdb.begin());
  out->cdb_length = static_cast<uint8_t>(std::max<size_t>(cdb.size(), 16));
  out->lun = wire::scsi::encode_lun(lun);
  out->data_out = std::move(data_out);
  out->expected_data_out_bytes = static_cast<uint32_t>(out->data_out.size());
  out->expected_data_in_bytes = room;
  out->tag = tag;
  return out;
}

/// One target, one volume "v" of 4096 blocks as LUN 0, one host that has seen its power-on attention.
class ScsiTest : public testing::Test {
 protected:
  explicit ScsiTest(uint32_t block_bytes = 512, uint32_t shards = 1, unit::Keeper* keeps = nullptr)
      : target(shards, {.small = 256, .medium = 64, .large = 128}, keeps) {
    medium = &target.add_volume("v", 4096, block_bytes);
  }
  void SetUp() override { host = &login(); }
  NexusState& login(std::vector<TestMapping> mappings = {{0, "v"}}, uint32_t shard = 0, uint16_t tag = 1) {
    NexusState& nexus = target.login(mappings, shard, tag);
    for (const TestMapping& mapping : mappings) run(nexus, cdb6(0x00), {}, 0, mapping.lun);
    return nexus;
  }
  std::unique_ptr<HostTask> task(const Cdb& cdb, std::vector<uint8_t> data_out = {}, uint32_t room = 0,
                                 uint16_t lun = 0) {
    return make_task(next_tag++, cdb, std::move(data_out), room, lun);
  }
  std::unique_ptr<HostTask> start(NexusState& nexus, const Cdb& cdb, std::vector<uint8_t> data_out = {},
                                  uint32_t room = 0) {
    auto out = task(cdb, std::move(data_out), room);
    target.submit(nexus, *out);
    target.shards.run();
    return out;
  }
  std::unique_ptr<HostTask> run(NexusState& nexus, const Cdb& cdb, std::vector<uint8_t> data_out = {},
                                uint32_t room = 0, uint16_t lun = 0) {
    auto out = task(cdb, std::move(data_out), room, lun);
    target.submit(nexus, *out);
    target.shards.run();
    EXPECT_EQ(out->completions, 1) << "opcode " << int{cdb[0]};
    return out;
  }
  std::unique_ptr<HostTask> run(const Cdb& cdb, std::vector<uint8_t> data_out = {}, uint32_t room = 0) {
    return run(*host, cdb, std::move(data_out), room);
  }
  std::string end(const Cdb& cdb, std::vector<uint8_t> data_out = {}, uint32_t room = 65536) {
    return ending(*run(*host, cdb, std::move(data_out), room));
  }
  std::vector<uint8_t> data(const Cdb& cdb, uint32_t room = 65536) {
    const auto done = run(*host, cdb, {}, room);
    EXPECT_EQ(ending(*done), "GOOD");
    return done->data_in;
  }
  /// The byte of the CDB or the list that the sense points at; "none".
  static std::string field(const HostTask& task) {
    if (!task.sense.field_valid) return "none";
    const std::string where =
        fmt::format("{} {}", task.sense.field_in_cdb ? "cdb" : "list", task.sense.field);
    return task.sense.bit_valid ? fmt::format("{}.{}", where, task.sense.bit) : where;
  }
  /// Units where hosts may change access states know one command more.
  void allow_explicit_changes() {
    target.set_access({.group = "g", .explicit_changes = true}, {"v"});
    EXPECT_EQ(end(cdb6(0x00)), "6/3f/03");
  }
  uint32_t block() const { return medium->limits.block_bytes; }
  std::vector<uint8_t> on_medium(uint64_t lba, uint32_t blocks) const {
    const auto begin = medium->data.begin() + static_cast<std::ptrdiff_t>(lba * block());
    return {begin, begin + static_cast<std::ptrdiff_t>(uint64_t{blocks} * block())};
  }
  void TearDown() override {
    EXPECT_EQ(target.domains[0]->loop().buffers().in_use(), 0u);
    EXPECT_TRUE(medium->locks.empty());
  }

  uint64_t next_tag = 1;
  TestTarget target;
  FakeMedium* medium;
  NexusState* host = nullptr;
};

}  // namespace ashlar::scsi::test
