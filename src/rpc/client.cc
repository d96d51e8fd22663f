#include "rpc/client.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

namespace ashlar::rpc {

Result<Client> Client::connect(const std::string& socket_path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (socket_path.size() >= sizeof address.sun_path) {
    return fail(ErrorCode::invalid_argument, socket_path, "a socket's path has at most {} bytes",
                sizeof address.sun_path - 1);
  }
  std::memcpy(address.sun_path, socket_path.data(), socket_path.size());
  const int descriptor = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (descriptor < 0) return std::unexpected(error_of_errno(errno, socket_path, "cannot make a socket"));
  Client client(descriptor, socket_path);
  if (::connect(descriptor, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    return std::unexpected(error_of_errno(errno, socket_path, "cannot reach the engine"));
  }
  return client;
}

Client::Client(Client&& other) noexcept { *this = std::move(other); }

Client& Client::operator=(Client&& other) noexcept {
  std::swap(descriptor_, other.descriptor_);
  std::swap(path_, other.path_);
  std::swap(timeout_, other.timeout_);
  std::swap(last_id_, other.last_id_);
  std::swap(received_, other.received_);
  std::swap(scanned_, other.scanned_);
  std::swap(notifications_, other.notifications_);
  return *this;
}

Client::~Client() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

Result<void> Client::send_all(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = ::send(descriptor_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0) return std::unexpected(error_of_errno(errno, path_, "cannot send to the engine"));
    bytes.remove_prefix(static_cast<size_t>(sent));
  }
  return {};
}

Result<void> Client::wait_readable() {
  pollfd waiting{descriptor_, POLLIN, 0};
  const int span = timeout_.count() == 0 ? -1 : static_cast<int>(timeout_.count());
  const int ready = ::poll(&waiting, 1, span);
  if (ready > 0) return {};
  if (ready == 0) return fail(ErrorCode::timed_out, path_, "no answer within {} s", timeout_.count() / 1000);
  if (errno == EINTR) return fail(ErrorCode::aborted, path_, "interrupted");
  return std::unexpected(error_of_errno(errno, path_, "cannot wait for the engine"));
}

Result<std::string> Client::read_line() {
  while (true) {
    const size_t end = received_.find('\n', scanned_);
    if (end != std::string::npos) {
      std::string line = received_.substr(0, end);
      received_.erase(0, end + 1);
      scanned_ = 0;
      return line;
    }
    scanned_ = received_.size();
    if (received_.size() > max_line_bytes)
      return fail(ErrorCode::protocol_error, path_, "an answer without an end");
    TRY(wait_readable());
    char chunk[65536];
    const ssize_t got = ::recv(descriptor_, chunk, sizeof chunk, 0);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return std::unexpected(error_of_errno(errno, path_, "cannot receive from the engine"));
    if (got == 0) return fail(ErrorCode::closed, path_, "the engine closed the connection");
    received_.append(chunk, static_cast<size_t>(got));
  }
}

Result<Json> Client::call(std::string_view method, const Json& params) {
  const uint64_t id = ++last_id_;
  TRY(send_all(print_request(id, method, params)));
  while (true) {
    TRY_ASSIGN(const std::string line, read_line());
    TRY_ASSIGN(Response response, parse_response(line));
    if (!response.method.empty()) {
      notifications_.push_back(std::move(response));
    } else if (response.id == id || !response.id) {  // no id: the engine could not read our request
      return std::move(response.result);
    }
  }
}

Result<Response> Client::next_notification() {
  if (!notifications_.empty()) {
    Response first = std::move(notifications_.front());
    notifications_.erase(notifications_.begin());
    return first;
  }
  while (true) {
    TRY_ASSIGN(const std::string line, read_line());
    TRY_ASSIGN(Response response, parse_response(line));
    if (!response.method.empty()) return response;
  }
}

}  // namespace ashlar::rpc
