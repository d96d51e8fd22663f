// What was done to the whole medium of a unit, who asked and how it ended: the last of it, for the event logs of hosts and for people.
#pragma once

#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "unit/rewriting.h"

namespace ashlar::unit {

/// Who had a medium rewritten. For people; no host is told of another.
struct RewriteAsker {
  std::string initiator;  ///< iSCSI name or NQN
  std::string host;       ///< resource name
  bool operator==(const RewriteAsker&) const = default;
};

struct RewriteEvent {
  enum class Kind : uint8_t { format, sanitize };
  enum class Step : uint8_t {
    began,
    ended,
    failed,
    cut_short,  ///< the engine ended before it did, or the volume was closed
  };
  Kind kind = Kind::format;
  Step step = Step::began;
  uint64_t milliseconds = 0;  ///< since 1970
  SanitizeRecord sanitized;   ///< of a sanitize, as it stood then; none of a format
  uint8_t secure_erase = 0;   ///< of a format: Rewrite::secure_erase
  uint32_t pattern = 0;       ///< of an overwrite: its first four bytes, little endian
  uint16_t progress = 0;      ///< of 65536, at the end
  RewriteAsker asker;
  std::string reason;  ///< of what did not end well
  bool operator==(const RewriteEvent&) const = default;
};
std::string_view name_of(RewriteEvent::Kind kind);
/// "block erase"; "" of none.
std::string_view name_of(SanitizeAction action);

/// Events that are kept of one unit.
constexpr size_t most_rewrite_events = 64;

/// Of one unit, oldest first. Control path, any thread.
class RewriteHistory {
 public:
  std::vector<RewriteEvent> events() const {
    const std::lock_guard lock(mutex_);
    return events_;
  }
  bool empty() const {
    const std::lock_guard lock(mutex_);
    return events_.empty();
  }
  void replace(std::vector<RewriteEvent> events) {
    const std::lock_guard lock(mutex_);
    events_ = std::move(events);
  }

 private:
  mutable std::mutex mutex_;
  std::vector<RewriteEvent> events_;
};
/// With `event` as the newest, and no more than most_rewrite_events.
std::vector<RewriteEvent> with_event(std::vector<RewriteEvent> events, RewriteEvent event);

// The history stands behind the first line of a unit's record of rewritings (unit/rewrite_record.h), a line for each event. Pure.
std::string with_history(std::string state, const std::vector<RewriteEvent>& events);
/// A line that nobody understands is left out.
std::vector<RewriteEvent> history_in(std::string_view record);

/// What stands in a record whose last event is a beginning: nobody will hear of that one again.
struct CutShort {
  std::string record;  ///< with the end that it lacked
  RewriteEvent event;
};
std::optional<CutShort> cut_short(std::string_view record, uint64_t now_milliseconds);

}  // namespace ashlar::unit
