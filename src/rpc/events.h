// Events: what happened that a person may want to know, numbered, so that a reader finds out what it missed.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace ashlar::rpc {

/// The kinds stand in docs/rpc.md.
struct Event {
  uint64_t id = 0;   ///< from 1, without gaps, for one life of the engine
  std::string time;  ///< "2026-11-20T19:25:04.123Z"
  std::string kind;
  std::map<std::string, std::string> fields;  ///< "volume": "demo", "initiator": "iqn..." and so on
  bool operator==(const Event&) const = default;
};

struct EventPage {
  std::vector<Event> events;
  uint64_t last = 0;  ///< ask with this as `since` to get what comes after
  uint64_t lost = 0;  ///< events after `since` that are forgotten already
  bool operator==(const EventPage&) const = default;
};

/// How many events an engine remembers.
constexpr size_t event_ring_size = 4096;

/// "2026-11-20T19:25:04.123Z" of nanoseconds since 1970.
std::string event_time(int64_t nanoseconds_since_1970);

}  // namespace ashlar::rpc
