#include "http/listener.h"

#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <boost/asio/ip/v6_only.hpp>
#include <boost/asio/steady_timer.hpp>

#include <cerrno>
#include <utility>

#include "base/log.h"
#include "http/connection.h"

namespace ashlar::http {
namespace {

constexpr std::chrono::milliseconds pause_after_error{100};

/// Counts the connections that hold one of its seats.
class Seats {
 public:
  explicit Seats(size_t most) : most_(most) {}
  /// Null: all are taken.
  Seat take() {
    if (taken_->load() >= most_) return nullptr;
    taken_->fetch_add(1);
    return {taken_.get(), [taken = taken_](void* /*itself*/) { taken->fetch_sub(1); }};
  }

 private:
  const size_t most_;
  std::shared_ptr<std::atomic<size_t>> taken_ = std::make_shared<std::atomic<size_t>>(0);
};

template <typename Protocol>
class ListenerOf : public Listener, public std::enable_shared_from_this<ListenerOf<Protocol>> {
 public:
  using Socket = typename Protocol::socket;
  using MakeChannel = std::function<std::unique_ptr<Channel>(Socket)>;

  ListenerOf(ServerState& state, typename Protocol::acceptor acceptor, MakeChannel make_channel)
      : state_(state),
        acceptor_(std::move(acceptor)),
        make_channel_(std::move(make_channel)),
        pause_(state.io),
        seats_(state.options.most_connections) {}

  void accept_next() override {
    acceptor_.async_accept([self = this->shared_from_this()](const SystemError& error, Socket socket) {
      if (!self->acceptor_.is_open()) return;
      if (error) return self->rest(error);
      self->accept_next();  // first: trouble with one guest does not shut the door
      self->welcome(std::move(socket));
    });
  }

  void close() override {
    SystemError ignored;
    acceptor_.close(ignored);
    pause_.cancel();
  }

  uint16_t port() const override {
    if constexpr (std::is_same_v<Protocol, asio::ip::tcp>) {
      SystemError ignored;
      return acceptor_.local_endpoint(ignored).port();
    }
    return 0;
  }

 private:
  void welcome(Socket socket) {
    auto how = Welcome::served;
    Seat seat = seats_.take();
    if (!seat) {
      how = Welcome::turned_away;
      seat = turned_away_.take();
    }
    if (!seat) return;  // closes it
    serve_connection(state_, make_channel_(std::move(socket)), std::move(seat), how);
  }

  /// Out of descriptors, mostly: trying again at once would only spin.
  void rest(const SystemError& error) {
    log_warning("http", "cannot accept a connection: {}", error.message());
    pause_.expires_after(pause_after_error);
    pause_.async_wait([self = this->shared_from_this()](const SystemError& cancelled) {
      if (!cancelled && self->acceptor_.is_open()) self->accept_next();
    });
  }

  ServerState& state_;
  typename Protocol::acceptor acceptor_;
  MakeChannel make_channel_;
  asio::steady_timer pause_;
  Seats seats_;
  Seats turned_away_{most_turned_away};
};

Error error_of(const SystemError& error, std::string place, std::string_view what) {
  return error_of_errno(error.value(), std::move(place), what);
}

/// A peer that vanished without a word is noticed within about two minutes, or `unanswered` when something is on its way to it.
void watch_for_death(asio::ip::tcp::socket& socket, std::chrono::milliseconds unanswered) {
  const auto set = [&](int level, int name, int value) {
    static_cast<void>(::setsockopt(socket.native_handle(), level, name, &value, sizeof value));
  };
  set(SOL_SOCKET, SO_KEEPALIVE, 1);
  set(IPPROTO_TCP, TCP_KEEPIDLE, 60);
  set(IPPROTO_TCP, TCP_KEEPINTVL, 15);
  set(IPPROTO_TCP, TCP_KEEPCNT, 4);
  set(IPPROTO_TCP, TCP_USER_TIMEOUT, static_cast<int>(unanswered.count()));
}

Result<void> open_tcp(asio::ip::tcp::acceptor& acceptor, asio::ip::address address, uint16_t port) {
  const std::string place = fmt::format("port {}", port);
  SystemError error;
  acceptor.open(address.is_v6() ? asio::ip::tcp::v6() : asio::ip::tcp::v4(), error);
  if (error == boost::system::errc::address_family_not_supported && address.is_v6() &&
      address.is_unspecified()) {
    log_info("http", "no IPv6 here: listening on IPv4 alone");
    address = asio::ip::address_v4::any();
    acceptor.open(asio::ip::tcp::v4(), error);
  }
  if (error) return std::unexpected(error_of(error, "address", "no socket"));
  acceptor.set_option(asio::socket_base::reuse_address(true), error);
  if (address.is_v6()) acceptor.set_option(asio::ip::v6_only(!address.is_unspecified()), error);
  acceptor.bind({address, port}, error);
  if (error) return std::unexpected(error_of(error, place, "cannot listen on " + address.to_string()));
  acceptor.listen(asio::socket_base::max_listen_connections, error);
  if (error) return std::unexpected(error_of(error, place, "cannot listen"));
  return {};
}

/// A socket that a dead process left is in the way; one that answers is not ours to take.
Result<void> clear_path(asio::io_context& io, const std::string& path) {
  struct stat there{};
  if (::lstat(path.c_str(), &there) != 0) return {};
  if (!S_ISSOCK(there.st_mode))
    return fail(ErrorCode::already_exists, path, "is there and is no socket: move it away");
  asio::local::stream_protocol::socket probe(io);
  SystemError error;
  probe.connect(asio::local::stream_protocol::endpoint(path), error);
  if (!error) return fail(ErrorCode::busy, path, "another server listens there");
  if (::unlink(path.c_str()) != 0) return std::unexpected(error_of_errno(errno, path, "cannot be replaced"));
  return {};
}

}  // namespace

Result<std::shared_ptr<Listener>> listen_tls(ServerState& state, std::function<SslContext()> context) {
  SystemError error;
  const auto address = asio::ip::make_address(state.options.address, error);
  if (error)
    return fail(ErrorCode::invalid_argument, "address", "\"{}\" is no IP address", state.options.address);
  asio::ip::tcp::acceptor acceptor(state.io);
  TRY(open_tcp(acceptor, address, state.options.port));
  auto make = [&state, context = std::move(context)](asio::ip::tcp::socket socket) {
    watch_for_death(socket, state.options.idle_limit);
    return make_tls_channel(state.io, std::move(socket), context().get());
  };
  return std::make_shared<ListenerOf<asio::ip::tcp>>(state, std::move(acceptor), std::move(make));
}

Result<std::shared_ptr<Listener>> listen_unix(ServerState& state) {
  using Protocol = asio::local::stream_protocol;
  const std::string& path = state.options.unix_socket;
  if (path.size() >= sizeof(sockaddr_un::sun_path))
    return fail(ErrorCode::invalid_argument, "unix_socket", "a socket's path has at most {} bytes",
                sizeof(sockaddr_un::sun_path) - 1);
  TRY(clear_path(state.io, path));
  Protocol::acceptor acceptor(state.io);
  SystemError error;
  acceptor.open(Protocol(), error);
  if (!error) acceptor.bind(Protocol::endpoint(path), error);
  if (error) return std::unexpected(error_of(error, path, "cannot listen"));
  if (::chmod(path.c_str(), 0666) != 0)
    return std::unexpected(error_of_errno(errno, path, "cannot be opened to all"));
  acceptor.listen(asio::socket_base::max_listen_connections, error);
  if (error) return std::unexpected(error_of(error, path, "cannot listen"));
  auto make = [&state](Protocol::socket socket) { return make_unix_channel(state.io, std::move(socket)); };
  return std::make_shared<ListenerOf<Protocol>>(state, std::move(acceptor), std::move(make));
}

}  // namespace ashlar::http
