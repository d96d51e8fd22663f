// Sockets as the engine sees them: non-blocking byte streams that say when they may have something, and listeners.
#pragma once

#include <sys/uio.h>

#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "base/result.h"

namespace ashlar::loop {

/// Where a listener listens or a peer lives: "192.0.2.7" 3260, "::1" 3260, or a unix socket's path with port 0.
struct Endpoint {
  std::string
      address;  ///< IPv4 or IPv6 literal (no brackets, no names), or an absolute path for a unix socket
  uint16_t port = 0;
  bool is_unix() const { return address.starts_with('/'); }
  /// "192.0.2.7:3260", "[::1]:3260" or the path.
  std::string text() const;
  bool operator==(const Endpoint&) const = default;
};

/// Told when a stream may be readable or writable. Runs from the ready list of the stream's loop.
class StreamWatcher {
 public:
  /// Something may be there to receive (data, end of stream or an error). Edge-like: it comes again only after receive()
  /// returned would_block or fewer bytes than were asked for. Who stops earlier calls Stream::resume() to be told again.
  virtual void readable() = 0;
  /// Room again after a send() that did not take everything.
  virtual void writable() = 0;

 protected:
  ~StreamWatcher() = default;
};

class Loop;
class Stream;

/// A connection between two shards: it belongs to no loop. Closed by its destructor unless it was adopted.
class LooseStream {
 public:
  virtual ~LooseStream() = default;
  /// On the thread of `loop`, once: a stream of that loop, with all that has not been received yet.
  virtual std::unique_ptr<Stream> adopt(Loop& loop) = 0;
};

/// A connected byte stream of one shard. Closed by its destructor; no call reaches the watcher after that.
class Stream {
 public:
  static constexpr int64_t would_block = -11;  ///< -EAGAIN

  virtual ~Stream() = default;
  /// Begins notifications. readable() is called once soon after, whatever is there.
  virtual void watch(StreamWatcher& watcher) = 0;
  /// Bytes received into `parts` (at most what they hold), 0 at the end of the stream, would_block, or another -errno.
  virtual int64_t receive(std::span<const iovec> parts) = 0;
  /// Bytes taken by the network (a copy was made), would_block, or another -errno. `parts` may hold up to 1024 pieces.
  virtual int64_t send(std::span<const iovec> parts) = 0;
  /// Asks for one more readable() in the next turn.
  virtual void resume() = 0;
  /// Sends the end of the stream; receiving goes on.
  virtual void shutdown_send() = 0;
  virtual Endpoint local() const = 0;
  virtual Endpoint peer() const = 0;
  /// What is to be said of a call that failed, beyond its errno; empty: nothing.
  virtual std::string failure() const { return {}; }
  /// Takes the connection out, to be moved to another shard of the same kind of loop; the stream is then good for nothing but
  /// destruction. Null when it cannot be moved (no descriptor is left): the stream is then as it was.
  virtual std::unique_ptr<LooseStream> detach() { return nullptr; }
};

/// Gets the connections of a listener, on the loop that listens.
class Acceptor {
 public:
  virtual void accepted(std::unique_ptr<Stream> stream) = 0;

 protected:
  ~Acceptor() = default;
};

struct ListenOptions {
  bool shared_port =
      false;  ///< SO_REUSEPORT: each shard has its own listener on the same port, the kernel spreads
  uint32_t unix_mode = 0600;  ///< permissions of a unix socket
  int backlog = 512;
};

/// Stops listening when it dies.
class Listener {
 public:
  virtual ~Listener() = default;
  virtual Endpoint local() const = 0;  ///< with the real port when 0 was asked for
};

}  // namespace ashlar::loop
