// The caller's side (libcurl): for the command line, webhooks and tests. Blocking.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include "base/percent_encoding.h"
#include "base/result.h"
#include "http/message.h"

namespace ashlar::http {

struct ClientOptions {
  std::string base_url;       ///< "https://array1:8443"
  std::string unix_socket;    ///< when set: over this, base_url "http://localhost"
  std::string ca_file;        ///< PEM; empty: the system's CAs
  std::string pinned_sha256;  ///< hex SHA-256 of the server's certificate: then no CA is asked; empty: none
  std::string certificate_file, key_file;  ///< the client's own; may be empty
  std::chrono::milliseconds connect_timeout{10'000};
  std::chrono::milliseconds timeout{60'000};  ///< zero: for ever
  size_t most_body_bytes = 64u << 20;
};

class Client {
 public:
  explicit Client(ClientOptions options);
  ~Client();
  Client(Client&&) noexcept;

  /// Any status is an answer. Errors: timed_out, closed (nobody listens), permission_denied (the certificate is not trusted),
  /// io_error. `path_and_query` is percent-encoded already. Keeps its connection.
  Result<Response> call(std::string_view method, const std::string& path_and_query,
                        const Headers& headers = {}, std::string body = {});
  /// The body as it comes; `take` false: enough.
  Result<int> stream(const std::string& path_and_query, const Headers& headers,
                     const std::function<bool(std::string_view)>& take);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

using ashlar::percent_encode;

}  // namespace ashlar::http
