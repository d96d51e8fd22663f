#include "loop/real_loop.h"

#include <sys/random.h>
#include <time.h>

#include <cerrno>

#include "base/check.h"
#include "base/log.h"
#include "loop/disk_file.h"
#include "loop/generic_device.h"
#include "loop/socket_connect.h"
#include "loop/socket_listener.h"

namespace ashlar::loop {
namespace {

constexpr Nanoseconds longest_end = seconds(10);

Nanoseconds clock_reading(clockid_t clock) {
  timespec time{};
  clock_gettime(clock, &time);
  return seconds(time.tv_sec) + Nanoseconds(time.tv_nsec);
}

void relax() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#endif
}

}  // namespace

Instant monotonic_now() { return {clock_reading(CLOCK_BOOTTIME).count()}; }

Result<std::unique_ptr<RealLoop>> RealLoop::create(Shards& shards, uint32_t index,
                                                   const RealLoopOptions& options, WorkerPool& workers) {
  std::unique_ptr<RealLoop> loop(new RealLoop(shards, index, options, workers));
  TRY(loop->ring_.open(options.ring_entries, options.newest_kernel_features));
  TRY(loop->mailbox_.open());
  return loop;
}

RealLoop::RealLoop(Shards& shards, uint32_t index, const RealLoopOptions& options, WorkerPool& workers)
    : Loop(shards, index, options.buffers),
      workers_(workers),
      spin_(microseconds(options.spin_microseconds)) {
  now_ = monotonic_now();
}

RealLoop::~RealLoop() = default;

Result<void> RealLoop::begin() {
  TRY(ring_.enable());
  mailbox_.attach(ring_);
  return {};
}

void RealLoop::run(const std::atomic<bool>& stop) {
  set_current(this);
  while (!stop.load(std::memory_order_acquire) || anything_ready() || mailbox_.waiting())
    turn(!stop.load(std::memory_order_acquire));
  set_current(nullptr);
}

void RealLoop::turn(bool may_sleep) {
  now_ = monotonic_now();
  const bool completions = ring_.reap() > 0;
  timers_.expire(now_);
  const bool letters = mailbox_.run_letters() > 0;
  run_ready();
  if (completions || letters) last_event_ = now_;
  ++turns_;
  if (may_sleep) {
    rest();
  } else {
    ring_.submit();
  }
}

void RealLoop::rest() {
  if (anything_ready() || mailbox_.waiting()) return ring_.submit();
  if (spin_.count() > 0 && spin()) return;
  if (timers_.next() == Instant::never()) return ring_.submit_and_wait(Nanoseconds::max());
  const Nanoseconds span = timers_.next() - monotonic_now();
  if (span.count() <= 0) return ring_.submit();
  ring_.submit_and_wait(span);
}

// True when something came. Sleeping costs a wake-up of some 10 microseconds on the next command.
bool RealLoop::spin() {
  ring_.submit();
  for (;;) {
    if (ring_.completions_waiting() || mailbox_.waiting()) return true;
    const Instant now = monotonic_now();
    if (timers_.next() <= now) return true;
    if (now >= last_event_ + spin_) return false;
    relax();
  }
}

void RealLoop::end() {
  set_current(this);
  turn(false);
  mailbox_.detach();
  ring_.cancel_all();
  const Instant deadline = monotonic_now() + longest_end;
  while ((ring_.in_flight() > 0 || anything_ready()) && monotonic_now() < deadline) {
    if (anything_ready()) {
      ring_.submit();
    } else {
      ring_.submit_and_wait(milliseconds(100));
    }
    // Who waited for what was cancelled may clean up, and may start something that must be cancelled in its turn.
    if (ring_.reap() == 0) ring_.cancel_all();
    run_ready();
  }
  if (ring_.in_flight() > 0)
    log_error("loop", "shard {} ends with {} operations in flight", index(), ring_.in_flight());
  set_current(nullptr);
}

Nanoseconds RealLoop::wall_clock() { return clock_reading(CLOCK_REALTIME); }

void RealLoop::random(std::span<uint8_t> out) {
  while (!out.empty()) {
    const ssize_t got = getrandom(out.data(), out.size(), 0);
    CHECK(got > 0 || errno == EINTR, "the kernel gives no randomness");
    if (got > 0) out = out.subspan(static_cast<size_t>(got));
  }
}

Result<std::unique_ptr<Listener>> RealLoop::listen(const Endpoint& endpoint, const ListenOptions& options,
                                                   Acceptor& acceptor) {
  return SocketListener::open(*this, endpoint, options, acceptor);
}

Task<Result<std::unique_ptr<Stream>>> RealLoop::connect(Endpoint endpoint, Nanoseconds timeout,
                                                        Cancellation* cancellation) {
  return connect_socket(*this, std::move(endpoint), timeout, cancellation);
}

Task<Result<std::unique_ptr<File>>> RealLoop::open(std::string path, OpenOptions options) {
  return open_disk_file(*this, std::move(path), options);
}

Task<Result<void>> RealLoop::remove(std::string path) { return remove_disk_file(*this, std::move(path)); }

Task<Result<std::unique_ptr<ScsiDevice>>> RealLoop::open_scsi(std::string path) {
  return open_generic_device(*this, std::move(path));
}

void RealLoop::run_blocking(std::move_only_function<void()> work, std::move_only_function<void()> done) {
  auto job = [this, work = std::move(work), done = std::move(done)]() mutable {
    work();
    mailbox_.send(std::move(done));
  };
  workers_.run(std::move(job));
}

}  // namespace ashlar::loop
