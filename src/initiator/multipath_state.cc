#include "initiator/multipath_state.h"

#include <algorithm>

#include "base/check.h"

namespace ashlar::initiator {

using block::Status;
using loop::Instant;

namespace {

constexpr loop::Nanoseconds idle_tick = loop::milliseconds(250), waiting_tick = loop::milliseconds(20);
// A loop's clock stands still for a turn: what another shard calls earlier may have been later.
constexpr loop::Nanoseconds clock_margin = loop::milliseconds(100);

}  // namespace

std::string_view name_of(PathAccess access) {
  static constexpr std::string_view names[] = {"optimized", "non_optimized", "standby", "unavailable",
                                               "transitioning"};
  return names[static_cast<size_t>(access)];
}

MultipathState::MultipathState(MultipathOptions options, DoubtfulRanges& doubts,
                               std::vector<loop::Nanoseconds> doubt_times)
    : options_(options),
      doubts_(doubts),
      doubt_times_(std::move(doubt_times)),
      slots_(options.slots),
      paths_(options.paths) {
  CHECK(options.paths >= 1 && options.paths <= max_paths && doubt_times_.size() == options.paths,
        "{} paths, {} times", options.paths, doubt_times_.size());
  waiting_.reserve(options.slots);
  changing_.reserve(options.slots);
  actions_.reserve(options.slots + size_t{options.paths});
  if (!options.alone) changes_.resize(remembered_changes);
}

std::span<const MultipathState::Action> MultipathState::apply(const Event& event, Instant now) {
  actions_.clear();
  std::visit([&](const auto& what) { take(what, now); }, event);
  return actions_;
}

Instant MultipathState::tick_at(Instant now) const {
  if (active_ == 0) return Instant::never();
  return now + (waiting_.empty() ? idle_tick : waiting_tick);
}

void MultipathState::take(const Submitted& event, Instant now) {
  Slot& slot = slots_[event.slot];
  CHECK(slot.stage == Stage::free, "slot {} is not free", event.slot);
  slot = Slot{};
  slot.changes = event.changes;
  slot.extent = event.extent;
  slot.order = ++order_;
  slot.submitted = now;
  ++active_;
  if (slot.changes) changing_.push_back(event.slot);
  slot.stage = Stage::waiting;
  if (!try_send(event.slot, now)) wait(event.slot);
}

void MultipathState::take(const Answered& event, Instant now) {
  Slot& slot = slots_[event.slot];
  CHECK(slot.stage == Stage::sent, "slot {} was not sent", event.slot);
  --paths_[slot.path].outstanding;
  slot.last = event.disposition;
  if (event.disposition.closed) paths_[slot.path].access = PathAccess::transitioning;
  slot.stage = Stage::waiting;
  switch (event.disposition.verdict) {
    case Verdict::done: finish(event.slot, Status::ok, now); break;
    case Verdict::fail: finish(event.slot, event.disposition.status, now); break;
    case Verdict::lost: lost(event.slot, now); break;
    case Verdict::not_sent: wait(event.slot); break;
    case Verdict::retry_here:
    case Verdict::retry_elsewhere:
      if (++slot.attempts > options_.most_attempts && !event.disposition.closed) {
        finish(event.slot, event.disposition.status, now);
        break;
      }
      slot.retry_at = now + event.disposition.pause;
      if (event.disposition.verdict == Verdict::retry_elsewhere) retry_elsewhere(slot, now);
      wait_or_ask(event.slot, event.disposition.maybe_done);
      break;
  }
  if (!waiting_.empty()) pump(now);
}

void MultipathState::lost(uint16_t index, Instant now) {
  Slot& slot = slots_[index];
  if (slot.changes) {
    slot.lost_once = true;
    doubts_.add(slot.extent, owner_of(slot.path), now + doubt_times_[slot.path]);
  }
  wait_or_ask(index, true);
}

/// `maybe_done`: what is sent again could undo what another channel was told is done.
void MultipathState::wait_or_ask(uint16_t index, bool maybe_done) {
  Slot& slot = slots_[index];
  if (!slot.changes || !maybe_done || options_.alone) return wait(index);
  slot.stage = Stage::asking;
  actions_.push_back({.kind = Action::Kind::ask, .slot = index});
}

void MultipathState::retry_elsewhere(Slot& slot, Instant now) {
  slot.avoid = static_cast<uint16_t>(slot.avoid | 1u << slot.path);
  if (another_path_than(slot.avoid)) {
    slot.retry_at = now;
  } else {
    slot.avoid = 0;
  }
}

void MultipathState::take(const Cleared& event, Instant now) {
  Slot& slot = slots_[event.slot];
  CHECK(slot.stage == Stage::asking, "slot {} asked nobody", event.slot);
  slot.stage = Stage::waiting;
  if (event.conflict) {
    finish(event.slot, Status::aborted, now);
  } else {
    wait(event.slot);
  }
  pump(now);
}

void MultipathState::take(const PathUp& event, Instant now) {
  PathState& path = paths_[event.path];
  if (event.fenced) doubts_.lift(owner_of(event.path));
  path.up = true;
  path.access = event.access;
  pump(now);
}

void MultipathState::take(const PathDown& event, Instant /*now*/) { paths_[event.path].up = false; }

void MultipathState::take(const Tick& /*event*/, Instant now) {
  uint32_t late = 0;
  for (const Slot& slot : slots_) {
    if (slot.stage == Stage::sent && now - slot.sent > options_.answer_time) late |= 1u << slot.path;
  }
  for (uint16_t path = 0; path < paths_.size(); ++path) {
    if ((late >> path & 1) != 0 && paths_[path].up)
      actions_.push_back({.kind = Action::Kind::drop, .path = path});
  }
  for (size_t i = 0; i < waiting_.size();) {
    const uint16_t index = waiting_[i];
    if (now - slots_[index].submitted > options_.patience) {
      finish(index, Status::aborted, now);  // takes it off the list
    } else {
      ++i;
    }
  }
  pump(now);
}

void MultipathState::take(const GiveUp& /*event*/, Instant now) {
  while (!waiting_.empty()) finish(waiting_.front(), Status::aborted, now);
}

void MultipathState::wait(uint16_t index) {
  const auto at = std::ranges::upper_bound(waiting_, slots_[index].order, {},
                                           [this](uint16_t other) { return slots_[other].order; });
  waiting_.insert(at, index);
}

void MultipathState::pump(Instant now) {
  for (size_t i = 0; i < waiting_.size();) {
    const uint16_t index = waiting_[i];
    if (try_send(index, now)) {
      waiting_.erase(waiting_.begin() + static_cast<std::ptrdiff_t>(i));
    } else {
      ++i;
    }
  }
}

bool MultipathState::try_send(uint16_t index, Instant now) {
  Slot& slot = slots_[index];
  if (slot.retry_at > now || (slot.changes && must_wait(slot, now))) return false;
  const uint16_t chosen = choose(slot.avoid);
  if (chosen == max_paths) return false;
  const bool again = slot.first_sent != Instant{};
  if (again) {
    ++retries;
    if (chosen != slot.path) ++failovers;
  } else {
    slot.first_sent = now;
  }
  slot.path = chosen;
  slot.sent = now;
  slot.stage = Stage::sent;
  ++paths_[chosen].outstanding;
  actions_.push_back({.kind = Action::Kind::send, .slot = index, .path = chosen});
  return true;
}

/// A change waits for earlier ones of its range, and for what may still come from the past; its own past brings its own data.
bool MultipathState::must_wait(Slot& slot, Instant now) {
  for (const uint16_t other : changing_) {
    if (slots_[other].order < slot.order && slots_[other].extent.overlaps(slot.extent)) return true;
  }
  if (slot.lost_once || doubts_.none() || !doubts_.overlaps(slot.extent, now)) return false;
  if (!slot.was_held) ++held;
  slot.was_held = true;
  return true;
}

bool MultipathState::another_path_than(uint16_t avoid) const {
  for (size_t i = 0; i < paths_.size(); ++i) {
    if (paths_[i].up && usable(paths_[i].access) && (avoid >> i & 1) == 0) return true;
  }
  return false;
}

/// The best access state, then the fewest outstanding, then in turn.
uint16_t MultipathState::choose(uint16_t avoid) {
  uint16_t best = max_paths;
  const auto count = static_cast<uint16_t>(paths_.size());
  for (uint16_t step = 0; step < count; ++step) {
    const auto index = static_cast<uint16_t>((turn_ + step) % count);
    const PathState& path = paths_[index];
    if (!path.up || !usable(path.access) || (avoid >> index & 1) != 0) continue;
    if (best == max_paths || path.access < paths_[best].access ||
        (path.access == paths_[best].access && path.outstanding < paths_[best].outstanding))
      best = index;
  }
  if (best == max_paths && avoid != 0) return choose(0);
  if (best != max_paths) turn_ = static_cast<uint16_t>((best + 1) % count);
  return best;
}

void MultipathState::finish(uint16_t index, Status status, Instant now) {
  Slot& slot = slots_[index];
  std::erase(waiting_, index);
  if (slot.changes) {
    std::erase(changing_, index);
    if (!changes_.empty() && slot.first_sent != Instant{}) {
      changes_[next_change_] = {slot.extent, now};
      next_change_ = (next_change_ + 1) % changes_.size();
    }
  }
  slot.stage = Stage::free;
  --active_;
  actions_.push_back({.kind = Action::Kind::finish, .slot = index, .status = status});
}

bool MultipathState::changed_since(Extent extent, Instant since) const {
  for (const uint16_t index : changing_) {
    const Slot& slot = slots_[index];
    // What was never sent is held by the doubt that stands by now.
    if (slot.first_sent != Instant{} && slot.extent.overlaps(extent)) return true;
  }
  if (changes_.empty()) return false;
  since = since + -clock_margin;
  // The oldest that is remembered: what came before it is not known.
  const Change& oldest = changes_[next_change_];
  if (oldest.over != Instant{} && oldest.over > since) return true;
  return std::ranges::any_of(changes_, [&](const Change& change) {
    return change.over != Instant{} && change.over >= since && change.extent.overlaps(extent);
  });
}

}  // namespace ashlar::initiator
