#include "loop/mailbox.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "base/check.h"

namespace ashlar::loop {

Mailbox::~Mailbox() {
  if (bell_ >= 0) ::close(bell_);
}

Result<void> Mailbox::open() {
  bell_ = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (bell_ < 0) return std::unexpected(error_of_errno(errno, "mailbox", "eventfd"));
  return {};
}

void Mailbox::send(Letter letter) {
  bool first = false;
  {
    const std::scoped_lock lock(mutex_);
    CHECK(letters_.size() < max_letters, "a mailbox overflows: its shard does not turn");
    first = letters_.empty();
    letters_.push_back(std::move(letter));
    waiting_.store(true, std::memory_order_release);
  }
  // The receiver takes all letters at once, so only the first one of a batch needs to wake it.
  if (first) ring_bell();
}

void Mailbox::ring_bell() {
  const uint64_t one = 1;
  // EAGAIN means 2^64 unanswered rings; the bell rings all the same.
  [[maybe_unused]] const ssize_t written = ::write(bell_, &one, sizeof one);
}

void Mailbox::attach(Ring& ring) {
  ring_ = &ring;
  ring.start(*this);
}

void Mailbox::detach() {
  detached_ = true;
  ring_->cancel(*this);
}

size_t Mailbox::run_letters() {
  if (!waiting()) return 0;
  {
    const std::scoped_lock lock(mutex_);
    std::swap(letters_, running_);
    waiting_.store(false, std::memory_order_release);
  }
  const size_t count = running_.size();
  for (Letter& letter : running_) {
    Letter current = std::move(letter);
    current();
  }
  running_.clear();
  return count;
}

// A poll and a plain read, not IORING_OP_READ: on a non-blocking descriptor that gives EAGAIN at once.
void Mailbox::prepare(io_uring_sqe& entry) { io_uring_prep_poll_add(&entry, bell_, POLLIN); }

void Mailbox::completed(int32_t result, bool /*more*/) {
  if (detached_ || result == -ECANCELED) return;
  [[maybe_unused]] const ssize_t got = ::read(bell_, &rung_, sizeof rung_);
  ring_->start(*this);
}

}  // namespace ashlar::loop
