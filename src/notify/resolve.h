// Names of hosts to addresses for UDP, within a time.
#pragma once

#include <sys/socket.h>

#include <chrono>
#include <string>
#include <vector>

#include "notify/channel_options.h"

namespace ashlar::notify {

struct HostAddress {
  sockaddr_storage storage{};
  socklen_t length = 0;
  std::string text;  ///< "192.0.2.1:162", "[2001:db8::1]:162"
};

/// At least one. Errors have the place options.server.
Result<std::vector<HostAddress>> resolve_udp(const ServerAddress& server, std::chrono::milliseconds limit);

}  // namespace ashlar::notify
