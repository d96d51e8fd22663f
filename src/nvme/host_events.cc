#include "nvme/host_events.h"

namespace ashlar::nvme {

void HostEvents::add(const std::string& subsystem, const std::string& host_name, const HostEvent& event) {
  const std::lock_guard lock(mutex_);
  const Host host{subsystem, host_name};
  auto found = hosts_.find(host);
  if (found == hosts_.end()) {
    if (hosts_.size() == most_hosts) {
      hosts_.erase(turns_.front());
      turns_.pop_front();
    }
    found = hosts_.emplace(host, Kept{{}, turns_.insert(turns_.end(), host)}).first;
  } else {
    turns_.splice(turns_.end(), turns_, found->second.turn);
  }
  std::deque<HostEvent>& events = found->second.events;
  if (events.size() == most_events_of_host) events.pop_front();
  events.push_back(event);
}

std::vector<HostEvent> HostEvents::of(const std::string& subsystem, const std::string& host_name) const {
  const std::lock_guard lock(mutex_);
  const auto found = hosts_.find({subsystem, host_name});
  if (found == hosts_.end()) return {};
  return {found->second.events.begin(), found->second.events.end()};
}

}  // namespace ashlar::nvme
