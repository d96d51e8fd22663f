// A connection that became a WebSocket (RFC 6455).
#pragma once

#include "http/boost_setup.h"

#include <boost/beast/http/message.hpp>
#include <boost/beast/http/string_body.hpp>

#include <functional>
#include <memory>

#include "http/channel_stream.h"
#include "http/server_state.h"

namespace ashlar::http {

constexpr size_t most_message_bytes = 64u << 10;

struct WebSocketUpgrade {
  beast::http::request<beast::http::string_body> request;
  Headers headers;  ///< of the handler, sent with the handshake
  std::function<void(std::shared_ptr<Socket>)> open;
};

/// Makes the handshake and has a worker call `open`; messages of the peer go to the socket's handler one after the other. On the
/// I/O thread.
void open_web_socket(ServerState& state, ChannelStream stream, Seat seat, WebSocketUpgrade upgrade);

}  // namespace ashlar::http
