// One request and its answer, as the rest of the program sees them; which library speaks HTTP is known behind server.h only.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace ashlar::http {

/// Names compare without case; the order is kept.
using Headers = std::vector<std::pair<std::string, std::string>>;
const std::string* find_header(const Headers& headers, std::string_view name);

/// Who stands at the other end, as far as the transport knows.
struct Peer {
  std::string address;  ///< "192.0.2.7"; empty for the unix socket
  uint16_t port = 0;
  bool local = false;    ///< came by the unix socket
  uint32_t user_id = 0;  ///< of the process at the other end of the unix socket (SO_PEERCRED)
  /// RFC 2253 name of the client's certificate, verified against our CA, in date, with EKU clientAuth; empty: none.
  std::string certificate_subject;
};

struct Request {
  std::string method;  ///< upper case
  std::string path;    ///< percent-decoded, begins with '/', no "." or ".." segments
  std::vector<std::pair<std::string, std::string>> query;  ///< decoded, in order
  Headers headers;
  std::string body;
  Peer peer;
  const std::string* query_value(std::string_view name) const;
};

/// A body that is written while time passes (events). All calls from any thread; a stream whose peer is gone says so.
class Stream {
 public:
  virtual ~Stream() = default;
  /// False when the peer is gone, or has not taken `max_waiting_bytes` so far: then the stream is closed.
  virtual bool write(std::string bytes) = 0;
  virtual void close() = 0;
  virtual bool open() const = 0;
};

/// A WebSocket, after its handshake. write() sends one text message.
class Socket : public Stream {
 public:
  /// Text messages of the peer, on a worker; empty optional: it is gone. Set once, at once.
  virtual void on_message(std::function<void(std::optional<std::string>)> handler) = 0;
};

struct Response {
  int status = 200;
  Headers headers;
  std::string body;
  /// When set: headers are sent without a length, then what is written to the stream. Called on a worker.
  std::function<void(std::shared_ptr<Stream>)> stream;
  /// When set and the request asks for an upgrade: the handshake is made instead.
  std::function<void(std::shared_ptr<Socket>)> socket;
};

/// May block; runs on one of the server's workers.
using Handler = std::function<Response(Request)>;

}  // namespace ashlar::http
