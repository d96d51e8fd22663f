#include "loop/socket_connect.h"

#include <poll.h>
#include <unistd.h>

#include <cerrno>

#include "loop/real_loop.h"
#include "loop/socket_address.h"
#include "loop/socket_stream.h"

namespace ashlar::loop {
namespace {

// A full backlog of a unix socket cannot be polled for.
constexpr Nanoseconds pause_before_retry = milliseconds(5);

class Descriptor {
 public:
  explicit Descriptor(int number) : number_(number) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() {
    if (number_ >= 0) ::close(number_);
  }
  int get() const { return number_; }
  int release() { return std::exchange(number_, -1); }

 private:
  int number_;
};

// Waits until the socket is writable (connected or failed) or the time is over. Lives in the coroutine's frame: the
// coroutine goes on only after the last completion.
class ConnectWait final : public RingOperation, public Timer {
 public:
  ConnectWait(RealLoop& loop, int descriptor, Instant deadline) : loop_(loop), descriptor_(descriptor) {
    loop_.ring().start(*this);
    loop_.arm(*this, deadline);
  }
  Event& finished() { return finished_; }
  bool timed_out() const { return timed_out_; }

  void prepare(io_uring_sqe& entry) override { io_uring_prep_poll_add(&entry, descriptor_, POLLOUT); }
  void completed(int32_t /*result*/, bool /*more*/) override {
    over_ = true;
    loop_.cancel(*this);
    finished_.set();
  }
  void expired() override {
    timed_out_ = true;
    loop_.ring().cancel(*this);
  }
  void give_up() {
    if (over_ || timed_out_) return;
    loop_.cancel(*this);
    loop_.ring().cancel(*this);
  }

 private:
  RealLoop& loop_;
  int descriptor_;
  bool timed_out_ = false;
  bool over_ = false;
  Event finished_;
};

Error timed_out_error(const Endpoint& endpoint) {
  return {ErrorCode::timed_out, endpoint.text(), "no answer in time"};
}

}  // namespace

Task<Result<std::unique_ptr<Stream>>> connect_socket(RealLoop& loop, Endpoint endpoint, Nanoseconds timeout,
                                                     Cancellation* cancellation) {
  CO_TRY(Cancellation::check(cancellation, endpoint.text()));
  const Instant deadline = loop.now() + timeout;
  CO_TRY_ASSIGN(const SocketAddress address, parse_address(endpoint));
  CO_TRY_ASSIGN(const int opened, open_socket(address, endpoint));
  Descriptor descriptor(opened);
  int error = EAGAIN;
  for (;;) {
    error = ::connect(descriptor.get(), address.get(), address.length) == 0 ? 0 : errno;
    if (error != EAGAIN && error != EINTR) break;
    if (loop.now() >= deadline) co_return std::unexpected(timed_out_error(endpoint));
    Task<void> pause = sleep_for(pause_before_retry);
    co_await pause;
    CO_TRY(Cancellation::check(cancellation, endpoint.text()));
  }
  if (error == EINPROGRESS) {
    ConnectWait wait(loop, descriptor.get(), deadline);
    const Cancellation::Scope scope(cancellation, [&wait] { wait.give_up(); });
    co_await wait.finished();
    CO_TRY(Cancellation::check(cancellation, endpoint.text()));
    socklen_t length = sizeof error;
    getsockopt(descriptor.get(), SOL_SOCKET, SO_ERROR, &error, &length);
    if (wait.timed_out() && peer_of(descriptor.get()).address.empty())
      co_return std::unexpected(timed_out_error(endpoint));
  }
  if (error != 0) co_return std::unexpected(error_of_errno(error, endpoint.text(), "cannot connect"));
  std::unique_ptr<Stream> stream = std::make_unique<SocketStream>(loop, descriptor.release());
  co_return stream;
}

}  // namespace ashlar::loop
