#include "loop/signal_watcher.h"

#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <cerrno>

#include "loop/real_loop.h"

namespace ashlar::loop {
namespace {

sigset_t set_of(std::initializer_list<int> signals) {
  sigset_t set;
  sigemptyset(&set);
  for (const int signal : signals) sigaddset(&set, signal);
  return set;
}

}  // namespace

class SignalPoll final : public RingOperation, public Ready {
 public:
  SignalPoll(RealLoop& loop, int descriptor, std::function<void(int)> caught)
      : loop_(loop), descriptor_(descriptor), caught_(std::move(caught)) {
    arm();
  }
  ~SignalPoll() { ::close(descriptor_); }

  void abandon() {
    abandoned_ = true;
    loop_.withdraw(*this);
    if (!armed_) {
      if (!running_) delete this;
    } else {
      loop_.ring().cancel(*this);
    }
  }

  void prepare(io_uring_sqe& entry) override { io_uring_prep_poll_add(&entry, descriptor_, POLLIN); }
  void completed(int32_t result, bool /*more*/) override {
    armed_ = false;
    if (abandoned_) {
      delete this;
    } else if (result >= 0) {
      loop_.post(*this);
    }
  }
  void run() override {
    running_ = true;
    signalfd_siginfo info{};
    while (!abandoned_ && ::read(descriptor_, &info, sizeof info) == sizeof info)
      caught_(static_cast<int>(info.ssi_signo));
    running_ = false;
    if (abandoned_) {
      delete this;
    } else {
      arm();
    }
  }

 private:
  void arm() {
    armed_ = true;
    loop_.ring().start(*this);
  }
  RealLoop& loop_;
  int descriptor_;
  std::function<void(int)> caught_;
  bool armed_ = false;
  bool running_ = false;
  bool abandoned_ = false;
};

void SignalWatcher::block(std::initializer_list<int> signals) {
  const sigset_t set = set_of(signals);
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
}

Result<std::unique_ptr<SignalWatcher>> SignalWatcher::open(RealLoop& loop, std::initializer_list<int> signals,
                                                           std::function<void(int)> caught) {
  const sigset_t set = set_of(signals);
  const int descriptor = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
  if (descriptor < 0) return std::unexpected(error_of_errno(errno, "signals", "signalfd"));
  return std::unique_ptr<SignalWatcher>(
      new SignalWatcher(new SignalPoll(loop, descriptor, std::move(caught))));
}

SignalWatcher::~SignalWatcher() { poll_->abandon(); }

}  // namespace ashlar::loop
