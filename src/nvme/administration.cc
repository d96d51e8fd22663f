#include "nvme/administration.h"

#include <algorithm>

#include "nvme/domain.h"
#include "nvme/handling.h"

namespace ashlar::nvme {
namespace {

// A host that says nothing of keep-alive is given this long on a discovery controller (NVMe-oF 1.1 5.2).
constexpr uint32_t discovery_keep_alive_milliseconds = 120'000;

wire::nvme::ReservationNotice notice_of(unit::Attention attention) {
  using wire::nvme::ReservationNotice;
  switch (attention) {
    case unit::Attention::registrations_preempted: return ReservationNotice::registration_preempted;
    case unit::Attention::reservations_released: return ReservationNotice::released;
    case unit::Attention::reservations_preempted: return ReservationNotice::reservation_preempted;
    default: return ReservationNotice::none;
  }
}

}  // namespace

Administration::Administration(Queue& queue, uint32_t keep_alive_milliseconds)
    : queue_(queue), keep_alive_milliseconds_(keep_alive_milliseconds) {
  if (keep_alive_milliseconds_ == 0 && queue.controller().facts.discovery)
    keep_alive_milliseconds_ = discovery_keep_alive_milliseconds;
  features.timestamp_at = reset_at = queue_.loop().now();
  arm();
}

Administration::~Administration() { queue_.loop().cancel(*this); }

void Administration::arm() {
  queue_.loop().cancel(*this);
  if (keep_alive_milliseconds_ != 0)
    queue_.loop().arm_after(*this, loop::milliseconds(keep_alive_milliseconds_));
}

void Administration::set_keep_alive(uint32_t milliseconds) {
  keep_alive_milliseconds_ = milliseconds;
  queue_.controller().heard.store(true, std::memory_order_relaxed);
  arm();
}

// Commands of every queue keep the controller alive (TBKAS): one span without any ends it at the latest after a second one.
void Administration::expired() {
  // Before it is enabled nobody keeps it alive (NVMe base 2.0 3.9.1): a host that computes its proof has time of its own.
  if (queue_.barred()) return arm();
  if (queue_.controller().heard.exchange(false, std::memory_order_relaxed)) return arm();
  queue_.domain().end_controller(queue_.shared_controller(),
                                 "the host has not been heard of in time (keep-alive)");
}

void Administration::stop() { queue_.loop().cancel(*this); }

void Administration::raise(Event event) {
  events.raise(event);
  tell();
}

void Administration::namespace_changed(uint32_t namespace_id) {
  changed_namespaces_.insert(namespace_id);
  raise(Event::namespace_changed);
}

void Administration::access_changed(uint32_t namespace_id) {
  access_changes_of_[namespace_id] = ++access_changes_;
  raise(Event::access_changed);
}

void Administration::reservation_changed(uint32_t namespace_id, unit::Attention attention) {
  const wire::nvme::ReservationNotice kind = notice_of(attention);
  if (kind == wire::nvme::ReservationNotice::none) return;
  const auto mask = features.reservation_masks.find(namespace_id);
  if (mask != features.reservation_masks.end() && (mask->second >> static_cast<uint32_t>(kind) & 1) != 0)
    return;
  if (notices_.size() == most_notices) notices_.pop_front();
  notices_.push_back({namespace_id, kind});
  ++notice_count_;
  raise(Event::reservation);
}

bool Administration::hold(Command& request) {
  if (requests_.size() >= most_event_requests) return false;
  requests_.push_back(&request);
  Handling(request).wait();
  tell();
  return true;
}

std::shared_ptr<Administration::HeldAnswer> Administration::hold_answer(Command& command) {
  held_answers_.push_back(std::make_shared<HeldAnswer>(&command));
  return held_answers_.back();
}

void Administration::forget(const Command& request) {
  std::erase(requests_, &request);
  std::erase_if(held_answers_, [&request](const std::shared_ptr<HeldAnswer>& each) {
    if (each->command != &request) return false;
    each->command = nullptr;
    return true;
  });
}

void Administration::tell() {
  std::erase_if(requests_, [](Command* request) { return !Handling(*request).waiting(); });
  while (!requests_.empty()) {
    const std::optional<uint32_t> word = events.take();
    if (!word) return;
    Command* request = requests_.front();
    requests_.erase(requests_.begin());
    Handling(*request).go_on();
    Handling(*request).good(*word);
  }
}

std::vector<uint32_t> Administration::take_changed_namespaces(bool retain) {
  std::vector<uint32_t> changed(changed_namespaces_.begin(), changed_namespaces_.end());
  if (!retain) {
    changed_namespaces_.clear();
    events.read(Event::namespace_changed);
  }
  return changed;
}

Administration::NoticePage Administration::take_reservation_notice(bool retain) {
  NoticePage page;
  if (notices_.empty()) return page;
  page = {notice_count_ - notices_.size() + 1, notices_.front(), notices_.size() - 1};
  if (retain) return page;
  notices_.pop_front();
  events.read(Event::reservation);
  if (!notices_.empty()) raise(Event::reservation);
  return page;
}

uint64_t Administration::access_changes_of(uint32_t namespace_id) const {
  const auto found = access_changes_of_.find(namespace_id);
  return found == access_changes_of_.end() ? 0 : found->second;
}

void Administration::reset() {
  std::vector<Command*> held = std::exchange(requests_, {});
  for (Command* request : held) Handling(*request).interrupt(refusal(Status::abort_requested));
  events.reset();
  event_context.clear();
  features = {};
  features.timestamp_at = reset_at = queue_.loop().now();
  queue_.controller().take_behavior(features.host_behavior);
  changed_namespaces_.clear();
  notices_.clear();
}

}  // namespace ashlar::nvme
