#include "agent/event_bus.h"

#include "base/log.h"

namespace ashlar::agent {
namespace {
constexpr size_t page = 1000;
}

void EventBus::tell(std::string topic, std::string action, std::string name, std::string actor,
                    api::Json data) {
  const std::lock_guard lock(mutex_);
  state::EventRow row{
      0, now_(), std::move(topic), std::move(action), std::move(name), std::move(actor), std::move(data)};
  const auto id = database_.add_event(row);
  if (!id) {
    log_warning("agent", "an event is not kept: {}", id.error().text());
    return;
  }
  row.id = *id;
  std::erase_if(listeners_, [&row](const Listener& each) { return !each(row); });
}

void EventBus::listen(uint64_t after, Listener listener) {
  const std::lock_guard lock(mutex_);
  while (after != UINT64_MAX) {
    const auto rows = database_.events({page, after, {}});
    if (!rows || rows->empty()) break;
    for (const state::EventRow& each : *rows) {
      if (!listener(each)) return;
      after = each.id;
    }
  }
  listeners_.push_back(std::move(listener));
}

void EventBus::tick() {
  const std::lock_guard lock(mutex_);
  const state::EventRow sign_of_life{};
  std::erase_if(listeners_, [&](const Listener& each) { return !each(sign_of_life); });
}

size_t EventBus::listeners() const {
  const std::lock_guard lock(mutex_);
  return listeners_.size();
}

api::Json event_json(const state::EventRow& event) {
  return {{"id", event.id},     {"time", event.time},   {"topic", event.topic}, {"action", event.action},
          {"name", event.name}, {"actor", event.actor}, {"data", event.data}};
}

}  // namespace ashlar::agent
