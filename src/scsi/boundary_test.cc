// Every command at the edges of its fields: it is answered once, as the standard allows, and changes nothing that it does not name.
#include <set>

#include "scsi/host_test.h"
#include "scsi/opcode.h"

namespace ashlar::scsi::test {
namespace {

constexpr uint64_t boundary_blocks = 18432;  // of 512 bytes: 1 MiB more than one command may transfer
constexpr uint64_t most_transferred = 16384;
constexpr uint8_t pattern = 0x5a;

/// Where a CDB of blocks has its range (SBC-3 5.x), and what zero blocks mean.
struct RangeFields {
  uint8_t lba_at, lba_bytes, count_at, count_bytes;
};
RangeFields range_of(const Opcode& opcode) {
  switch (opcode.opcode) {
    case 0x08:
    case 0x0a: return {1, 3, 4, 1};   // 21 bits
    case 0x89: return {2, 8, 13, 1};  // COMPARE AND WRITE
    case 0x9c: return {2, 8, 12, 2};  // WRITE ATOMIC(16)
    case 0x7f: return {12, 8, 28, 4};
    default: break;
  }
  if (opcode.length == 10) return {2, 4, 7, 2};
  if (opcode.length == 12) return {2, 4, 6, 4};
  return {2, 8, 10, 4};
}
/// Commands on a range of blocks that the CDB itself names.
bool of_range(const Opcode& opcode) {
  static const std::set<std::string_view> stems = {
      "READ",       "WRITE",   "WRITE AND VERIFY",  "VERIFY",      "PRE-FETCH", "SYNCHRONIZE CACHE",
      "WRITE SAME", "ORWRITE", "COMPARE AND WRITE", "WRITE ATOMIC"};
  return stems.contains(opcode.name.substr(0, opcode.name.find('(')));
}
bool named(const Opcode& opcode, std::string_view stem) {
  return opcode.name.substr(0, opcode.name.find('(')) == stem;
}
bool sends_blocks(const Opcode& opcode) { return opcode.has(writes) && !named(opcode, "WRITE SAME"); }

Cdb cdb_of(const Opcode& opcode) {
  Cdb cdb(opcode.length);
  cdb[0] = opcode.opcode;
  if (opcode.opcode == variable_length) {
    cdb[7] = 0x18;
    store_be16(&cdb[8], static_cast<uint16_t>(opcode.service_action));
  } else if (opcode.service_action >= 0) {
    cdb[1] = static_cast<uint8_t>(opcode.service_action);
  }
  return cdb;
}
/// False when the field does not hold the value.
bool place(Cdb& cdb, uint8_t at, uint8_t bytes, uint64_t value) {
  const int bits = at == 1 ? 21 : bytes * 8;
  if (bits < 64 && value >> bits != 0) return false;
  for (size_t end = size_t{at} + bytes; end > at; --end, value >>= 8)
    cdb[end - 1] = static_cast<uint8_t>(value);
  return true;
}

class Boundaries : public testing::Test {
 protected:
  static constexpr BufferPool::Sizes sizes{.small = 32, .medium = 16, .large = 64};

  /// A target that nothing was done to.
  void renew(uint64_t blocks) {
    medium_ = nullptr;
    target_.reset();
    target_ = std::make_unique<TestTarget>(1, sizes, &keeper_);
    medium_ = &target_->add_volume("v", blocks);
    std::ranges::fill(medium_->data, pattern);
    medium_->mark(0, blocks * 512, true);
    target_->set_access({.group = "g", .explicit_changes = true}, {"v"});
    host_ = &target_->login({{0, "v"}});
    run({0, 0, 0, 0, 0, 0}, {}, 0);
  }
  std::unique_ptr<HostTask> run(const Cdb& cdb, std::vector<uint8_t> data_out, uint32_t room) {
    auto task = std::make_unique<HostTask>();
    std::ranges::copy(cdb, task->cdb.begin());
    task->cdb_length = static_cast<uint8_t>(std::max<size_t>(cdb.size(), 16));
    task->data_out = std::move(data_out);
    task->expected_data_out_bytes = static_cast<uint32_t>(task->data_out.size());
    task->expected_data_in_bytes = room;
    task->tag = ++tag_;
    target_->submit(*host_, *task);
    target_->shards.run();
    return task;
  }
  /// Outside of [lba, lba + count) all is as it was; inside it is made so again.
  void expect_untouched(uint64_t lba, uint64_t count, const std::string& what) {
    const auto same = [](auto from, auto to) {
      return std::all_of(from, to, [](uint8_t byte) { return byte == pattern; });
    };
    auto& data = medium_->data;
    const uint64_t first = std::min<uint64_t>(lba * 512, data.size());
    const uint64_t end = std::min<uint64_t>((lba + count) * 512, data.size());
    const auto at = [&](uint64_t offset) { return data.data() + offset; };
    // Quick where nothing is wrong: a megabyte against the pattern.
    for (uint64_t offset = 0; offset < data.size(); offset += reference_.size()) {
      const uint64_t stop = std::min<uint64_t>(offset + reference_.size(), data.size());
      if (std::memcmp(at(offset), reference_.data(), stop - offset) == 0) continue;
      ASSERT_TRUE(same(at(offset), at(std::clamp(first, offset, stop)))) << what << " wrote before its range";
      ASSERT_TRUE(same(at(std::clamp(end, offset, stop)), at(stop))) << what << " wrote behind its range";
    }
    std::fill(at(first), at(end), pattern);
  }

  FakeKeeper keeper_;
  std::unique_ptr<TestTarget> target_;
  FakeMedium* medium_ = nullptr;
  NexusState* host_ = nullptr;
  uint64_t tag_ = 0;
  const std::vector<uint8_t> reference_ = filled(1u << 20, pattern);
};

/// How a command on [lba, lba + count) may end: SBC-3 4.2.3 (what lies behind the capacity), B0h (what is longer than the unit
/// transfers), and what zero means to each.
std::set<std::string> allowed(const Opcode& opcode, uint64_t lba, uint64_t count) {
  static constexpr char out_of_range[] = "5/21/00", too_long[] = "5/24/00";
  const bool moves = !named(opcode, "VERIFY") && !named(opcode, "PRE-FETCH") &&
                     !named(opcode, "SYNCHRONIZE CACHE") && !named(opcode, "WRITE SAME");
  const bool outside = lba > boundary_blocks || count > boundary_blocks - lba;
  std::set<std::string> ends;
  if (outside) ends.insert(out_of_range);
  if (moves && count > most_transferred) ends.insert(too_long);
  if (named(opcode, "COMPARE AND WRITE") && count > 255) ends.insert(too_long);
  if (named(opcode, "WRITE ATOMIC") && count > (1u << 20) / 512) ends.insert(too_long);
  if (!ends.empty()) return ends;
  if (lba == boundary_blocks) ends.insert(out_of_range);  // with a count of zero: either way
  ends.insert("GOOD");
  return ends;
}

TEST_F(Boundaries, EveryCommandOfBlocksKeepsWithinItsRange) {
  constexpr uint64_t last = boundary_blocks - 1;
  constexpr uint64_t lbas[] = {0,        1,          last - 1,    last,           last + 1,
                               0x1fffff, 0xffffffff, 0x100000000, UINT64_MAX - 1, UINT64_MAX};
  constexpr uint64_t counts[] = {0,
                                 1,
                                 2,
                                 255,
                                 256,
                                 2048,
                                 2049,
                                 most_transferred,
                                 most_transferred + 1,
                                 boundary_blocks,
                                 boundary_blocks + 1,
                                 0xffff,
                                 0x7fffffff,
                                 0xffffffff};
  renew(boundary_blocks);
  uint32_t cases = 0, commands = 0;
  for (const Opcode& opcode : all_opcodes()) {
    if (!of_range(opcode)) continue;
    ++commands;
    const RangeFields range = range_of(opcode);
    for (const uint64_t lba : lbas) {
      for (const uint64_t count : counts) {
        Cdb cdb = cdb_of(opcode);
        if (!place(cdb, range.lba_at, range.lba_bytes, lba) ||
            !place(cdb, range.count_at, range.count_bytes, count))
          continue;
        const bool six = opcode.length == 6;
        const uint64_t blocks = six && count == 0 ? 256 : count;  // SBC-3 5.8
        const bool to_the_end = count == 0 && named(opcode, "WRITE SAME") && lba <= boundary_blocks;
        const uint64_t sent = sends_blocks(opcode) ? std::min<uint64_t>(blocks, boundary_blocks) : 1;
        const uint64_t twice = named(opcode, "COMPARE AND WRITE") ? 2 : 1;
        const bool brings = opcode.has(writes);
        const auto done = run(cdb, filled(brings ? sent * twice * 512 : 0, pattern ^ (twice == 2 ? 0 : 0xff)),
                              brings ? 0 : 16u << 20);
        const std::string what = fmt::format("{}, LBA {}, {} blocks", opcode.name, lba, count);
        ASSERT_EQ(done->completions, 1) << what;
        ASSERT_TRUE(allowed(opcode, lba, blocks).contains(ending(*done))) << what << ": " << ending(*done);
        const bool good = ending(*done) == "GOOD";
        if (good && named(opcode, "READ")) ASSERT_EQ(done->data_in.size(), blocks * 512) << what;
        ASSERT_NO_FATAL_FAILURE(expect_untouched(lba,
                                                 !good || !brings ? 0
                                                 : to_the_end     ? boundary_blocks - lba
                                                                  : blocks,
                                                 what));
        ++cases;
      }
    }
  }
  EXPECT_EQ(target_->domains[0]->loop().buffers().in_use(), 0u);
  EXPECT_TRUE(medium_->locks.empty());
  EXPECT_EQ(commands, 29u);
  EXPECT_GT(cases, 2500u);
}

/// Where a command that is not of blocks has fields of several bytes: every run of whole bytes, and every byte alone.
std::vector<std::pair<uint8_t, uint8_t>> fields_of(const Opcode& opcode) {
  std::vector<std::pair<uint8_t, uint8_t>> fields;
  const uint8_t first = opcode.opcode == variable_length ? 10 : 1;
  for (uint8_t at = first; at < opcode.length; ++at) {
    if (opcode.usage[at] == 0) continue;
    for (const uint8_t bytes : {1, 2, 3, 4, 8}) {
      if (at + bytes > opcode.length) break;
      const auto whole = [](uint8_t used) { return used == 0xff; };
      if (bytes > 1 && !std::all_of(&opcode.usage[at], &opcode.usage[at] + bytes, whole)) break;
      fields.emplace_back(at, bytes);
    }
  }
  return fields;
}

// What they say depends on much; that they say it once, without harm to the medium and with all given back, does not.
TEST_F(Boundaries, EveryFieldOfEveryCommandAtItsEdges) {
  constexpr uint64_t values[] = {0,
                                 1,
                                 2,
                                 7,
                                 8,
                                 24,
                                 0x7f,
                                 0x80,
                                 0xff,
                                 255,
                                 256,
                                 0xffff,
                                 0x10000,
                                 0xffffff,
                                 0x7fffffff,
                                 0xffffffff,
                                 UINT64_MAX >> 1,
                                 UINT64_MAX};
  constexpr uint32_t list_bytes[] = {0, 1, 8, 24, 300};
  uint32_t cases = 0;
  for (const Opcode& opcode : all_opcodes()) {
    renew(64);
    for (const auto& [at, bytes] : fields_of(opcode)) {
      for (const uint64_t value : values) {
        Cdb cdb = cdb_of(opcode);
        if (bytes < 8 && value >> (8 * bytes) != 0) continue;
        const uint8_t kept = cdb[at];
        place(cdb, at == 1 ? 0 : at, at == 1 ? 2 : bytes, value);
        if (at == 1) cdb[1] = static_cast<uint8_t>(kept | (value & opcode.usage[1])), cdb[0] = opcode.opcode;
        cdb[at] &= at == 1 ? 0xff : opcode.usage[at];
        // An ACA condition would turn all that follows away: allegiance_test.cc has those.
        if (at == (opcode.opcode == variable_length ? 1 : opcode.length - 1))
          cdb[at] &= static_cast<uint8_t>(~normal_allegiance_bit);
        for (const uint32_t sent : list_bytes) {
          const bool ones = (value & 1) != 0;
          const auto done = run(cdb, filled(sent, ones ? 0xff : 0x00), sent == 0 ? 65536 : 0);
          const std::string what =
              fmt::format("{}, byte {}, {} bytes of {:x}, a list of {}", opcode.name, at, bytes, value, sent);
          ASSERT_EQ(done->completions, 1) << what;
          const SenseKey key = done->sense.key;
          ASSERT_TRUE(done->status == ScsiStatus::good || done->status == ScsiStatus::reservation_conflict ||
                      done->status == ScsiStatus::check_condition)
              << what << ": " << ending(*done);
          ASSERT_FALSE(key == SenseKey::hardware_error || key == SenseKey::aborted_command)
              << what << ": " << ending(*done);
          ASSERT_EQ(target_->domains[0]->loop().buffers().in_use(), 0u) << what;
          if (!opcode.has(writes)) ASSERT_NO_FATAL_FAILURE(expect_untouched(0, 0, what));
          ++cases;
        }
      }
    }
  }
  EXPECT_GT(cases, 10000u);
}

}  // namespace
}  // namespace ashlar::scsi::test
