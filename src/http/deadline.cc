#include "http/deadline.h"

#include <utility>

namespace ashlar::http {

Deadline::Deadline(asio::io_context& context, std::function<void()> expired)
    : timer_(context), expired_(std::move(expired)) {}

void Deadline::within(std::chrono::milliseconds limit, std::weak_ptr<void> owner,
                      std::function<uint64_t()> progress) {
  limit_ = limit;
  owner_ = std::move(owner);
  progress_ = std::move(progress);
  seen_ = progress_ ? progress_() : 0;
  wait();
}

void Deadline::off() { timer_.expires_at(asio::steady_timer::time_point::max()); }

void Deadline::wait() {
  timer_.expires_after(limit_);
  timer_.async_wait([this, owner = owner_](boost::system::error_code error) {
    const std::shared_ptr<void> kept = owner.lock();
    if (!error && kept) fire();
  });
}

void Deadline::fire() {
  // It may have been set anew while this call was on its way.
  if (timer_.expiry() > asio::steady_timer::clock_type::now()) return;
  const uint64_t now = progress_ ? progress_() : 0;
  if (now != seen_) {
    seen_ = now;
    wait();
    return;
  }
  expired_();
}

}  // namespace ashlar::http
