// The bytes to and from one peer, by TLS or by the unix socket, in one form: what stands above is compiled once.
// All on the I/O thread; one read and one write at a time.
#pragma once

#include "http/boost_setup.h"

#include <boost/asio/buffer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/system/error_code.hpp>

#include <array>
#include <functional>
#include <memory>
#include <vector>

#include "base/result.h"
#include "http/message.h"
#include "http/x509.h"

namespace ashlar::http {

using SystemError = boost::system::error_code;

class Channel {
 public:
  using Transferred = std::move_only_function<void(SystemError, size_t)>;
  using Done = std::move_only_function<void(SystemError)>;

  virtual ~Channel() = default;
  virtual asio::io_context& context() = 0;
  virtual void handshake(Done done) = 0;
  virtual void read_some(asio::mutable_buffer buffer, Transferred done) = 0;
  virtual void write_some(asio::const_buffer buffer, Transferred done) = 0;
  /// Tells the peer that no more comes (close_notify and FIN). Errors do not matter any more.
  virtual void finish(Done done) = 0;
  /// After finish(): bytes below TLS, to be thrown away.
  virtual void drain(asio::mutable_buffer buffer, Transferred done) = 0;
  /// Ends what is under way, with an error.
  virtual void close() = 0;
  /// After the handshake.
  virtual Peer peer() const = 0;
};

std::unique_ptr<Channel> make_tls_channel(asio::io_context& context, asio::ip::tcp::socket socket,
                                          SSL_CTX* tls);
std::unique_ptr<Channel> make_unix_channel(asio::io_context& context,
                                           asio::local::stream_protocol::socket socket);

}  // namespace ashlar::http
