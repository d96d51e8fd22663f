// The end of a connection that its peer must hear of.
#pragma once

#include <memory>

#include "http/channel_stream.h"
#include "http/server_state.h"

namespace ashlar::http {

/// Says the end, then reads and throws away what the peer still sends, for a short while: closing with bytes unread would reset
/// the connection, and the peer might lose the answer that explains it. On the I/O thread.
void part_from(ServerState& state, ChannelStream stream, Seat seat);

}  // namespace ashlar::http
