// For tests: a whole target whose hosts have to prove themselves.
#pragma once

#include <algorithm>
#include <map>

#include "nvmetcp/authentication_test.h"

namespace ashlar::nvmetcp::test {

/// Host 1 has a key, host 2 another one; everybody else has none.
class Keyed : public Array {
 public:
  explicit Keyed(uint32_t shards = 1) : Array(shards) { publish_keys(); }
  void publish_keys() {
    const auto made = directory();
    auto served = std::make_shared<nvme::Subsystem>(*made->subsystems.at(subsystem));
    for (const auto& [number, given] : keys) {
      if (made_of[number] != given) {
        made_of[number] = given;
        views[number] = view();
        views[number]->host = host_name(number);
        views[number]->dhchap = given;
        views[number]->max_sessions = max_sessions;
        views[number]->chap.user = chap_user;
      }
      served->hosts[host_name(number)] = views[number];
    }
    made->subsystems[subsystem] = served;
    publish(made);
  }
  NvmeQueueOptions proving(int number, std::optional<DhchapKey> controller_key = {}) const {
    NvmeQueueOptions made = options(number);
    made.proof =
        NvmeProof{.key = key_of(static_cast<uint8_t>(number)), .controller_key = std::move(controller_key)};
    return made;
  }
  size_t events_of(std::string_view kind, std::string_view detail) const {
    return static_cast<size_t>(std::ranges::count_if(events, [&](const ServerEvent& each) {
      return each.kind == kind && each.detail.find(detail) != std::string::npos;
    }));
  }

  std::map<int, unit::DhchapCredentials> keys{{1, credentials(1, key_of(11))}, {2, credentials(2)}};
  std::map<int, std::optional<unit::DhchapCredentials>> made_of;
  std::map<int, std::shared_ptr<unit::HostView>> views;
  uint32_t max_sessions = 0;
  std::string chap_user;
};

inline Keyed& keyed(Array* array) { return static_cast<Keyed&>(*array); }

/// How the queue has proved itself, or why it did not come to be.
inline Task<std::string> outcome_of(NvmeQueueOptions options) {
  auto connecting = NvmeQueue::connect(loop::Loop::current(), std::move(options));
  auto queue = co_await connecting;
  co_return queue ? (*queue)->authentication() : queue.error().message;
}

/// A queue that has not proved itself yet.
inline Task<std::unique_ptr<NvmeQueue>> connected(NvmeQueueOptions options) {
  options.prove_at_once = false;
  auto connecting = NvmeQueue::connect(loop::Loop::current(), std::move(options));
  auto queue = co_await connecting;
  CHECK(queue.has_value(), "{}", queue.error().text());
  co_return std::move(*queue);
}

}  // namespace ashlar::nvmetcp::test
