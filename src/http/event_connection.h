// An answer that is written while time passes.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "http/channel_stream.h"
#include "http/server_state.h"

namespace ashlar::http {

struct EventAnswer {
  std::string head;
  bool chunked = true;  ///< else to the end of the connection
  std::function<void(std::shared_ptr<Stream>)> fill;
};

/// Sends the head, has a worker call `fill`, and sends what is written until the writer or the peer ends it. The connection is
/// closed afterwards. On the I/O thread.
void send_events(ServerState& state, ChannelStream stream, Seat seat, EventAnswer answer);

}  // namespace ashlar::http
