// The two doors: a TCP port and a unix socket. Each counts its own connections, so that a flood from the network leaves the
// administrator on the machine a way in.
#pragma once

#include <functional>
#include <memory>

#include "base/result.h"
#include "http/channel.h"
#include "http/server_state.h"

namespace ashlar::http {

/// On the I/O thread, but for its making.
class Listener {
 public:
  virtual ~Listener() = default;
  virtual void accept_next() = 0;
  virtual void close() = 0;
  virtual uint16_t port() const = 0;  ///< 0 for the unix socket
};

/// `context` gives the TLS settings for the next connection.
Result<std::shared_ptr<Listener>> listen_tls(ServerState& state, std::function<SslContext()> context);
Result<std::shared_ptr<Listener>> listen_unix(ServerState& state);

}  // namespace ashlar::http
