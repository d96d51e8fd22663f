// What the controllers of a host have gone through, for its Persistent Event log page: lasts as long as the engine.
#pragma once

#include <cstdint>
#include <deque>
#include <list>
#include <map>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

namespace ashlar::nvme {

struct HostEvent {
  enum class Kind : uint8_t { timestamp_changed, reset };
  Kind kind = Kind::reset;
  uint64_t milliseconds = 0;  ///< since 1970
  uint16_t controller_id = 0, port_id = 0;
  uint64_t previous_timestamp = 0;        ///< as Get Features gave it
  uint64_t milliseconds_since_reset = 0;  ///< of the controller
  bool operator==(const HostEvent&) const = default;
};

/// Of all hosts of all subsystems. One host's cannot push another's out before there are most_hosts of them. Control path, any thread.
class HostEvents {
 public:
  static constexpr size_t most_events_of_host = 64;
  static constexpr size_t most_hosts = 1024;  ///< that who was not heard of for the longest time is forgotten

  void add(const std::string& subsystem, const std::string& host_name, const HostEvent& event);
  /// Oldest first.
  std::vector<HostEvent> of(const std::string& subsystem, const std::string& host_name) const;

 private:
  using Host = std::pair<std::string, std::string>;  // subsystem and NQN
  struct Kept {
    std::deque<HostEvent> events;
    std::list<Host>::iterator turn;
  };
  mutable std::mutex mutex_;
  std::map<Host, Kept> hosts_;
  std::list<Host> turns_;  // the one heard of last is the last
};

}  // namespace ashlar::nvme
