#include "agent/isns_socket.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "agent/interface_addresses.h"
#include "base/address.h"

namespace ashlar::agent {
namespace {

struct SocketName {
  sockaddr_storage storage{};
  socklen_t length = 0;
  const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
};

SocketName socket_name(const std::string& address, uint16_t port) {
  SocketName name;
  auto& four = reinterpret_cast<sockaddr_in&>(name.storage);
  if (::inet_pton(AF_INET, address.c_str(), &four.sin_addr) == 1) {
    four.sin_family = AF_INET;
    four.sin_port = htons(port);
    name.length = sizeof four;
    return name;
  }
  auto& six = reinterpret_cast<sockaddr_in6&>(name.storage);
  if (::inet_pton(AF_INET6, address.c_str(), &six.sin6_addr) == 1) {
    six.sin6_family = AF_INET6;
    six.sin6_port = htons(port);
    name.length = sizeof six;
  }
  return name;
}

bool would_block(int error) { return error == EAGAIN || error == EWOULDBLOCK || error == EINTR; }

}  // namespace

IsnsDescriptor::~IsnsDescriptor() {
  if (number_ >= 0) ::close(number_);
}

IsnsSignal::IsnsSignal() : descriptor_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}

void IsnsSignal::raise() const {
  const uint64_t one = 1;
  static_cast<void>(::write(descriptor(), &one, sizeof one));
}

void IsnsSignal::lower() const {
  uint64_t count = 0;
  static_cast<void>(::read(descriptor(), &count, sizeof count));
}

Result<void> IsnsSocket::wait(int16_t events, const IsnsPatience& patience) {
  while (true) {
    const auto left =
        std::chrono::ceil<std::chrono::milliseconds>(patience.deadline - std::chrono::steady_clock::now());
    if (left.count() <= 0) return fail(ErrorCode::timed_out, peer_, "does not answer in time");
    std::array<pollfd, 2> watched = {{{descriptor(), events, 0}, {patience.stop, POLLIN, 0}}};
    const int ready = ::poll(watched.data(), watched.size(), static_cast<int>(left.count()));
    if (ready < 0 && errno != EINTR)
      return std::unexpected(error_of_errno(errno, peer_, "cannot be waited for"));
    if (ready <= 0) continue;
    if (watched[1].revents != 0) return fail(ErrorCode::aborted, peer_, "is not waited for any more");
    return {};
  }
}

Result<std::unique_ptr<IsnsSocket>> IsnsSocket::connect(const std::string& address, uint16_t port,
                                                        const IsnsPatience& patience) {
  const SocketName name = socket_name(address, port);
  const std::string peer = print_address_and_port(address, port);
  if (name.length == 0) return fail(ErrorCode::invalid_argument, peer, "is no IPv4 or IPv6 address");
  IsnsDescriptor descriptor(::socket(name.storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (descriptor.number() < 0) return std::unexpected(error_of_errno(errno, peer, "needs a socket"));
  auto out = std::make_unique<IsnsSocket>(std::move(descriptor), peer);
  if (::connect(out->descriptor(), name.get(), name.length) == 0) return out;
  if (errno != EINPROGRESS) return std::unexpected(error_of_errno(errno, peer, "cannot be reached"));
  TRY(out->wait(POLLOUT, patience));
  int error = 0;
  socklen_t length = sizeof error;
  ::getsockopt(out->descriptor(), SOL_SOCKET, SO_ERROR, &error, &length);
  if (error != 0) return std::unexpected(error_of_errno(error, peer, "cannot be reached"));
  return out;
}

Result<void> IsnsSocket::send(const wire::isns::Message& message, const IsnsPatience& patience) {
  const std::vector<uint8_t> bytes = wire::isns::encode_message(message);
  ConstBytes rest(bytes);
  while (!rest.empty()) {
    const ssize_t sent = ::send(descriptor(), rest.data(), rest.size(), MSG_NOSIGNAL);
    if (sent > 0) rest = rest.subspan(static_cast<size_t>(sent));
    if (sent >= 0) continue;
    if (!would_block(errno)) return std::unexpected(error_of_errno(errno, peer_, "takes nothing"));
    TRY(wait(POLLOUT, patience));
  }
  return {};
}

Result<wire::isns::Message> IsnsSocket::receive(const IsnsPatience& patience) {
  while (true) {
    auto next = reader_.next();
    if (!next) {
      const Error& error = next.error();
      return fail(error.code, peer_, "sends what is no iSNS message: {} {}", error.place, error.message);
    }
    if (*next) return std::move(**next);
    TRY(wait(POLLIN, patience));
    std::array<uint8_t, 16384> bytes{};
    const ssize_t got = ::recv(descriptor(), bytes.data(), bytes.size(), 0);
    if (got == 0) return fail(ErrorCode::closed, peer_, "has closed the connection");
    if (got < 0 && !would_block(errno)) return std::unexpected(error_of_errno(errno, peer_, "sends nothing"));
    if (got > 0) reader_.add(ConstBytes(bytes).first(static_cast<size_t>(got)));
  }
}

// A machine without IPv6 has the one of IPv4 alone.
Result<std::unique_ptr<IsnsListener>> IsnsListener::open(uint16_t port) {
  SocketName name = socket_name("::", port);
  IsnsDescriptor descriptor(::socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (descriptor.number() < 0) {
    name = socket_name("0.0.0.0", port);
    descriptor = IsnsDescriptor(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  }
  if (descriptor.number() < 0)
    return std::unexpected(error_of_errno(errno, "esi_port", "no socket can be made"));
  const int on = 1;
  const int off = 0;
  ::setsockopt(descriptor.number(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  ::setsockopt(descriptor.number(), IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
  constexpr int backlog = 16;
  if (::bind(descriptor.number(), name.get(), name.length) != 0 ||
      ::listen(descriptor.number(), backlog) != 0)
    return std::unexpected(error_of_errno(errno, "esi_port", fmt::format("{} cannot be listened on", port)));
  return std::make_unique<IsnsListener>(std::move(descriptor));
}

std::unique_ptr<IsnsSocket> IsnsListener::accept(const IsnsAddress& peer) {
  SocketName name;
  name.length = sizeof name.storage;
  IsnsDescriptor accepted(::accept4(descriptor(), reinterpret_cast<sockaddr*>(&name.storage), &name.length,
                                    SOCK_CLOEXEC | SOCK_NONBLOCK));
  if (accepted.number() < 0 || address_of(*name.get()) != peer) return nullptr;
  return std::make_unique<IsnsSocket>(std::move(accepted), "the server's inquiry");
}

}  // namespace ashlar::agent
