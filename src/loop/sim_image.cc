#include "loop/sim_image.h"

#include <algorithm>
#include <cstring>

namespace ashlar::loop {

void SimImage::resize(uint64_t bytes) {
  if (bytes < size_) {
    zero(bytes, size_ - bytes, true);
    std::erase_if(pages_, [bytes](const auto& page) { return page.first * page_bytes >= bytes; });
  }
  size_ = bytes;
}

void SimImage::read(uint64_t offset, Bytes out) const {
  size_t done = 0;
  while (done < out.size()) {
    const uint64_t within = (offset + done) % page_bytes;
    const size_t length = std::min<size_t>(page_bytes - within, out.size() - done);
    const auto page = pages_.find((offset + done) / page_bytes);
    if (page == pages_.end()) {
      std::memset(out.data() + done, 0, length);
    } else {
      std::memcpy(out.data() + done, page->second.data() + within, length);
    }
    done += length;
  }
}

void SimImage::write(uint64_t offset, ConstBytes bytes) {
  size_t done = 0;
  while (done < bytes.size()) {
    const uint64_t within = (offset + done) % page_bytes;
    const size_t length = std::min<size_t>(page_bytes - within, bytes.size() - done);
    std::memcpy(pages_[(offset + done) / page_bytes].data() + within, bytes.data() + done, length);
    done += length;
  }
  size_ = std::max(size_, offset + bytes.size());
}

void SimImage::zero(uint64_t offset, uint64_t length, bool deallocate) {
  const uint64_t end = offset + length;
  while (offset < end) {
    const uint64_t within = offset % page_bytes;
    const uint64_t part = std::min(page_bytes - within, end - offset);
    const uint64_t number = offset / page_bytes;
    if (part == page_bytes && deallocate) {
      pages_.erase(number);
    } else if (const auto page = pages_.find(number); page != pages_.end()) {
      std::memset(page->second.data() + within, 0, part);
    } else if (!deallocate) {
      pages_[number];
    }
    offset += part;
  }
}

void SimImage::allocate(uint64_t offset, uint64_t length) {
  for (uint64_t page = offset / page_bytes; page * page_bytes < offset + length; ++page) pages_[page];
}

uint64_t SimImage::missing_bytes(uint64_t offset, uint64_t length) const {
  uint64_t missing = 0;
  for (uint64_t page = offset / page_bytes; page * page_bytes < offset + length; ++page) {
    if (!pages_.contains(page)) missing += page_bytes;
  }
  return missing;
}

void SimContent::apply(SimImage& image, const Change& change, uint64_t from, uint64_t to) {
  switch (change.kind) {
    case Kind::write:
      image.write(change.offset + from, ConstBytes(change.bytes).subspan(from, to - from));
      break;
    case Kind::zero: image.zero(change.offset + from, to - from, false); break;
    case Kind::punch: image.zero(change.offset + from, to - from, true); break;
    case Kind::resize: image.resize(change.offset); break;
  }
}

uint64_t SimContent::append(Change change, bool durable) {
  change.id = next_id_++;
  change.stable = durable;
  apply(current_, change, 0, change.length);
  const uint64_t id = change.id;
  if (durable && log_.empty()) {
    apply(stable_, change, 0, change.length);
  } else {
    log_.push_back(
        std::move(change));  // a durable one waits too: older ones below it must not overwrite it later
    // The kernel writes back by itself in the end; this also bounds the log.
    if (log_.size() > most_waiting) log_.front().stable = true;
    settle();
  }
  return id;
}

uint64_t SimContent::write(uint64_t offset, ConstBytes bytes, bool durable) {
  return append(Change{0, Kind::write, offset, bytes.size(), {bytes.begin(), bytes.end()}}, durable);
}

uint64_t SimContent::zero(uint64_t offset, uint64_t length, bool deallocate) {
  return append(Change{0, deallocate ? Kind::punch : Kind::zero, offset, length, {}}, false);
}

uint64_t SimContent::resize(uint64_t bytes) { return append(Change{0, Kind::resize, bytes, 0, {}}, false); }

void SimContent::allocate(uint64_t offset, uint64_t length) {
  current_.allocate(offset, length);
  stable_.allocate(offset, length);
}

void SimContent::completed(uint64_t id, uint64_t sequence) {
  const auto found = std::lower_bound(log_.begin(), log_.end(), id,
                                      [](const Change& change, uint64_t key) { return change.id < key; });
  if (found != log_.end() && found->id == id) found->completed = sequence;
}

// Moves the stable head of the log to the stable image.
void SimContent::settle() {
  size_t count = 0;
  while (count < log_.size() && (log_[count].stable || log_[count].dropped)) {
    if (log_[count].stable) apply(stable_, log_[count], 0, log_[count].length);
    ++count;
  }
  log_.erase(log_.begin(), log_.begin() + static_cast<ptrdiff_t>(count));
}

void SimContent::sync(uint64_t cutoff, SimRandom& random) {
  for (Change& change : log_) {
    if (!change.dropped && (change.completed <= cutoff || random.chance(0.5))) change.stable = true;
  }
  settle();
}

void SimContent::sync_failed(SimRandom& random) {
  for (Change& change : log_) {
    if (!change.stable && random.chance(0.5)) change.dropped = true;
  }
}

void SimContent::power_lost(SimRandom& random) {
  for (const Change& change : log_) {
    if (change.stable) {
      apply(stable_, change, 0, change.length);
      continue;
    }
    const uint64_t fate = random.below(100);
    if (change.dropped || fate < 40) continue;
    if (fate < 75 || change.length <= sector_bytes) {
      apply(stable_, change, 0, change.length);
      continue;
    }
    for (uint64_t at = 0; at < change.length; at += sector_bytes) {
      if (random.chance(0.5)) apply(stable_, change, at, std::min(at + sector_bytes, change.length));
    }
  }
  log_.clear();
  current_ = stable_;
}

}  // namespace ashlar::loop
