// Which path a command takes, and what becomes of it when that path fails. Pure: apply(event) gives actions, the clock is told.
//
// Why a write may be sent twice, and when (`changes` below: write, discard, write of zeroes):
//   A write whose path died before its answer may have reached the medium, may not, and may still reach it later, for as long
//   as the other side has it in a queue or in a socket. Let W be such a write.
//   1. Sent again, it carries the same data, so whichever copy comes first or last, the medium holds W, as long as nothing
//      else was written to its range in between. So of overlapping changes of this channel one is under way at a time, in the
//      order of submission: while W is not over, nothing later to its range was sent, let alone acknowledged. Changes that other
//      channels (shards) of the volume had under way or acknowledged since W was sent are asked for (Action::ask) before W goes
//      again; if there was one, W is given back as aborted and never sent again by us.
//   2. Once a copy of W was answered, W is acknowledged, and later changes to its range are legal; but the lost copy may still
//      land on them. So its range stays doubtful (DoubtfulRanges, of all shards), and changes that overlap it wait, until the lost
//      copy cannot come any more: the session was reinstated (RFC 7143 6.3.5: the target has ended the old one's tasks before it
//      answers the login), or the time is over within which the other side must have given the old association up.
//   3. Reads wait for nothing: before W is over either content is right, and after it all copies bring the same.
//   Writers that reach the other array by other ways than this volume are not protected by this: it must be ours alone.
#pragma once

#include <cstdint>
#include <span>
#include <variant>
#include <vector>

#include "initiator/disposition.h"
#include "initiator/doubtful_ranges.h"

namespace ashlar::initiator {

/// Access state of a path (SPC-4 5.15.2.4, NVMe base 2.0 8.1), from well to badly.
enum class PathAccess : uint8_t { optimized, non_optimized, standby, unavailable, transitioning };
std::string_view name_of(PathAccess access);
/// Reads and writes go by it.
constexpr bool usable(PathAccess access) { return access <= PathAccess::non_optimized; }

struct MultipathOptions {
  uint16_t slots = 128;                               ///< commands under way at a time
  uint16_t paths = 1;                                 ///< 1 to max_paths
  uint32_t channel = 0;                               ///< of the volume's channels, for DoubtfulRanges
  bool alone = true;                                  ///< the volume has no other channel
  loop::Nanoseconds patience = loop::seconds(60);     ///< of a command that no path takes
  loop::Nanoseconds answer_time = loop::seconds(30);  ///< of a sent one; then its path is given up
  uint32_t most_attempts = 32;                        ///< answers that say "again"
};

class MultipathState {
 public:
  static constexpr uint16_t max_paths = 16;

  // Events.
  struct Submitted {
    uint16_t slot;  ///< free until now
    bool changes;
    Extent extent;
  };
  struct Answered {
    uint16_t slot;
    Disposition disposition;
  };
  /// Of Action::ask: another channel changed something of its range since.
  struct Cleared {
    uint16_t slot;
    bool conflict;
  };
  struct PathUp {
    uint16_t path;
    PathAccess access;
    bool fenced = false;  ///< its earlier sessions are over on the other side
  };
  struct PathDown {
    uint16_t path;
  };
  struct Tick {};
  /// What waits for a path ends as aborted.
  struct GiveUp {};
  using Event = std::variant<Submitted, Answered, Cleared, PathUp, PathDown, Tick, GiveUp>;

  struct Action {
    enum class Kind : uint8_t {
      send,    ///< the slot's command goes by `path`
      finish,  ///< it is over, with `status`
      ask,   ///< ask the other channels for changed_since(extent_of(slot), first_sent(slot)); Cleared follows
      drop,  ///< `path` has not answered for too long
    };
    Kind kind;
    uint16_t slot = 0;
    uint16_t path = 0;
    block::Status status = block::Status::ok;
  };

  /// `doubts` outlives this. `doubt_times`: of each path, how long the other side may keep what a lost session sent.
  MultipathState(MultipathOptions options, DoubtfulRanges& doubts,
                 std::vector<loop::Nanoseconds> doubt_times);

  /// Good until the next call.
  std::span<const Action> apply(const Event& event, loop::Instant now);
  /// When Tick is wanted; never() while nothing is under way.
  loop::Instant tick_at(loop::Instant now) const;

  bool busy() const { return active_ > 0; }
  uint16_t outstanding(uint16_t path) const { return paths_[path].outstanding; }
  bool up(uint16_t path) const { return paths_[path].up; }
  PathAccess access(uint16_t path) const { return paths_[path].access; }
  Extent extent_of(uint16_t slot) const { return slots_[slot].extent; }
  loop::Instant first_sent(uint16_t slot) const { return slots_[slot].first_sent; }
  /// Has this channel a change of `extent` under way, or had it one since? True also when it cannot tell.
  bool changed_since(Extent extent, loop::Instant since) const;
  /// What was wrong when the slot was last answered.
  const Disposition& last_answer(uint16_t slot) const { return slots_[slot].last; }

  uint64_t retries = 0, failovers = 0,
           held = 0;  ///< commands: sent again, by another path, made to wait for a doubt

 private:
  enum class Stage : uint8_t { free, waiting, sent, asking };
  struct Slot {
    Stage stage = Stage::free;
    bool changes = false;
    bool lost_once = false;
    bool was_held = false;
    uint16_t path = 0;
    uint16_t avoid = 0;  // a bit a path
    uint32_t attempts = 0;
    Extent extent;
    uint64_t order = 0;
    loop::Instant submitted, first_sent, sent, retry_at;
    Disposition last;
  };
  struct PathState {
    bool up = false;
    PathAccess access = PathAccess::unavailable;
    uint16_t outstanding = 0;
  };
  struct Change {
    Extent extent;
    loop::Instant over;
  };
  static constexpr size_t remembered_changes = 4096;

  void take(const Submitted& event, loop::Instant now);
  void take(const Answered& event, loop::Instant now);
  void take(const Cleared& event, loop::Instant now);
  void take(const PathUp& event, loop::Instant now);
  void take(const PathDown& event, loop::Instant now);
  void take(const Tick& event, loop::Instant now);
  void take(const GiveUp& event, loop::Instant now);
  void lost(uint16_t slot, loop::Instant now);
  void retry_elsewhere(Slot& slot, loop::Instant now);
  void wait(uint16_t slot);
  void wait_or_ask(uint16_t slot, bool maybe_done);
  void pump(loop::Instant now);
  bool try_send(uint16_t slot, loop::Instant now);
  bool must_wait(Slot& slot, loop::Instant now);
  bool another_path_than(uint16_t avoid) const;
  /// max_paths: none.
  uint16_t choose(uint16_t avoid);
  void finish(uint16_t slot, block::Status status, loop::Instant now);
  uint32_t owner_of(uint16_t path) const { return options_.channel * max_paths + path; }

  const MultipathOptions options_;
  DoubtfulRanges& doubts_;
  const std::vector<loop::Nanoseconds> doubt_times_;
  std::vector<Slot> slots_;
  std::vector<PathState> paths_;
  std::vector<uint16_t> waiting_;   // by order
  std::vector<uint16_t> changing_;  // active slots that change something
  std::vector<Change> changes_;     // a ring of what is over
  size_t next_change_ = 0;
  std::vector<Action> actions_;
  uint16_t active_ = 0;
  uint16_t turn_ = 0;  // among equals
  uint64_t order_ = 0;
};

}  // namespace ashlar::initiator
