#include "engine/event_log.h"

#include <algorithm>

namespace ashlar::engine {

void EventLog::add(int64_t now, std::string kind, std::map<std::string, std::string> fields) {
  if (ring_.size() == rpc::event_ring_size) ring_.pop_front();
  ring_.push_back(rpc::Event{++last_, rpc::event_time(now), std::move(kind), std::move(fields)});
  for (EventSubscriber& subscriber : subscribers_) subscriber.event_added(ring_.back());
}

rpc::EventPage EventLog::since(uint64_t since) const {
  rpc::EventPage page;
  page.last = last_;
  // Of another life of the engine, or ahead of us: the reader has seen nothing of this one.
  if (since > last_) since = 0;
  const uint64_t forgotten = last_ - ring_.size();
  if (since < forgotten) page.lost = forgotten - since;
  const size_t skipped = since <= forgotten ? 0 : since - forgotten;
  page.events.assign(ring_.begin() + static_cast<ptrdiff_t>(skipped), ring_.end());
  return page;
}

}  // namespace ashlar::engine
