// The caller's side of the engine's socket: blocking, for command lines and tests. The engine itself never uses it.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "rpc/messages.h"

namespace ashlar::rpc {

/// One connection. Not thread safe. Closed by its destructor.
class Client {
 public:
  /// Errors: not_found (no socket there), permission_denied, closed (nobody listens behind it).
  static Result<Client> connect(const std::string& socket_path);

  /// Over a connected descriptor, which it closes in the end; `name` is the place in errors of the line itself.
  static Client adopt(int descriptor, std::string name) { return Client(descriptor, std::move(name)); }

  Client(Client&& other) noexcept;
  Client& operator=(Client&& other) noexcept;
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;
  ~Client();

  /// Longest wait for an answer or a notification; timed_out after it. Default 60 s; zero: for ever.
  void set_timeout(std::chrono::milliseconds timeout) { timeout_ = timeout; }
  /// The result, or the engine's error as it was told. Notifications that come before it are kept for next_notification().
  Result<Json> call(std::string_view method, const Json& params);
  /// The next notification, waiting for it.
  Result<Response> next_notification();

 private:
  explicit Client(int descriptor, std::string path) : descriptor_(descriptor), path_(std::move(path)) {}
  Result<void> send_all(std::string_view bytes);
  Result<std::string> read_line();
  Result<void> wait_readable();

  int descriptor_ = -1;
  std::string path_;
  std::chrono::milliseconds timeout_ = std::chrono::seconds(60);
  uint64_t last_id_ = 0;
  std::string received_;
  size_t scanned_ = 0;
  std::vector<Response> notifications_;
};

}  // namespace ashlar::rpc
