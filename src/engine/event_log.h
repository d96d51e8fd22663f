// The engine's memory of what happened: a ring of numbered events, and those who want to hear of each at once.
#pragma once

#include <deque>
#include <map>
#include <string>

#include "base/intrusive_list.h"
#include "rpc/events.h"

namespace ashlar::engine {

struct SubscriberTag;
/// Hears of each event as it is added. Unsubscribes (or was never subscribed) before it dies.
class EventSubscriber : public ListNode<SubscriberTag> {
 public:
  virtual void event_added(const rpc::Event& event) = 0;

 protected:
  ~EventSubscriber() = default;
};

/// Shard 0 only.
class EventLog {
 public:
  /// Numbers the event and tells the subscribers. `now` is nanoseconds since 1970.
  void add(int64_t now, std::string kind, std::map<std::string, std::string> fields);
  /// Events after id `since`, oldest first.
  rpc::EventPage since(uint64_t since) const;
  void subscribe(EventSubscriber& subscriber) { subscribers_.push_back(subscriber); }
  void unsubscribe(EventSubscriber& subscriber) { subscribers_.remove(subscriber); }

 private:
  std::deque<rpc::Event> ring_;
  uint64_t last_ = 0;
  IntrusiveList<EventSubscriber, SubscriberTag> subscribers_;
};

}  // namespace ashlar::engine
