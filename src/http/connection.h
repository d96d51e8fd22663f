// A connection that speaks HTTP/1.1: one request at a time, however many its peer sends ahead.
#pragma once

#include <memory>

#include "http/channel_stream.h"
#include "http/server_state.h"

namespace ashlar::http {

enum class Welcome : uint8_t {
  served,
  turned_away,  ///< too many are here: hears a 503 and is closed
};

/// Makes the handshake and serves requests until the peer, a limit or stop() ends it. On the I/O thread.
void serve_connection(ServerState& state, std::unique_ptr<Channel> channel, Seat seat, Welcome welcome);

}  // namespace ashlar::http
