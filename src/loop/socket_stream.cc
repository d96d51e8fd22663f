#include "loop/socket_stream.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>

#include "loop/real_loop.h"
#include "loop/socket_address.h"

namespace ashlar::loop {

// One poll request of one stream. The kernel knows it by its address, so it lives until its last completion, which may
// come after the stream is gone.
class SocketPoll final : public RingOperation {
 public:
  enum class Direction : uint8_t { in, out };
  SocketPoll(SocketStream& stream, Direction direction)
      : stream_(&stream), loop_(stream.loop_), descriptor_(stream.descriptor_), direction_(direction) {}

  bool armed() const { return armed_; }
  void arm() {
    if (armed_) return;
    armed_ = true;
    loop_.ring().start(*this);
  }
  // The stream dies. Frees this now or with the last completion.
  void abandon() {
    stream_ = nullptr;
    if (!armed_) {
      delete this;
    } else {
      loop_.ring().cancel(*this);
    }
  }

  void prepare(io_uring_sqe& entry) override {
    if (direction_ == Direction::out) {
      io_uring_prep_poll_add(&entry, descriptor_, POLLOUT);
    } else if (loop_.ring().features().multishot_poll) {
      io_uring_prep_poll_multishot(&entry, descriptor_, POLLIN | POLLRDHUP);
    } else {
      io_uring_prep_poll_add(&entry, descriptor_, POLLIN | POLLRDHUP);
    }
  }

  void completed(int32_t result, bool more) override {
    if (!more) armed_ = false;
    if (stream_ == nullptr) {
      if (!more) delete this;
      return;
    }
    if (result == -ECANCELED) return;  // the loop ends
    if (direction_ == Direction::out) return stream_->polled_out();
    // A multishot poll that ended by itself (completion queue overflow) is armed again at once; a one-shot poll when the
    // watcher has seen the end of the data, as otherwise it would report the same data for ever.
    const bool again = !more && loop_.ring().features().multishot_poll && result >= 0;
    stream_->polled_in(result);
    if (again) arm();
  }

 private:
  SocketStream* stream_;
  RealLoop& loop_;
  int descriptor_;
  Direction direction_;
  bool armed_ = false;
};

void SocketStream::Notice::post_now() {
  if (!ReadyList::contains(*this)) stream_.loop_.post(*this);
}
void SocketStream::Notice::post_next_turn() {
  if (!ReadyList::contains(*this)) stream_.loop_.at_turn_end(*this);
}
void SocketStream::Notice::withdraw() {
  stream_.loop_.withdraw(static_cast<Ready&>(*this));
  stream_.loop_.withdraw(static_cast<TurnEnd&>(*this));
}

SocketStream::SocketStream(RealLoop& loop, int descriptor)
    : loop_(loop), descriptor_(descriptor), peer_(peer_of(descriptor)) {
  int domain = 0;
  socklen_t length = sizeof domain;
  getsockopt(descriptor_, SOL_SOCKET, SO_DOMAIN, &domain, &length);
  is_unix_ = domain == AF_UNIX;
  if (!is_unix_) set_no_delay(descriptor_);
  poll_in_ = new SocketPoll(*this, SocketPoll::Direction::in);
  poll_out_ = new SocketPoll(*this, SocketPoll::Direction::out);
}

SocketStream::~SocketStream() {
  readable_.withdraw();
  writable_.withdraw();
  // The armed polls hold the socket open until this turn's submission cancels them: then the peer sees the end.
  poll_in_->abandon();
  poll_out_->abandon();
  ::close(descriptor_);
}

void SocketStream::watch(StreamWatcher& watcher) {
  watcher_ = &watcher;
  poll_in_->arm();
  if (send_blocked_) poll_out_->arm();
  readable_.post_now();
}

void SocketStream::polled_out() {
  send_blocked_ = false;
  writable_.post_now();
}

void SocketStream::polled_in(int32_t events) {
  if (events < 0 || (events & (POLLRDHUP | POLLHUP | POLLERR)) != 0) hung_up_ = true;
  // Before the watcher has reached the end of the earlier data, its receive will bring this too: no second call.
  if (!drained_) return;
  drained_ = false;
  readable_.post_now();
}

int64_t SocketStream::receive(std::span<const iovec> parts) {
  msghdr message{};
  message.msg_iov = const_cast<iovec*>(parts.data());
  message.msg_iovlen = std::min<size_t>(parts.size(), IOV_MAX);
  ssize_t got = 0;
  do {
    got = ::recvmsg(descriptor_, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
  } while (got < 0 && errno == EINTR);
  if (got < 0) {
    if (errno != EAGAIN) return -errno;
    drained_ = true;
    poll_in_->arm();
    return would_block;
  }
  size_t asked = 0;
  for (const iovec& part : parts) asked += part.iov_len;
  if (got == 0 || static_cast<size_t>(got) == asked) return got;
  // Short: TCP had no more, the next edge will tell. Not so after the edge of the end has passed, nor with a unix socket,
  // where a receive also stops at passed descriptors: look once more.
  if (hung_up_ || is_unix_) {
    readable_.post_next_turn();
  } else {
    drained_ = true;
    poll_in_->arm();
  }
  return got;
}

int64_t SocketStream::send(std::span<const iovec> parts) {
  msghdr message{};
  message.msg_iov = const_cast<iovec*>(parts.data());
  message.msg_iovlen = std::min<size_t>(parts.size(), IOV_MAX);
  ssize_t sent = 0;
  do {
    sent = ::sendmsg(descriptor_, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
  } while (sent < 0 && errno == EINTR);
  if (sent < 0) {
    if (errno != EAGAIN) return -errno;
    want_writable();
    return would_block;
  }
  size_t asked = 0;
  for (const iovec& part : parts) asked += part.iov_len;
  if (static_cast<size_t>(sent) < asked) want_writable();
  return sent;
}

void SocketStream::want_writable() {
  send_blocked_ = true;
  if (watcher_ != nullptr) poll_out_->arm();
}

void SocketStream::resume() { readable_.post_next_turn(); }
void SocketStream::shutdown_send() { ::shutdown(descriptor_, SHUT_WR); }
Endpoint SocketStream::local() const { return local_of(descriptor_); }

namespace {

class LooseSocket final : public LooseStream {
 public:
  explicit LooseSocket(int descriptor) : descriptor_(descriptor) {}
  ~LooseSocket() override {
    if (descriptor_ >= 0) ::close(descriptor_);
  }
  LooseSocket(const LooseSocket&) = delete;
  LooseSocket& operator=(const LooseSocket&) = delete;
  std::unique_ptr<Stream> adopt(Loop& loop) override {
    return std::make_unique<SocketStream>(static_cast<RealLoop&>(loop), std::exchange(descriptor_, -1));
  }

 private:
  int descriptor_;
};

}  // namespace

// A second descriptor: the ring may hold the first one until its polls are cancelled.
std::unique_ptr<LooseStream> SocketStream::detach() {
  const int second = ::fcntl(descriptor_, F_DUPFD_CLOEXEC, 0);
  if (second < 0) return nullptr;
  return std::make_unique<LooseSocket>(second);
}

}  // namespace ashlar::loop
