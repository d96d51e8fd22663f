#include "http/outbox.h"

#include <algorithm>

namespace ashlar::http {

void Outbox::wake_up() {
  if (idle_ && wake_) wake_();
  idle_ = false;
}

bool Outbox::push(std::string bytes) {
  const std::scoped_lock lock(mutex_);
  if (closed_) return false;
  if (bytes.size() > most_bytes_ - waiting_bytes_) {
    closed_ = overflowed_ = true;
    waiting_.clear();
    wake_up();
    // The connection may be in the middle of a write that will never end: it must hear of this all the same.
    if (wake_) wake_();
    return false;
  }
  waiting_bytes_ += bytes.size();
  waiting_.push_back(std::move(bytes));
  wake_up();
  return true;
}

void Outbox::finish() {
  const std::scoped_lock lock(mutex_);
  if (closed_) return;
  closed_ = true;
  wake_up();
}

void Outbox::abandon() {
  const std::scoped_lock lock(mutex_);
  closed_ = true;
  wake_ = nullptr;
  waiting_.clear();
}

bool Outbox::open() const {
  const std::scoped_lock lock(mutex_);
  return !closed_;
}

std::optional<std::string> Outbox::next() {
  const std::scoped_lock lock(mutex_);
  if (waiting_.empty()) {
    idle_ = true;
    return std::nullopt;
  }
  std::string first = std::move(waiting_.front());
  waiting_.pop_front();
  return first;
}

void Outbox::sent(size_t bytes) {
  const std::scoped_lock lock(mutex_);
  waiting_bytes_ -= std::min(bytes, waiting_bytes_);
}

bool Outbox::finished() const {
  const std::scoped_lock lock(mutex_);
  return closed_ && !overflowed_ && waiting_.empty();
}

bool Outbox::overflowed() const {
  const std::scoped_lock lock(mutex_);
  return overflowed_;
}

}  // namespace ashlar::http
