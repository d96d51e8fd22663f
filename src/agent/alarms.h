// Alerts: the rules judged every few seconds on what is measured, what they say kept and sent. The agent's own alarms too.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "agent/array.h"
#include "agent/event_bus.h"
#include "notify/notify.h"
#include "state/database.h"

namespace ashlar::agent {

/// Any thread; deliver() runs on one thread of the caller's.
class Alarms {
 public:
  Alarms(Array& array, state::Database& database, EventBus& events, std::function<int64_t()> now);

  /// Judges the rules; cheap. What is to be sent waits for deliver().
  void judge(const std::vector<notify::Reading>& readings);
  void set(const std::string& name, const std::string& subject, const std::string& severity,
           const std::string& message, bool raised);
  Result<notify::Alert> acknowledge(const std::string& id, const std::string& by);
  std::vector<notify::Alert> alerts() const;
  /// Sends what waits, a channel at a time; blocks up to 20 s for each. What could not be sent is tried again, 10 times.
  void deliver();
  /// One message through one channel, now.
  Result<void> test(const std::string& channel);

 private:
  struct Waiting {
    notify::Notice notice;
    std::string channel;
    int tries = 0;
  };
  void take(std::vector<notify::AlertChange> changes);
  void rules_follow();

  Array& array_;
  state::Database& database_;
  EventBus& events_;
  std::function<int64_t()> now_;
  mutable std::mutex mutex_;
  notify::AlertMachine machine_;
  uint64_t rules_of_ = UINT64_MAX;
  std::vector<Waiting> waiting_;
};

api::Json alert_json(const notify::Alert& alert);
/// The channel with its secrets, ready to use.
Result<std::unique_ptr<notify::Channel>> open_channel(const Array& array, const std::string& name);

}  // namespace ashlar::agent
