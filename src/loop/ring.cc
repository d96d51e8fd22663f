#include "loop/ring.h"

#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>

#include "base/log.h"

namespace ashlar::loop {
namespace {

// Kernel completions may come in bursts (accept storms, polls of many sessions); the kernel keeps what does not fit, but
// slowly.
constexpr uint32_t completions_per_submission = 8;

void log_features_once(const KernelFeatures& features) {
  static std::atomic<bool> said = false;
  const std::string missing = features.missing();
  if (missing.empty() || said.exchange(true)) return;
  log_warning("loop.ring", "this kernel's io_uring lacks {}: the engine works, with more CPU per I/O",
              missing);
}

}  // namespace

Ring::~Ring() {
  while (!waiting_.empty()) waiting_.pop_front();
  if (open_) io_uring_queue_exit(&ring_);
}

Result<void> Ring::open(uint32_t entries, bool newest) {
  TRY(set_up(entries, newest));
  if (newest) log_features_once(features_);
  if (sched_getaffinity(0, sizeof cores_, &cores_) != 0) CPU_ZERO(&cores_);
  return {};
}

Result<void> Ring::set_up(uint32_t entries, bool newest) {
  constexpr uint32_t always = IORING_SETUP_CLAMP | IORING_SETUP_CQSIZE | IORING_SETUP_R_DISABLED;
  constexpr uint32_t cooperative =
      IORING_SETUP_COOP_TASKRUN | IORING_SETUP_TASKRUN_FLAG | IORING_SETUP_SUBMIT_ALL;
  constexpr uint32_t deferred = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN;
  int status = -EINVAL;
  // Newest first; a kernel that does not know a flag answers EINVAL.
  for (const uint32_t flags : {always | cooperative | deferred, always | cooperative, always}) {
    if (!newest && flags != always) continue;
    io_uring_params params{};
    params.flags = flags;
    params.cq_entries = entries * completions_per_submission;
    status = io_uring_queue_init_params(entries, &ring_, &params);
    if (status == 0) {
      open_ = true;
      if (newest) probe(flags);
      return {};
    }
    if (status != -EINVAL) break;
  }
  return std::unexpected(error_of_errno(
      -status, "io_uring",
      "the kernel gives no ring (look at /proc/sys/kernel/io_uring_disabled and at seccomp filters)"));
}

void Ring::probe(uint32_t setup_flags) {
  features_.defer_taskrun = (setup_flags & IORING_SETUP_DEFER_TASKRUN) != 0;
  features_.coop_taskrun = (setup_flags & IORING_SETUP_COOP_TASKRUN) != 0;
  features_.taskrun_flag = features_.coop_taskrun;
  // These have no bit of their own; each came with one that has.
  features_.multishot_poll = (ring_.features & IORING_FEAT_RSRC_TAGS) != 0;
  if (io_uring_probe* probed = io_uring_get_probe_ring(&ring_)) {
    const bool since_5_19 = io_uring_opcode_supported(probed, IORING_OP_SOCKET) != 0;
    features_.multishot_accept = since_5_19;
    features_.cancel_any = since_5_19;
    io_uring_free_probe(probed);
  }
}

Result<void> Ring::enable() {
  // liburing 2.3 declares io_uring_enable_rings() but its library does not export it.
  if (syscall(SYS_io_uring_register, ring_.ring_fd, IORING_REGISTER_ENABLE_RINGS, nullptr, 0) < 0) {
    return std::unexpected(error_of_errno(errno, "io_uring", "cannot enable the ring"));
  }
  keep_workers_on_our_cores();
  return {};
}

// What cannot be done at once (a write that must allocate, a sync) goes to the kernel's workers. Those follow the cpuset
// but not sched_setaffinity(2): under `taskset -c 0` they would queue on the cores that were meant for others, 4 ms a time.
void Ring::keep_workers_on_our_cores() {
  if (CPU_COUNT(&cores_) == 0) return;
  // The thread has workers of its own from its first submission on; before it the kernel says EINVAL.
  if (io_uring_sqe* nothing = entry()) {
    io_uring_prep_nop(nothing);
    io_uring_sqe_set_data(nothing, nullptr);
    io_uring_submit_and_wait(&ring_, 1);
    reap();
  }
  const int status = io_uring_register_iowq_aff(&ring_, sizeof cores_, &cores_);
  if (status < 0)
    log_debug("loop.ring", "the kernel's workers may run on any core: {}", std::strerror(-status));
}

io_uring_sqe* Ring::entry() {
  io_uring_sqe* free = io_uring_get_sqe(&ring_);
  if (free != nullptr) return free;
  io_uring_submit(&ring_);
  return io_uring_get_sqe(&ring_);
}

void Ring::start(RingOperation& operation) {
  ++in_flight_;
  io_uring_sqe* free = waiting_.empty() ? entry() : nullptr;
  if (free == nullptr) {
    waiting_.push_back(operation);
    return;
  }
  operation.prepare(*free);
  io_uring_sqe_set_data(free, &operation);
}

void Ring::cancel(RingOperation& operation) {
  io_uring_sqe* free = waiting_.empty() && cancels_waiting_.empty() ? entry() : nullptr;
  if (free == nullptr) {
    cancels_waiting_.push_back(&operation);
    return;
  }
  io_uring_prep_cancel(free, &operation, 0);
  io_uring_sqe_set_data(free, nullptr);
}

void Ring::cancel_all() {
  if (io_uring_sqe* free = features_.cancel_any ? entry() : nullptr) {
    io_uring_prep_cancel64(free, 0, IORING_ASYNC_CANCEL_ANY | IORING_ASYNC_CANCEL_ALL);
    io_uring_sqe_set_data(free, nullptr);
  }
}

void Ring::start_waiting() {
  while (!waiting_.empty()) {
    io_uring_sqe* free = entry();
    if (free == nullptr) return;
    RingOperation& operation = waiting_.pop_front();
    operation.prepare(*free);
    io_uring_sqe_set_data(free, &operation);
  }
  while (!cancels_waiting_.empty()) {
    io_uring_sqe* free = entry();
    if (free == nullptr) return;
    io_uring_prep_cancel(free, cancels_waiting_.back(), 0);
    io_uring_sqe_set_data(free, nullptr);
    cancels_waiting_.pop_back();
  }
}

uint32_t Ring::reap() {
  uint32_t count = 0;
  for (;;) {
    io_uring_cqe* completion = nullptr;
    unsigned head = 0;
    uint32_t batch = 0;
    io_uring_for_each_cqe(&ring_, head, completion) {
      ++batch;
      auto* operation = static_cast<RingOperation*>(io_uring_cqe_get_data(completion));
      if (operation == nullptr) continue;  // the answer to a cancel
      const bool more = (completion->flags & IORING_CQE_F_MORE) != 0;
      if (!more) {
        --in_flight_;
        // A late cancel must not meet the next operation that lives at this address.
        if (!cancels_waiting_.empty()) std::erase(cancels_waiting_, operation);
      }
      operation->completed(completion->res, more);
    }
    if (batch == 0) return count;
    io_uring_cq_advance(&ring_, batch);
    count += batch;
  }
}

bool Ring::kernel_has_work() const {
  return (IO_URING_READ_ONCE(*ring_.sq.kflags) & (IORING_SQ_CQ_OVERFLOW | IORING_SQ_TASKRUN)) != 0;
}

void Ring::submit() {
  start_waiting();
  // Errors (EAGAIN, EBUSY: completions must be reaped first) leave the entries in the queue for the next turn.
  if (io_uring_sq_ready(&ring_) > 0) {
    io_uring_submit_and_get_events(&ring_);
  } else if (kernel_has_work()) {
    io_uring_get_events(&ring_);
  }
}

bool Ring::completions_waiting() {
  if (io_uring_cq_ready(&ring_) > 0) return true;
  if (!kernel_has_work()) return false;
  io_uring_get_events(&ring_);
  return io_uring_cq_ready(&ring_) > 0;
}

void Ring::submit_and_wait(Nanoseconds span) {
  start_waiting();
  if (!waiting_.empty() || !cancels_waiting_.empty()) return submit();
  io_uring_cqe* first = nullptr;
  if (span == Nanoseconds::max()) {
    io_uring_submit_and_wait_timeout(&ring_, &first, 1, nullptr, nullptr);
    return;
  }
  __kernel_timespec time{};
  time.tv_sec = span.count() / 1'000'000'000;
  time.tv_nsec = span.count() % 1'000'000'000;
  io_uring_submit_and_wait_timeout(&ring_, &first, 1, &time, nullptr);
}

}  // namespace ashlar::loop
