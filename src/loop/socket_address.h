// Endpoint to sockaddr and back, and the few socket calls that every kind of socket needs.
#pragma once

#include <sys/socket.h>

#include "base/result.h"
#include "loop/stream.h"

namespace ashlar::loop {

struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t length = 0;
  int family() const { return storage.ss_family; }
  sockaddr* get() { return reinterpret_cast<sockaddr*>(&storage); }
  const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
};

/// Literals only ("fe80::1%eth0" with its scope too); no name is looked up.
Result<SocketAddress> parse_address(const Endpoint& endpoint);
Endpoint endpoint_of(const SocketAddress& address);
/// Empty when the socket is not (or no longer) connected.
Endpoint local_of(int descriptor);
Endpoint peer_of(int descriptor);

/// A non-blocking, close-on-exec stream socket for `address`.
Result<int> open_socket(const SocketAddress& address, const Endpoint& endpoint);
/// TCP_NODELAY: answers are gathered by the loop's turn, not by Nagle's algorithm. No-op for unix sockets.
void set_no_delay(int descriptor);

}  // namespace ashlar::loop
