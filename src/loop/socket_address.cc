#include "loop/socket_address.h"

#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/un.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstring>

namespace ashlar::loop {
namespace {

Result<SocketAddress> parse_unix(const Endpoint& endpoint) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (endpoint.address.size() >= sizeof address.sun_path) {
    return fail(ErrorCode::invalid_argument, endpoint.address,
                "the path of a unix socket has at most {} bytes, this one {}", sizeof address.sun_path - 1,
                endpoint.address.size());
  }
  std::memcpy(address.sun_path, endpoint.address.c_str(), endpoint.address.size() + 1);
  SocketAddress parsed;
  std::memcpy(&parsed.storage, &address, sizeof address);
  parsed.length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + endpoint.address.size() + 1);
  return parsed;
}

using NameCall = int (*)(int, sockaddr*, socklen_t*);

Endpoint name_of(int descriptor, NameCall call) {
  SocketAddress address;
  address.length = sizeof address.storage;
  if (call(descriptor, address.get(), &address.length) != 0) return {};
  return endpoint_of(address);
}

}  // namespace

Result<SocketAddress> parse_address(const Endpoint& endpoint) {
  if (endpoint.is_unix()) return parse_unix(endpoint);
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE;
  addrinfo* found = nullptr;
  // The empty string would mean "any address"; whoever means that writes 0.0.0.0 or ::.
  const bool given = !endpoint.address.empty();
  if (!given ||
      getaddrinfo(endpoint.address.c_str(), std::to_string(endpoint.port).c_str(), &hints, &found) != 0) {
    return fail(ErrorCode::invalid_argument, endpoint.address,
                "is not an address: give an IPv4 or IPv6 address, or the absolute path of a unix socket");
  }
  SocketAddress parsed;
  std::memcpy(&parsed.storage, found->ai_addr, found->ai_addrlen);
  parsed.length = found->ai_addrlen;
  freeaddrinfo(found);
  return parsed;
}

Endpoint endpoint_of(const SocketAddress& address) {
  if (address.family() == AF_UNIX) {
    sockaddr_un unix_address{};
    std::memcpy(&unix_address, &address.storage, sizeof unix_address);
    const size_t head = offsetof(sockaddr_un, sun_path);
    if (address.length <= head) return {};
    return {std::string(unix_address.sun_path, strnlen(unix_address.sun_path, address.length - head)), 0};
  }
  std::array<char, NI_MAXHOST> host{};
  std::array<char, NI_MAXSERV> port{};
  if (getnameinfo(address.get(), address.length, host.data(), host.size(), port.data(), port.size(),
                  NI_NUMERICHOST | NI_NUMERICSERV) != 0) {
    return {};
  }
  return {host.data(), static_cast<uint16_t>(std::strtoul(port.data(), nullptr, 10))};
}

Endpoint local_of(int descriptor) { return name_of(descriptor, &getsockname); }
Endpoint peer_of(int descriptor) { return name_of(descriptor, &getpeername); }

Result<int> open_socket(const SocketAddress& address, const Endpoint& endpoint) {
  const int descriptor = socket(address.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (descriptor < 0) return std::unexpected(error_of_errno(errno, endpoint.text(), "cannot make a socket"));
  return descriptor;
}

void set_no_delay(int descriptor) {
  const int on = 1;
  setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

}  // namespace ashlar::loop
