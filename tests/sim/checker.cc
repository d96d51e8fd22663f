#include "sim/checker.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/check.h"

namespace ashlar::simulation {

uint32_t Checker::add_volume(uint64_t sectors) {
  volumes_.emplace_back();
  const auto number = static_cast<uint32_t>(volumes_.size() - 1);
  grow_volume(number, sectors);
  return number;
}

void Checker::grow_volume(uint32_t volume, uint64_t sectors) {
  const Entry empty{.write = 0, .certain = true, .durable = true, .zeroes = true, .low = 0, .high = 0};
  std::vector<Sector>& all = volumes_[volume].sectors;
  CHECK(sectors >= all.size());
  all.resize(sectors, Sector{{empty}});
}

uint32_t Checker::open_session() {
  fenced_at_.push_back(never);
  unknown_.emplace_back();
  lasting_.push_back(false);
  return static_cast<uint32_t>(fenced_at_.size() - 1);
}

uint32_t Checker::open_lasting_session() {
  const uint32_t session = open_session();
  lasting_[session] = true;
  return session;
}

void Checker::fence_session(uint32_t session) {
  if (fenced_at_[session] != never || lasting_[session]) return;
  fenced_at_[session] = ++clock_;
  for (const uint32_t write : unknown_[session]) end_write(write, State::unknown, fenced_at_[session]);
  unknown_[session].clear();
}

void Checker::fence_all() {
  for (uint32_t session = 0; session < fenced_at_.size(); ++session) fence_session(session);
}

uint32_t Checker::invoke_write(const WriteSpec& spec) {
  const auto number = static_cast<uint32_t>(writes_.size());
  writes_.push_back(Write{.spec = spec, .invoked = ++clock_});
  Entry entry{.write = number, .low = clock_};
  entry.zeroes = spec.content == Content::zeroes || spec.content == Content::unmap;
  std::vector<Sector>& all = volumes_[spec.volume].sectors;
  CHECK(spec.first_sector + spec.sectors <= all.size());
  for (uint32_t i = 0; i < spec.sectors; ++i) all[spec.first_sector + i].entries.push_back(entry);
  return number;
}

Stamp Checker::stamp_of(uint32_t write, uint64_t sector) const {
  const WriteSpec& spec = writes_[write].spec;
  if (spec.content == Content::same)
    sector = spec.first_sector + (sector - spec.first_sector) % spec.same_period;
  return Stamp{spec.volume, write, sector};
}

Checker::Entry* Checker::find(Sector& sector, uint32_t write) {
  // The last: a write that is sent again after a power loss has an entry before that, too.
  for (size_t i = sector.entries.size(); i > 0; --i) {
    if (sector.entries[i - 1].write == write) return &sector.entries[i - 1];
  }
  return nullptr;
}

// From now on it took effect by `high`, if it did at all (State::good: it did).
void Checker::end_write(uint32_t number, State state, uint64_t high) {
  Write& write = writes_[number];
  write.state = state;
  write.ended = high;
  Volume& volume = volumes_[write.spec.volume];
  const bool durable = state == State::good && write.spec.durable && write.spec.content != Content::unmap;
  // An answer that was under way when the power went proves nothing of what was not durable.
  const bool certain = state == State::good && (durable || write.invoked > last_outage_);
  for (uint32_t i = 0; i < write.spec.sectors; ++i) {
    Sector& sector = volume.sectors[write.spec.first_sector + i];
    Entry* entry = find(sector, number);
    if (entry == nullptr) continue;  // superseded, or lost with the power
    entry->high = std::min(entry->high, high);
    entry->certain |= certain;
    entry->durable |= durable;
    prune(volume, sector);
  }
  if (certain && !durable) volume.undurable.push_back(number);
}

void Checker::write_good(uint32_t write) { end_write(write, State::good, ++clock_); }
void Checker::write_failed(uint32_t write) { end_write(write, State::failed, ++clock_); }

void Checker::write_unknown(uint32_t write) {
  const uint32_t session = writes_[write].spec.session;
  if (fenced_at_[session] != never) return end_write(write, State::unknown, fenced_at_[session]);
  writes_[write].state = State::unknown;
  unknown_[session].push_back(write);
}

void Checker::write_rejected(uint32_t number) {
  Write& write = writes_[number];
  write.state = State::rejected;
  for (uint32_t i = 0; i < write.spec.sectors; ++i) {
    Sector& sector = volumes_[write.spec.volume].sectors[write.spec.first_sector + i];
    // What was seen stays: that it was seen although rejected has been reported then.
    std::erase_if(sector.entries,
                  [number](const Entry& entry) { return entry.write == number && !entry.certain; });
  }
}

uint64_t Checker::invoke_read(uint32_t volume) {
  pending_.push_back(Pending{volume, ++clock_});
  volumes_[volume].reads.insert(clock_);
  return pending_.size() - 1;
}

void Checker::read_failed(uint64_t read) {
  std::multiset<uint64_t>& reads = volumes_[pending_[read].volume].reads;
  reads.erase(reads.find(pending_[read].begin));
}

std::optional<std::string> Checker::read_returned(uint64_t read, uint32_t volume, uint64_t first_sector,
                                                  ConstBytes bytes) {
  const uint64_t end = ++clock_;
  const uint64_t begin = pending_[read].begin;
  read_failed(read);
  for (size_t i = 0; i * sector_bytes < bytes.size(); ++i) {
    ++sectors_checked_;
    auto complaint =
        judge(volume, first_sector + i, bytes.subspan(i * sector_bytes, sector_bytes), begin, end);
    if (complaint) return complaint;
  }
  return std::nullopt;
}

uint64_t Checker::horizon(const Sector& sector, uint64_t moment, bool durable) {
  uint64_t highest = 0;
  for (const Entry& entry : sector.entries) {
    if ((durable ? entry.durable : entry.certain) && entry.high < moment)
      highest = std::max(highest, entry.low);
  }
  return highest;
}

std::optional<std::string> Checker::judge(uint32_t volume, uint64_t number, ConstBytes bytes, uint64_t begin,
                                          uint64_t end) {
  Sector& sector = volumes_[volume].sectors[number];
  Stamp stamp;
  const SectorKind kind = read_stamp(bytes, stamp);
  const auto complain = [&](std::string what) {
    return fmt::format("volume {} sector {}: {}; read {}-{}; {}", volume, number, what, begin, end,
                       history(volume, number));
  };
  if (kind == SectorKind::garbage) {
    return complain(fmt::format("torn within the sector or corrupt: {:02x}", fmt::join(bytes.first(32), "")));
  }
  const uint64_t gone_before = horizon(sector, begin, false);
  uint32_t candidates = 0;
  uint32_t found = 0;
  bool stale = false;
  for (uint32_t i = 0; i < sector.entries.size(); ++i) {
    const Entry& entry = sector.entries[i];
    const bool matches =
        kind == SectorKind::zeroes ? entry.zeroes : !entry.zeroes && stamp_of(entry.write, number) == stamp;
    if (!matches) continue;
    if (entry.high < gone_before || entry.gone < begin) {
      stale = true;
      continue;
    }
    ++candidates;
    found = i;
  }
  if (candidates == 0) {
    const std::string what =
        kind == SectorKind::zeroes
            ? "zeroes"
            : fmt::format("write {} (volume {} sector {})", stamp.write, stamp.volume, stamp.sector);
    return complain(what + (stale ? " is stale" : " is nothing that may be here"));
  }
  if (candidates == 1) {
    observe(sector, found, begin, end);
    prune(volumes_[volume], sector);
  }
  return std::nullopt;
}

// The read proves: `index` took effect before the read's end, and all that was over before its begin came before that.
void Checker::observe(Sector& sector, uint32_t index, uint64_t begin, uint64_t end) {
  if (begin < last_outage_) return;  // it saw the world before
  Entry& seen = sector.entries[index];
  seen.certain = true;
  seen.high = std::min(seen.high, end);
  for (Entry& other : sector.entries) {
    if (&other == &seen || other.high >= begin) continue;
    other.gone = std::min(other.gone, end);
    if (!other.certain) continue;
    seen.low = std::max(seen.low, other.low);
    other.high = std::min(other.high, seen.high);
  }
  if (const uint32_t survivor = std::exchange(seen.survivor, 0); survivor != 0) {
    seen.durable = true;  // what is there after a power loss is on stable storage
    std::erase_if(sector.entries, [survivor](const Entry& entry) { return entry.survivor == survivor; });
  }
}

// Drops what no read, not even one under way, and no power loss can bring back.
void Checker::prune(Volume& volume, Sector& sector) {
  if (sector.entries.size() < 2) return;
  const uint64_t oldest = volume.reads.empty() ? clock_ + 1 : *volume.reads.begin();
  const uint64_t gone_before = horizon(sector, oldest, true);
  std::erase_if(sector.entries, [gone_before](const Entry& entry) { return entry.high < gone_before; });
}

std::optional<std::string> Checker::compare_and_write_good(uint64_t read, uint32_t write,
                                                           ConstBytes expected) {
  const WriteSpec spec = writes_[write].spec;
  auto complaint = read_returned(read, spec.volume, spec.first_sector, expected);
  // What it replaced while the power was still there may be back.
  const bool replaced = writes_[write].invoked > last_outage_;
  for (uint32_t i = 0; i < spec.sectors && replaced && !complaint; ++i) {
    Stamp stamp;
    if (read_stamp(expected.subspan(size_t{i} * sector_bytes, sector_bytes), stamp) != SectorKind::stamped)
      continue;
    const uint64_t number = spec.first_sector + i;
    if (!replaced_.emplace(uint64_t{spec.volume} << 40 | number, stamp.write).second) {
      complaint = fmt::format("volume {} sector {}: two COMPARE AND WRITE replaced write {}", spec.volume,
                              number, stamp.write);
    }
    if (Entry* entry = find(volumes_[spec.volume].sectors[number], stamp.write); entry != nullptr)
      entry->gone = std::min(entry->gone, clock_);
  }
  write_good(write);
  return complaint;
}

uint64_t Checker::invoke_flush(uint32_t volume) {
  pending_.push_back(Pending{volume, ++clock_});
  return pending_.size() - 1;
}

void Checker::make_durable(uint32_t number) {
  const WriteSpec& spec = writes_[number].spec;
  Volume& volume = volumes_[spec.volume];
  for (uint32_t i = 0; i < spec.sectors; ++i) {
    Sector& sector = volume.sectors[spec.first_sector + i];
    if (Entry* entry = find(sector, number); entry != nullptr) {
      entry->durable = true;
      prune(volume, sector);
    }
  }
}

void Checker::flush_good(uint64_t flush) {
  ++clock_;
  Volume& volume = volumes_[pending_[flush].volume];
  const uint64_t begin = pending_[flush].begin;
  if (begin < last_outage_) return;
  std::erase_if(volume.undurable, [&](uint32_t write) {
    if (writes_[write].ended >= begin) return false;
    make_durable(write);
    return true;
  });
}

// What it was to cover stays doubtful: the next flush that says GOOD does not speak of it.
void Checker::flush_failed(uint64_t flush) {
  ++clock_;
  volumes_[pending_[flush].volume].undurable.clear();
}

void Checker::power_lost() {
  last_outage_ = ++clock_;
  ++outages_;
  replaced_.clear();
  for (Volume& volume : volumes_) {
    volume.undurable.clear();
    for (Sector& sector : volume.sectors) {
      if (sector.entries.size() == 1 && sector.entries[0].durable) continue;
      std::vector<Entry> again;
      for (Entry& entry : sector.entries) {
        const Write& write = writes_[entry.write];
        const bool may_come =
            entry.write != 0 && (write.state == State::open || write.state == State::unknown);
        const bool last = find(sector, entry.write) == &entry;
        if (may_come && last && lasting_[write.spec.session])
          again.push_back({.write = entry.write, .zeroes = entry.zeroes, .low = entry.low});
        entry.certain = entry.durable;
        entry.gone = never;  // what followed it may have been lost
        entry.high = std::min(entry.high, last_outage_);
        entry.survivor = outages_;
      }
      sector.entries.insert(sector.entries.end(), again.begin(), again.end());
    }
  }
}

std::string Checker::history(uint32_t volume, uint64_t number) const {
  static constexpr const char* states[] = {"open", "good", "rejected", "failed", "unknown"};
  static constexpr const char* contents[] = {"write", "same", "zeroes", "unmap"};
  std::string text = "known:";
  for (const Entry& entry : volumes_[volume].sectors[number].entries) {
    text += fmt::format(
        " [{} {}-{}{}{}{}]", entry.write, entry.low, entry.high == never ? "?" : fmt::to_string(entry.high),
        entry.certain ? " certain" : "", entry.durable ? " durable" : "", entry.zeroes ? " zeroes" : "");
  }
  text += "; last writes:";
  int shown = 0;
  for (size_t i = writes_.size() - 1; i > 0 && shown < 12; --i) {
    const Write& write = writes_[i];
    const uint64_t first = write.spec.first_sector;
    if (write.spec.volume != volume || number < first || number >= first + write.spec.sectors) continue;
    text += fmt::format(" {}={} {}+{} {} {}-{}", i, contents[static_cast<size_t>(write.spec.content)], first,
                        write.spec.sectors, states[static_cast<size_t>(write.state)], write.invoked,
                        write.ended == never ? "?" : fmt::to_string(write.ended));
    ++shown;
  }
  return text;
}

}  // namespace ashlar::simulation
