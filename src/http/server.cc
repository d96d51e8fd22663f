#include "http/server.h"

#include <sys/stat.h>
#include <unistd.h>

#include "http/boost_setup.h"

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <exception>
#include <future>
#include <thread>
#include <utility>

#include "base/log.h"
#include "http/listener.h"
#include "http/server_state.h"
#include "http/tls_context.h"

namespace ashlar::http {
namespace {

class TwoDoorServer : public Server {
 public:
  TwoDoorServer(ServerOptions options, Handler handler) : state_(std::move(options), std::move(handler)) {}
  ~TwoDoorServer() override { TwoDoorServer::stop(); }

  Result<void> listen();
  uint16_t port() const override { return port_; }
  Result<void> reload_certificates() override;
  void stop() override;

 private:
  SslContext context();
  void run();
  void remove_unix_socket() const;

  ServerState state_;
  std::mutex context_mutex_;
  SslContext context_;
  std::vector<std::shared_ptr<Listener>> listeners_;
  uint16_t port_ = 0;
  ino_t unix_socket_inode_ = 0;
  std::mutex stop_mutex_;
  bool stopped_ = false;
  std::optional<asio::executor_work_guard<asio::io_context::executor_type>> guard_;
  std::thread thread_;
};

Result<void> TwoDoorServer::listen() {
  TRY(reload_certificates());
  TRY_ASSIGN(auto tls, listen_tls(state_, [this] { return context(); }));
  port_ = tls->port();
  listeners_.push_back(std::move(tls));
  if (!state_.options.unix_socket.empty()) {
    TRY_ASSIGN(auto local, listen_unix(state_));
    listeners_.push_back(std::move(local));
    struct stat there{};
    if (::stat(state_.options.unix_socket.c_str(), &there) == 0) unix_socket_inode_ = there.st_ino;
  }
  for (const auto& listener : listeners_) listener->accept_next();
  guard_.emplace(state_.io.get_executor());
  thread_ = std::thread([this] { run(); });
  return {};
}

void TwoDoorServer::run() {
  while (true) {
    try {
      state_.io.run();
      return;
    } catch (const std::exception& cause) {
      // One connection's trouble (memory, most likely) is not the others'.
      log_error("http", "a connection failed: {}", cause.what());
    }
  }
}

SslContext TwoDoorServer::context() {
  const std::scoped_lock lock(context_mutex_);
  SSL_CTX_up_ref(context_.get());
  return SslContext(context_.get());
}

Result<void> TwoDoorServer::reload_certificates() {
  TRY_ASSIGN(SslContext fresh, make_tls_context(state_.options));
  const std::scoped_lock lock(context_mutex_);
  context_ = std::move(fresh);
  return {};
}

void TwoDoorServer::stop() {
  const std::scoped_lock lock(stop_mutex_);
  if (std::exchange(stopped_, true)) return;
  if (thread_.joinable()) {
    std::promise<void> closed;
    asio::post(state_.io, [&] {
      for (const auto& listener : listeners_) listener->close();
      state_.wind_down_all();
      closed.set_value();
    });
    closed.get_future().wait();
    state_.wait_for_all();
  }
  state_.workers.stop();
  guard_.reset();
  if (thread_.joinable()) thread_.join();
  listeners_.clear();
  remove_unix_socket();
}

void TwoDoorServer::remove_unix_socket() const {
  const std::string& path = state_.options.unix_socket;
  struct stat there{};
  // Not one that a successor has put there since.
  if (unix_socket_inode_ != 0 && ::stat(path.c_str(), &there) == 0 && there.st_ino == unix_socket_inode_)
    ::unlink(path.c_str());
}

Result<void> check_options(const ServerOptions& options) {
  const auto between = [](const char* name, size_t value, size_t least, size_t most) -> Result<void> {
    if (value >= least && value <= most) return {};
    return fail(ErrorCode::out_of_range, name, "{} is not within {} and {}", value, least, most);
  };
  TRY(between("workers", options.workers, 1, 256));
  TRY(between("most_connections", options.most_connections, 1, 65'536));
  TRY(between("most_body_bytes", options.most_body_bytes, 0, 1u << 30));
  TRY(between("most_header_bytes", options.most_header_bytes, 256, 1u << 20));
  TRY(between("max_waiting_bytes", options.max_waiting_bytes, 1, 1u << 30));
  TRY(between("idle_limit", static_cast<size_t>(options.idle_limit.count()), 1, 86'400));
  return {};
}

}  // namespace

Result<std::unique_ptr<Server>> Server::start(ServerOptions options, Handler handler) {
  TRY(check_options(options));
  try {
    auto server = std::make_unique<TwoDoorServer>(std::move(options), std::move(handler));
    TRY(server->listen());
    return server;
  } catch (const std::exception& cause) {
    return fail(ErrorCode::exhausted, "server", "cannot start: {}", cause.what());
  }
}

}  // namespace ashlar::http
