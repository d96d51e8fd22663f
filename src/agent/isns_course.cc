#include "agent/isns_course.h"

#include <algorithm>

namespace ashlar::agent {

std::chrono::milliseconds isns_retry_pause(uint32_t failures, const IsnsTiming& timing, uint32_t random) {
  constexpr uint32_t most_doublings = 16;
  const uint32_t doublings = std::min(failures == 0 ? 0 : failures - 1, most_doublings);
  const auto full = std::min(timing.first_retry * (1u << doublings), timing.longest_retry);
  constexpr uint32_t shares = 1024;
  return full - full / 4 * (random % shares) / shares;
}

IsnsCourse::Next IsnsCourse::next(const IsnsRegistration* wish, Time now) const {
  const bool wants = wish != nullptr && !wish->empty();
  if (!wants && !held_) return {connected_ ? IsnsStep::disconnect : IsnsStep::wait};
  if (!connected_) return now < retry_at_ ? Next{IsnsStep::wait, retry_at_} : Next{IsnsStep::connect};
  if (!wants) return {IsnsStep::deregister};
  if (replaces(*wish) || forgotten_) return {IsnsStep::register_all};
  if (doubted_ || now >= refresh_at_) return {IsnsStep::verify};
  return {IsnsStep::wait, refresh_at_};
}

void IsnsCourse::on_connected() {
  connected_ = true;
  doubted_ = held_.has_value();
}

// Not at once, or a server that closes whatever is opened would keep both sides busy.
void IsnsCourse::on_closed(Time now) {
  connected_ = false;
  retry_at_ = now + timing_.first_retry;
}

void IsnsCourse::on_failure(Time now, uint32_t random) {
  connected_ = false;
  failures_ = std::min(failures_ + 1, 1'000'000u);
  retry_at_ = now + isns_retry_pause(failures_, timing_, random);
}

// RFC 4171 6.2.6: whatever the server hears of us begins the period anew. Two questions may be lost before it ends.
void IsnsCourse::plan_refresh(Time now) {
  const auto period = std::chrono::seconds(period_seconds_);
  refresh_at_ = now + std::max<Time>(std::chrono::duration_cast<Time>(period) / 3, timing_.shortest_refresh);
}

void IsnsCourse::on_registering(const IsnsRegistration& registration) {
  held_ = registration;
  whole_ = false;
}

void IsnsCourse::on_registered(std::optional<uint32_t> granted_seconds, Time now) {
  whole_ = true;
  // 0 would be a registration that never ends; we look after it all the same, for the server may be started anew.
  period_seconds_ = std::min(granted_seconds.value_or(0) == 0 ? timing_.period_seconds : *granted_seconds,
                             timing_.period_seconds);
  doubted_ = forgotten_ = false;
  failures_ = 0;
  plan_refresh(now);
}

void IsnsCourse::on_verified(bool known, Time now) {
  doubted_ = false;
  forgotten_ = !known;
  failures_ = 0;
  plan_refresh(now);
}

}  // namespace ashlar::agent
