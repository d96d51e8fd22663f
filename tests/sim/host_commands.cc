// The commands of a simulated host: build the CDB, tell the checker, wait, tell the checker how it ended.
#include <fmt/format.h>

#include <algorithm>

#include "base/bytes.h"
#include "sim/host.h"

namespace ashlar::simulation {
namespace {

using initiator::Outcome;
using loop::milliseconds;
using loop::Nanoseconds;
using loop::seconds;

constexpr Nanoseconds command_timeout = seconds(15);
constexpr Nanoseconds abort_timeout = seconds(5);
constexpr uint32_t verify_bytes = 65536;

enum Opcode : uint8_t {
  read_10 = 0x28,
  write_10 = 0x2a,
  synchronize_cache_10 = 0x35,
  unmap_opcode = 0x42,
  read_16 = 0x88,
  compare_and_write_opcode = 0x89,
  write_16 = 0x8a,
  write_and_verify_16 = 0x8e,
  synchronize_cache_16 = 0x91,
  write_same_16 = 0x93,
};

initiator::Cdb cdb_10(uint8_t opcode, uint8_t flags, uint64_t lba, uint32_t blocks) {
  initiator::Cdb cdb{};
  cdb[0] = opcode;
  cdb[1] = flags;
  store_be32(&cdb[2], static_cast<uint32_t>(lba));
  store_be16(&cdb[7], static_cast<uint16_t>(blocks));
  return cdb;
}

initiator::Cdb cdb_16(uint8_t opcode, uint8_t flags, uint64_t lba, uint32_t blocks) {
  initiator::Cdb cdb{};
  cdb[0] = opcode;
  cdb[1] = flags;
  store_be64(&cdb[2], lba);
  store_be32(&cdb[10], blocks);
  return cdb;
}

struct SenseCode {
  uint8_t key = 0;
  uint16_t code = 0;
};
SenseCode code_of(ConstBytes sense) {
  if (sense.size() < 4) return {};
  const bool descriptor = (sense[0] & 0x7f) >= 0x72;
  if (descriptor) return {static_cast<uint8_t>(sense[1] & 0xf), load_be16(&sense[2])};
  return {static_cast<uint8_t>(sense[2] & 0xf), sense.size() > 13 ? load_be16(&sense[12]) : uint16_t{0}};
}

}  // namespace

Checker::WriteSpec Host::spec_of(const Place& place, Checker::Content content, bool fua) const {
  Checker::WriteSpec spec;
  spec.volume = place.volume;
  spec.first_sector = place.first_sector();
  spec.sectors = place.sectors();
  spec.content = content;
  spec.same_period = place.block_bytes / sector_bytes;
  spec.durable = fua || !scenario_.volumes[place.volume].write_cache;
  spec.session = *incarnation_;
  return spec;
}

// The slot's memory as one piece or two.
void Host::place_data(Slot& slot, uint32_t bytes) {
  const size_t first = random_.chance(0.3) && bytes > 1 ? random_.between(1, bytes - 1) : bytes;
  slot.parts[0] = {slot.memory.data(), first};
  slot.parts[1] = {slot.memory.data() + first, bytes - first};
}

Verdict Host::judge(const Slot& slot) {
  const initiator::Command& command = slot.command;
  switch (command.outcome) {
    case Outcome::not_sent: return Verdict::rejected;
    case Outcome::unknown: return Verdict::unknown;
    case Outcome::aborted:
    case Outcome::target_failure: return Verdict::failed;
    case Outcome::answered: break;
  }
  if (command.status == 0x00) return Verdict::good;
  if (command.status == 0x08 || command.status == 0x28) return Verdict::rejected;  // BUSY, TASK SET FULL
  if (command.status == 0x40) return Verdict::failed;                              // TASK ABORTED
  const SenseCode sense = code_of(command.sense());
  if (command.status != 0x02 || sense.key == 0x5) {
    complain(fmt::format("{} was answered with status {:02x}, sense {:x}/{:04x}", command.describe(),
                         command.status, sense.key, sense.code));
    return Verdict::rejected;
  }
  const bool not_done =
      sense.key == 0x6 || sense.key == 0x2 || sense.key == 0xe;  // unit attention, not ready, miscompare
  return not_done ? Verdict::rejected : Verdict::failed;
}

// Submits the slot's command and waits; past its time it is aborted, and if that does not help the session ends.
loop::Task<Verdict> Host::execute(Slot& slot, uint32_t volume, bool may_abort) {
  initiator::Command& command = slot.command;
  command.lun = initiator::lun_bytes(static_cast<uint16_t>(volume));
  command.owner = &slot;
  command.done = [](initiator::Command& done) {
    auto& owner = *static_cast<Slot*>(done.owner);
    owner.answered = true;
    owner.wake.set();
  };
  slot.answered = false;
  slot.wake.reset();
  const bool abort = may_abort && random_.chance(scenario_.abort_chance);
  loop_.arm_after(slot, abort ? random_.between(Nanoseconds(10'000), milliseconds(2)) : command_timeout);
  session_->submit(command);
  co_await slot.wake;
  if (!slot.answered) {
    auto giving_up = give_up(slot, !abort);
    co_await giving_up;
  }
  loop_.cancel(slot);
  const Verdict verdict = judge(slot);
  switch (verdict) {
    case Verdict::good: ++counters_.good; break;
    case Verdict::rejected: ++counters_.rejected; break;
    case Verdict::failed: ++counters_.failed; break;
    case Verdict::unknown: ++counters_.unknown; break;
  }
  co_return verdict;
}

loop::Task<void> Host::give_up(Slot& slot, bool timed_out) {
  ++(timed_out ? counters_.timeouts : counters_.aborts);
  slot.wake.reset();
  if (session_->open()) {
    loop_.arm_after(slot, abort_timeout);
    auto aborting = session_->abort_task(slot.command);
    const auto outcome = co_await aborting;
    if (slot.answered) co_return;
    // "No such task": its answer is on the way.
    if (outcome) co_await slot.wake;
    if (slot.answered) co_return;
    slot.wake.reset();
    session_->close("a command had no answer");
  }
  if (!slot.answered) co_await slot.wake;
}

void Host::settle(uint32_t write, Verdict verdict) {
  switch (verdict) {
    case Verdict::good: return checker_.write_good(write);
    case Verdict::rejected: return checker_.write_rejected(write);
    case Verdict::failed: return checker_.write_failed(write);
    case Verdict::unknown: return checker_.write_unknown(write);
  }
}

// True when all of it was read.
loop::Task<bool> Host::read(Slot& slot, Place place) {
  const bool fua = random_.chance(0.05);
  slot.command.cdb = random_.chance(0.5) ? cdb_10(read_10, fua ? 8 : 0, place.lba, place.blocks)
                                         : cdb_16(read_16, fua ? 8 : 0, place.lba, place.blocks);
  std::fill_n(slot.memory.begin(), place.bytes(),
              uint8_t{0xa5});  // what is not received must not look like an old answer
  place_data(slot, place.bytes());
  slot.command.data_out = {};
  slot.command.data_in = slot.parts;
  const uint64_t reading = checker_.invoke_read(place.volume);
  auto executing = execute(slot, place.volume, true);
  const Verdict verdict = co_await executing;
  if (verdict != Verdict::good) {
    checker_.read_failed(reading);
    co_return false;
  }
  if (slot.command.received_bytes != place.bytes()) complain("GOOD for a read that gave less than was asked");
  const auto complaint = checker_.read_returned(reading, place.volume, place.first_sector(),
                                                ConstBytes(slot.memory).first(place.bytes()));
  if (complaint) complain(*complaint);
  co_return true;
}

loop::Task<void> Host::write(Slot& slot, Place place) {
  const bool fua = random_.chance(
      0.15);  // WRITE AND VERIFY is durable without it: what is verified is what the medium holds
  const uint8_t flags = fua ? 8 : 0;
  const uint64_t form = random_.below(20);
  slot.command.cdb = form == 0  ? cdb_16(write_and_verify_16, 0, place.lba, place.blocks)
                     : form < 9 ? cdb_10(write_10, flags, place.lba, place.blocks)
                                : cdb_16(write_16, flags, place.lba, place.blocks);
  const uint32_t write = checker_.invoke_write(spec_of(place, Checker::Content::stamped, fua || form == 0));
  for (uint32_t i = 0; i < place.sectors(); ++i) {
    put_stamp(checker_.stamp_of(write, place.first_sector() + i),
              Bytes(slot.memory).subspan(size_t{i} * sector_bytes, sector_bytes));
  }
  place_data(slot, place.bytes());
  slot.command.data_in = {};
  slot.command.data_out = slot.parts;
  auto executing = execute(slot, place.volume, true);
  const Verdict verdict = co_await executing;
  settle(write, verdict);
}

loop::Task<void> Host::write_same(Slot& slot, Place place) {
  const bool zeroes = random_.chance(0.6);
  const bool no_data = zeroes && random_.chance(0.5);
  const bool deallocate = zeroes && scenario_.can_unmap(place.volume) && random_.chance(0.5);
  const auto flags = static_cast<uint8_t>((deallocate ? 8 : 0) | (no_data ? 1 : 0));  // UNMAP, NDOB
  slot.command.cdb = cdb_16(write_same_16, flags, place.lba, place.blocks);
  const uint32_t write = checker_.invoke_write(
      spec_of(place, zeroes ? Checker::Content::zeroes : Checker::Content::same, false));
  std::fill_n(slot.memory.begin(), place.block_bytes, uint8_t{0});
  for (uint32_t i = 0; !zeroes && i < place.block_bytes / sector_bytes; ++i) {
    put_stamp(checker_.stamp_of(write, place.first_sector() + i),
              Bytes(slot.memory).subspan(size_t{i} * sector_bytes, sector_bytes));
  }
  place_data(slot, place.block_bytes);
  slot.command.data_in = {};
  slot.command.data_out = no_data ? std::span<const iovec>() : std::span<const iovec>(slot.parts);
  auto executing = execute(slot, place.volume, true);
  const Verdict verdict = co_await executing;
  settle(write, verdict);
}

// What clusters lock with: all hosts at the first few blocks, each expecting what it has just read.
loop::Task<void> Host::compare_and_write(Slot& slot, Place place) {
  place.blocks = std::min(place.blocks, 2u);
  place.lba = random_.below(3);
  auto reading = read(slot, place);
  const bool known = co_await reading;
  if (!known || !usable()) co_return;
  const bool fua = random_.chance(0.2);
  initiator::Cdb cdb = cdb_16(compare_and_write_opcode, fua ? 8 : 0, place.lba, 0);
  cdb[13] = static_cast<uint8_t>(place.blocks);
  slot.command.cdb = cdb;
  const uint64_t comparing = checker_.invoke_read(place.volume);
  const uint32_t write = checker_.invoke_write(spec_of(place, Checker::Content::stamped, fua));
  for (uint32_t i = 0; i < place.sectors(); ++i) {
    const size_t offset = place.bytes() + size_t{i} * sector_bytes;
    put_stamp(checker_.stamp_of(write, place.first_sector() + i),
              Bytes(slot.memory).subspan(offset, sector_bytes));
  }
  place_data(slot, 2 * place.bytes());
  slot.command.data_in = {};
  slot.command.data_out = slot.parts;
  auto executing = execute(slot, place.volume, true);
  const Verdict verdict = co_await executing;
  if (verdict != Verdict::good) {
    checker_.read_failed(comparing);
    settle(write, verdict);
    co_return;
  }
  const auto complaint =
      checker_.compare_and_write_good(comparing, write, ConstBytes(slot.memory).first(place.bytes()));
  if (complaint) complain(*complaint);
}

loop::Task<void> Host::unmap(Slot& slot, Place place) {
  if (!scenario_.can_unmap(place.volume)) co_return;
  const uint32_t write = checker_.invoke_write(spec_of(place, Checker::Content::unmap, false));
  initiator::Cdb cdb{};
  cdb[0] = unmap_opcode;
  store_be16(&cdb[7], 24);
  slot.command.cdb = cdb;
  std::fill_n(slot.memory.begin(), 24, uint8_t{0});
  store_be16(slot.memory.data(), 22);
  store_be16(slot.memory.data() + 2, 16);
  store_be64(slot.memory.data() + 8, place.lba);
  store_be32(slot.memory.data() + 16, place.blocks);
  place_data(slot, 24);
  slot.command.data_in = {};
  slot.command.data_out = slot.parts;
  auto executing = execute(slot, place.volume, true);
  const Verdict verdict = co_await executing;
  settle(write, verdict);
}

loop::Task<void> Host::flush(Slot& slot, Place place) {
  slot.command.cdb =
      random_.chance(0.5) ? cdb_10(synchronize_cache_10, 0, 0, 0) : cdb_16(synchronize_cache_16, 0, 0, 0);
  slot.command.data_in = slot.command.data_out = {};
  const uint64_t flushing = checker_.invoke_flush(place.volume);
  auto executing = execute(slot, place.volume, true);
  const Verdict verdict = co_await executing;
  if (verdict == Verdict::good) checker_.flush_good(flushing);
  if (verdict == Verdict::failed || verdict == Verdict::unknown) checker_.flush_failed(flushing);
}

loop::Task<void> Host::reset(uint32_t volume) {
  using wire::iscsi::TaskManagementFunction;
  ++counters_.resets;
  const uint64_t which = random_.below(6);
  const auto function = which == 0  ? TaskManagementFunction::target_warm_reset
                        : which < 3 ? TaskManagementFunction::abort_task_set
                        : which < 4 ? TaskManagementFunction::clear_task_set
                                    : TaskManagementFunction::logical_unit_reset;
  auto managing = session_->manage(function, initiator::lun_bytes(static_cast<uint16_t>(volume)));
  co_await managing;
}

loop::Task<void> Host::verify_some(Slot& slot) {
  ++busy_;
  Place place{};
  place.volume = verify_volume_;
  place.block_bytes = scenario_.volumes[place.volume].block_bytes;
  const uint64_t all = checker_.sectors_of(place.volume);
  const uint64_t sectors = std::min<uint64_t>(verify_bytes / sector_bytes, all - verify_sector_);
  place.lba = verify_sector_ * sector_bytes / place.block_bytes;
  place.blocks = static_cast<uint32_t>(sectors * sector_bytes / place.block_bytes);
  auto reading = read(slot, place);
  const bool read_all = co_await reading;
  if (read_all) {
    verify_sector_ += sectors;
    if (verify_sector_ >= all) {
      verify_sector_ = 0;
      ++verify_volume_;
    }
  }
  --busy_;
}

}  // namespace ashlar::simulation
