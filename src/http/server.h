// The HTTPS server: TLS 1.3 only, HTTP/1.1, event streams and WebSockets; on a unix socket too, without TLS.
#pragma once

#include <memory>
#include <string>

#include "base/result.h"
#include "http/message.h"

namespace ashlar::http {

struct ServerOptions {
  std::string address = "::";              ///< literal; "::" takes IPv4 too
  uint16_t port = 8443;                    ///< 0: any free one
  std::string certificate_file, key_file;  ///< PEM
  std::string
      client_ca_file;  ///< PEM; client certificates are asked for, and must be of this CA if given at all
  std::string client_crl_file;  ///< PEM; may be empty
  std::string unix_socket;      ///< path; empty: none. Mode 0666: who may do what is the handler's to decide
  size_t workers = 8;
  size_t most_connections = 512;
  size_t most_body_bytes = 16u << 20;
  size_t most_header_bytes = 32u << 10;
  size_t max_waiting_bytes = 1u << 20;  ///< of a stream whose peer does not read
  std::chrono::seconds idle_limit{75};  ///< between requests, and for a whole header or body to come
};

class Server {
 public:
  /// Listens when it returns. Errors name the option.
  static Result<std::unique_ptr<Server>> start(ServerOptions options, Handler handler);
  virtual ~Server() = default;
  virtual uint16_t port() const = 0;
  /// New certificates for connections from now on.
  virtual Result<void> reload_certificates() = 0;
  /// No new requests; those at work are answered; streams are closed. Waits for all that.
  virtual void stop() = 0;
};

}  // namespace ashlar::http
