#include "loop/socket_listener.h"

#include <netinet/in.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <deque>

#include "base/log.h"
#include "loop/real_loop.h"
#include "loop/socket_address.h"
#include "loop/socket_stream.h"

namespace ashlar::loop {
namespace {

constexpr Nanoseconds pause_when_exhausted = milliseconds(100);
constexpr uint64_t log_period_nanoseconds = 60'000'000'000;

// errno of one connection that failed before it was taken (accept(2)): the next one may be well.
bool concerns_one_connection(int error) {
  switch (error) {
    case ECONNABORTED:
    case EINTR:
    case EAGAIN:
    case EPROTO:
    case ENETDOWN:
    case ENOPROTOOPT:
    case EHOSTDOWN:
    case ENONET:
    case EHOSTUNREACH:
    case ENETUNREACH:
    case EPERM: return true;
    default: return false;
  }
}

}  // namespace

// The accept request of one listener. Lives until its last completion, which may come after the listener is gone.
class AcceptOperation final : public RingOperation, public Ready, public Timer {
 public:
  AcceptOperation(RealLoop& loop, int descriptor, std::string name, std::string unix_path, Acceptor& acceptor)
      : loop_(loop),
        descriptor_(descriptor),
        name_(std::move(name)),
        unix_path_(std::move(unix_path)),
        acceptor_(&acceptor) {
    if (!unix_path_.empty()) ::stat(unix_path_.c_str(), &made_);
    arm();
  }

  void abandon() {
    acceptor_ = nullptr;
    loop_.cancel(*this);
    loop_.withdraw(*this);
    for (const int waiting : accepted_) ::close(waiting);
    accepted_.clear();
    remove_unix_path();
    if (!armed_) {
      delete this;
    } else {
      loop_.ring().cancel(*this);
      // An accept that waits for this turn's submission names the socket by its number, which may be another's by then.
      loop_.ring().submit();
    }
  }

  void prepare(io_uring_sqe& entry) override {
    if (loop_.ring().features().multishot_accept) {
      io_uring_prep_multishot_accept(&entry, descriptor_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    } else {
      io_uring_prep_accept(&entry, descriptor_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    }
  }

  void completed(int32_t result, bool more) override {
    if (!more) armed_ = false;
    if (acceptor_ == nullptr) {
      if (result >= 0) ::close(result);
      if (!more) delete this;
      return;
    }
    if (result >= 0) {
      accepted_.push_back(result);
      if (!ReadyList::contains(*this)) loop_.post(*this);
    } else if (result == -ECANCELED) {
      return;  // the loop ends
    } else if (!concerns_one_connection(-result)) {
      return rest(-result);
    }
    if (!armed_) arm();
  }

  void run() override {
    // accepted() may destroy the listener, and so this: nothing of ours is touched after the call. The rest comes next.
    const int descriptor = accepted_.front();
    accepted_.pop_front();
    if (!accepted_.empty()) loop_.post(*this);
    acceptor_->accepted(std::make_unique<SocketStream>(loop_, descriptor));
  }

  void expired() override {
    if (!armed_) arm();
  }

 private:
  void arm() {
    armed_ = true;
    loop_.ring().start(*this);
  }

  // Out of descriptors or memory: an accept at once would fail at once. Hosts wait in the backlog meanwhile.
  void rest(int error) {
    if (limiter_.allow(static_cast<uint64_t>(loop_.now().nanoseconds))) {
      log_error("loop.listener", "{}: cannot accept: {}; tried again every {} ms", name_,
                std::strerror(error), pause_when_exhausted / milliseconds(1));
    }
    loop_.arm_after(*this, pause_when_exhausted);
  }

  void remove_unix_path() {
    if (unix_path_.empty()) return;
    // Only what we made: another process may have put its own socket there since.
    struct stat there{};
    if (::stat(unix_path_.c_str(), &there) == 0 && there.st_ino == made_.st_ino &&
        there.st_dev == made_.st_dev) {
      ::unlink(unix_path_.c_str());
    }
  }

  RealLoop& loop_;
  int descriptor_;
  std::string name_;
  std::string unix_path_;
  struct stat made_{};
  Acceptor* acceptor_;
  bool armed_ = false;
  std::deque<int> accepted_;  // bounded by one turn's completions
  LogLimiter limiter_{1, log_period_nanoseconds};
};

namespace {

Error listen_error(int error, const Endpoint& endpoint, std::string_view what) {
  if (error == EADDRINUSE) return {ErrorCode::busy, endpoint.text(), "another process listens there"};
  return error_of_errno(error, endpoint.text(), what);
}

// A socket file that nobody answers on is left from a process that was killed; one that answers belongs to somebody.
Result<void> remove_stale(const SocketAddress& address, const Endpoint& endpoint) {
  struct stat there{};
  if (::lstat(endpoint.address.c_str(), &there) != 0) return {};
  if (!S_ISSOCK(there.st_mode)) {
    return fail(ErrorCode::already_exists, endpoint.address,
                "is there and is no socket: remove it or choose another path");
  }
  TRY_ASSIGN(const int probe, open_socket(address, endpoint));
  const int status = ::connect(probe, address.get(), address.length);
  const int error = status == 0 ? 0 : errno;
  ::close(probe);
  if (error == ECONNREFUSED) {
    if (::unlink(endpoint.address.c_str()) == 0 || errno == ENOENT) return {};
    return std::unexpected(error_of_errno(errno, endpoint.address, "cannot remove the stale socket"));
  }
  // EAGAIN: it answers, though its backlog is full.
  return fail(ErrorCode::busy, endpoint.address, "another process listens there");
}

Result<void> bind_unix(int descriptor, const SocketAddress& address, const Endpoint& endpoint,
                       uint32_t mode) {
  TRY(remove_stale(address, endpoint));
  // The mode of an unbound socket is the mode of its file to be (less the umask): it is never there with a wider one.
  ::fchmod(descriptor, mode & 0777);
  if (::bind(descriptor, address.get(), address.length) != 0) {
    return std::unexpected(listen_error(errno, endpoint, "cannot bind"));
  }
  // What the umask took away.
  if (::chmod(endpoint.address.c_str(), mode & 0777) != 0) {
    return std::unexpected(error_of_errno(errno, endpoint.text(), "cannot set the socket's permissions"));
  }
  return {};
}

Result<void> bind_internet(int descriptor, const SocketAddress& address, const Endpoint& endpoint,
                           bool shared_port) {
  const int on = 1;
  setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (shared_port && setsockopt(descriptor, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on) != 0) {
    return std::unexpected(error_of_errno(errno, endpoint.text(), "cannot share the port between shards"));
  }
  // :: and 0.0.0.0 are two portals, whatever net.ipv6.bindv6only says.
  if (address.family() == AF_INET6) setsockopt(descriptor, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
  if (::bind(descriptor, address.get(), address.length) != 0) {
    return std::unexpected(listen_error(errno, endpoint, "cannot bind"));
  }
  return {};
}

}  // namespace

Result<std::unique_ptr<Listener>> SocketListener::open(RealLoop& loop, const Endpoint& endpoint,
                                                       const ListenOptions& options, Acceptor& acceptor) {
  TRY_ASSIGN(const SocketAddress address, parse_address(endpoint));
  TRY_ASSIGN(const int descriptor, open_socket(address, endpoint));
  Result<void> bound = endpoint.is_unix() ? bind_unix(descriptor, address, endpoint, options.unix_mode)
                                          : bind_internet(descriptor, address, endpoint, options.shared_port);
  if (bound && ::listen(descriptor, options.backlog) != 0) {
    bound = std::unexpected(listen_error(errno, endpoint, "cannot listen"));
  }
  if (!bound) {
    ::close(descriptor);
    return std::unexpected(std::move(bound).error());
  }
  auto* operation = new AcceptOperation(loop, descriptor, endpoint.text(),
                                        endpoint.is_unix() ? endpoint.address : "", acceptor);
  return std::unique_ptr<Listener>(new SocketListener(descriptor, operation));
}

SocketListener::~SocketListener() {
  operation_->abandon();
  // The accept request may hold the socket until it is cancelled; nobody gets in from here on.
  ::shutdown(descriptor_, SHUT_RDWR);
  ::close(descriptor_);
}

Endpoint SocketListener::local() const { return local_of(descriptor_); }

}  // namespace ashlar::loop
