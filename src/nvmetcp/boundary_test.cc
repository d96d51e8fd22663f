// Every command of blocks at the edges of its fields: it ends as the standard says (NVM command set 1.0 3.2), and changes nothing
// that it does not name.
#include <gtest/gtest.h>

#include <set>

#include "nvmetcp/array_test.h"

namespace ashlar::nvmetcp::test {
namespace {

using initiator::nvme_blocks;

constexpr uint64_t volume_blocks = volume_bytes / 512;
constexpr uint64_t most_transferred = (1u << 20) / 512;
constexpr uint64_t last_block = volume_blocks - 1;
constexpr uint64_t lbas[] = {
    0,          1,           last_block - 1,   last_block,     last_block + 1, 2 * volume_blocks,
    0xffffffff, 0x100000000, UINT64_MAX / 512, UINT64_MAX / 2, UINT64_MAX - 1, UINT64_MAX};
constexpr uint32_t counts[] = {
    1,     2,    most_transferred, most_transferred + 1, volume_blocks - 1, volume_blocks, volume_blocks + 1,
    65535, 65536};

bool outside(uint64_t lba, uint64_t count) { return lba >= volume_blocks || count > volume_blocks - lba; }

/// What stands in each block when nothing was done wrong: its own number, so that what is misplaced is seen.
std::vector<uint8_t> content(uint64_t lba, uint64_t count) {
  std::vector<uint8_t> data(count * 512);
  for (uint64_t i = 0; i < count; ++i) {
    for (uint64_t at = 0; at < 512; at += 8) store_le64(&data[i * 512 + at], lba + i + 1);
  }
  return data;
}

Task<void> fill(NvmeQueue& queue, uint64_t lba, uint64_t count) {
  for (uint64_t at = lba; at < lba + count; at += most_transferred) {
    const uint64_t now = std::min(most_transferred, lba + count - at);
    EXPECT_EQ(co_await write_blocks(queue, at, content(at, now)), Status::success);
  }
}

Task<void> expect_untouched(NvmeQueue& queue, std::string after) {
  for (uint64_t at = 0; at < volume_blocks; at += most_transferred) {
    EXPECT_EQ(co_await read_blocks(queue, at, most_transferred), content(at, most_transferred)) << after;
  }
}

struct BlockCommand {
  IoOpcode opcode;
  const char* name;
  bool moves, sends;
};
constexpr BlockCommand block_commands[] = {{IoOpcode::read, "Read", true, false},
                                           {IoOpcode::write, "Write", true, true},
                                           {IoOpcode::compare, "Compare", true, true},
                                           {IoOpcode::verify, "Verify", false, false},
                                           {IoOpcode::write_zeroes, "Write Zeroes", false, false}};

/// What lies behind the capacity is named as that or, where too much is asked for at once, as that.
std::set<Status> allowed(const BlockCommand& command, uint64_t lba, uint64_t count) {
  std::set<Status> ends;
  if (outside(lba, count)) ends.insert(Status::lba_out_of_range);
  if (command.moves && count > most_transferred) ends.insert(Status::invalid_field);
  if (ends.empty()) ends.insert(Status::success);
  return ends;
}

Task<Status> run_blocks(NvmeQueue& queue, const BlockCommand& command, uint64_t lba, uint32_t count) {
  const auto entry = nvme_blocks(command.opcode, 1, lba, count);
  const uint64_t sent = std::min<uint64_t>(count, most_transferred + 1);  // what is longer is refused unseen
  const auto room = static_cast<uint32_t>(command.moves && !command.sends ? sent * 512 : 0);
  return status_of(queue, entry, command.sends ? content(lba, sent) : no_data, room);
}

Task<void> every_command(Array*, NvmeController* controller) {
  NvmeQueue& queue = controller->io();
  co_await fill(queue, 0, volume_blocks);
  for (const BlockCommand& command : block_commands) {
    for (const uint64_t lba : lbas) {
      for (const uint32_t count : counts) {
        const Status status = co_await run_blocks(queue, command, lba, count);
        EXPECT_TRUE(allowed(command, lba, count).contains(status))
            << command.name << " of " << count << " blocks at " << lba << ": status "
            << static_cast<unsigned>(status);
        if (command.opcode == IoOpcode::write_zeroes && status == Status::success)
          co_await fill(queue, lba, count);
      }
    }
    co_await expect_untouched(queue, command.name);
  }
}

TEST(NvmeBoundaries, EveryCommandOfBlocksKeepsWithinItsRange) {
  Array array;
  array.run_attached(1, every_command);
  EXPECT_EQ(array.buffers_in_use(), 0u);
}

// Dataset Management: one range that is wrong, and nothing is deallocated.
Task<void> every_range(Array*, NvmeController* controller) {
  NvmeQueue& queue = controller->io();
  co_await fill(queue, 0, volume_blocks);
  constexpr uint32_t lengths[] = {0, 1, 2, volume_blocks, volume_blocks + 1, 0x7fffffff, 0xffffffff};
  for (const uint64_t lba : lbas) {
    for (const uint32_t count : lengths) {
      Submission entry;
      entry.set_opcode(static_cast<uint8_t>(IoOpcode::dataset_management));
      entry.set_namespace_id(1);
      entry.set_word(10, 1);  // two ranges: a good one before it
      entry.set_word(11, 4);
      std::vector<uint8_t> ranges(32);
      store_le32(&ranges[4], 1);
      store_le64(&ranges[8], 5);
      store_le32(&ranges[20], count);
      store_le64(&ranges[24], lba);
      const Status status = co_await status_of(queue, entry, ranges);
      // A range of no blocks right behind the last one: either way.
      const bool wrong = lba > volume_blocks || count > volume_blocks - lba;
      EXPECT_EQ(status, wrong ? Status::lba_out_of_range : Status::success) << count << " blocks at " << lba;
      if (status != Status::success) continue;
      EXPECT_EQ(co_await read_blocks(queue, 5, 1), std::vector<uint8_t>(512));
      co_await fill(queue, 5, 1);
      co_await fill(queue, lba, count);
    }
  }
  co_await expect_untouched(queue, "Dataset Management");
}

TEST(NvmeBoundaries, EveryRangeOfDatasetManagement) {
  Array array;
  array.run_attached(1, every_range);
  EXPECT_EQ(array.buffers_in_use(), 0u);
}

// Copy: of the source and of the destination.
Task<Status> copy_blocks(NvmeQueue& queue, uint64_t from, uint64_t to, uint32_t count) {
  Submission entry;
  entry.set_opcode(static_cast<uint8_t>(IoOpcode::copy));
  entry.set_namespace_id(1);
  entry.set_pair(10, to);
  std::vector<uint8_t> sources(32);
  store_le64(&sources[8], from);
  wire::nvme::store_le16(&sources[16], static_cast<uint16_t>(count - 1));
  return status_of(queue, entry, std::move(sources));
}

Task<void> every_copy(Array*, NvmeController* controller) {
  NvmeQueue& queue = controller->io();
  co_await fill(queue, 0, volume_blocks);
  for (const uint64_t lba : lbas) {
    for (const uint32_t count : counts) {
      for (const bool of_source : {true, false}) {
        const uint64_t from = of_source ? lba : 0, to = of_source ? 0 : lba;
        const Status status = co_await copy_blocks(queue, from, to, count);
        std::set<Status> ends;
        if (outside(from, count) || outside(to, count)) ends.insert(Status::lba_out_of_range);
        if (count > 65535) ends.insert(Status::command_size_limit_exceeded);  // MSSRL
        if (ends.empty()) ends.insert(Status::success);
        EXPECT_TRUE(ends.contains(status)) << count << " blocks from " << from << " to " << to << ": status "
                                           << static_cast<unsigned>(status);
        if (status == Status::success) co_await fill(queue, to, count);
      }
    }
  }
  co_await expect_untouched(queue, "Copy");
}

TEST(NvmeBoundaries, EverySourceAndDestinationOfCopy) {
  Array array;
  array.run_attached(1, every_copy);
  EXPECT_EQ(array.buffers_in_use(), 0u);
}

// Every opcode on ids that no namespace has: answered, and nobody is hurt.
Task<void> every_namespace_id(Array*, NvmeController* controller) {
  for (uint32_t opcode = 0; opcode < 256; ++opcode) {
    if (opcode == wire::nvme::fabrics_opcode) continue;
    for (const uint32_t id : {0u, 3u, 257u, 16385u, 0xfffffffeu, 0xffffffffu}) {
      Submission entry;
      entry.set_opcode(static_cast<uint8_t>(opcode));
      entry.set_namespace_id(id);
      const Status status =
          co_await status_of(controller->io(), entry, entry.sends_data() ? pattern(512, 1) : no_data,
                             entry.takes_data() ? 512 : 0);
      EXPECT_TRUE(status == Status::invalid_opcode || status == Status::invalid_namespace)
          << "opcode " << opcode << " on " << id << ": status " << static_cast<unsigned>(status);
    }
  }
}

TEST(NvmeBoundaries, EveryOpcodeOnIdsThatNoNamespaceHas) {
  Array array;
  array.run_attached(1, every_namespace_id);
  EXPECT_EQ(array.buffers_in_use(), 0u);
}

}  // namespace
}  // namespace ashlar::nvmetcp::test
