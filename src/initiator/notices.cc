#include "initiator/exchange.h"
#include "initiator/session.h"

namespace ashlar::initiator {

void Notices::post() {
  if (posted_ || running_ || watcher_ == nullptr) return;
  posted_ = true;
  loop_.post(*this);
}

void Notices::message(const wire::iscsi::AsyncMessage& message) {
  if (messages_.size() < max_messages) messages_.push_back(message);
  post();
}

void Notices::closed(const Error& reason) {
  reason_ = reason;
  post();
}

void Notices::leave() {
  left_ = true;
  if (!posted_ && !running_) delete this;
}

void Notices::run() {
  posted_ = false;
  running_ = true;
  // Each call may end the session, and with it our right to tell more.
  const std::vector<wire::iscsi::AsyncMessage> messages = std::move(messages_);
  messages_.clear();
  for (const wire::iscsi::AsyncMessage& message : messages) {
    if (!left_) watcher_->asynchronous_message(message);
  }
  if (!left_ && reason_) {
    const Error reason = std::move(*reason_);
    reason_.reset();
    watcher_->session_closed(reason);
  }
  running_ = false;
  if (left_) {
    delete this;
  } else if (reason_ || !messages_.empty()) {
    post();
  }
}

}  // namespace ashlar::initiator
