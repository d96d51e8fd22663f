#include "http/channel.h"

#include <sys/socket.h>

#include <boost/asio/post.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>

#include <cerrno>
#include <utility>

namespace ashlar::http {
namespace {

/// Drawn back to what the peer is known by: an IPv4 host that came by the IPv6 socket is an IPv4 host.
std::string address_text(asio::ip::address address) {
  if (address.is_v6() && address.to_v6().is_v4_mapped())
    address = asio::ip::make_address_v4(asio::ip::v4_mapped, address.to_v6());
  return address.to_string();
}

class TlsChannel : public Channel {
 public:
  TlsChannel(asio::io_context& context, asio::ip::tcp::socket socket, SSL_CTX* tls)
      : context_(context), tls_(own(tls)), stream_(std::move(socket), tls_) {
    SystemError ignored;
    stream_.next_layer().set_option(asio::ip::tcp::no_delay(true), ignored);
    const auto remote = stream_.next_layer().remote_endpoint(ignored);
    if (!ignored) {
      peer_.address = address_text(remote.address());
      peer_.port = remote.port();
    }
  }

  asio::io_context& context() override { return context_; }

  void handshake(Done done) override {
    stream_.async_handshake(asio::ssl::stream_base::server,
                            [this, done = std::move(done)](SystemError error) mutable {
                              if (!error) remember_certificate();
                              done(error);
                            });
  }

  void read_some(asio::mutable_buffer buffer, Transferred done) override {
    stream_.async_read_some(buffer, std::move(done));
  }
  void write_some(asio::const_buffer buffer, Transferred done) override {
    stream_.async_write_some(buffer, std::move(done));
  }

  void finish(Done done) override {
    stream_.async_shutdown(
        [this, done = std::move(done)](SystemError /*the peer may be in mid sentence*/) mutable {
          SystemError error;
          stream_.next_layer().shutdown(asio::ip::tcp::socket::shutdown_send, error);
          done(error);
        });
  }
  void drain(asio::mutable_buffer buffer, Transferred done) override {
    stream_.next_layer().async_read_some(buffer, std::move(done));
  }
  void close() override {
    SystemError ignored;
    stream_.next_layer().close(ignored);
  }
  Peer peer() const override { return peer_; }

 private:
  /// asio frees what it is given; the certificates are shared by all connections, so it gets a reference of its own.
  static SSL_CTX* own(SSL_CTX* tls) {
    SSL_CTX_up_ref(tls);
    return tls;
  }

  void remember_certificate() {
    const Certificate certificate(SSL_get1_peer_certificate(stream_.native_handle()));
    if (certificate && SSL_get_verify_result(stream_.native_handle()) == X509_V_OK)
      peer_.certificate_subject = subject_of(certificate.get());
  }

  asio::io_context& context_;
  asio::ssl::context tls_;
  asio::ssl::stream<asio::ip::tcp::socket> stream_;
  Peer peer_;
};

class UnixChannel : public Channel {
 public:
  UnixChannel(asio::io_context& context, asio::local::stream_protocol::socket socket)
      : context_(context), socket_(std::move(socket)) {}

  asio::io_context& context() override { return context_; }

  void handshake(Done done) override {
    ucred credentials{};
    socklen_t size = sizeof credentials;
    SystemError error;
    if (::getsockopt(socket_.native_handle(), SOL_SOCKET, SO_PEERCRED, &credentials, &size) != 0)
      error.assign(errno, boost::system::system_category());
    user_id_ = credentials.uid;
    asio::post(context_, [error, done = std::move(done)]() mutable { done(error); });
  }

  void read_some(asio::mutable_buffer buffer, Transferred done) override {
    socket_.async_read_some(buffer, std::move(done));
  }
  void write_some(asio::const_buffer buffer, Transferred done) override {
    socket_.async_write_some(buffer, std::move(done));
  }
  void finish(Done done) override {
    SystemError error;
    socket_.shutdown(asio::local::stream_protocol::socket::shutdown_send, error);
    asio::post(context_, [error, done = std::move(done)]() mutable { done(error); });
  }
  void drain(asio::mutable_buffer buffer, Transferred done) override {
    socket_.async_read_some(buffer, std::move(done));
  }
  void close() override {
    SystemError ignored;
    socket_.close(ignored);
  }
  Peer peer() const override {
    Peer peer;
    peer.local = true;
    peer.user_id = user_id_;
    return peer;
  }

 private:
  asio::io_context& context_;
  asio::local::stream_protocol::socket socket_;
  uint32_t user_id_ = 0xffffffff;  // nobody's, until the kernel said whose
};

}  // namespace

std::unique_ptr<Channel> make_tls_channel(asio::io_context& context, asio::ip::tcp::socket socket,
                                          SSL_CTX* tls) {
  return std::make_unique<TlsChannel>(context, std::move(socket), tls);
}
std::unique_ptr<Channel> make_unix_channel(asio::io_context& context,
                                           asio::local::stream_protocol::socket socket) {
  return std::make_unique<UnixChannel>(context, std::move(socket));
}

}  // namespace ashlar::http
