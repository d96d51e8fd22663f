// One end of the socket pair between the helper and its client: lines, one descriptor beside a line at most.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "storage/descriptor.h"

namespace ashlar::storage {

/// Not thread safe. After an error the stream has lost its place: close it.
class HelperChannel {
 public:
  explicit HelperChannel(Descriptor socket) : socket_(std::move(socket)) {}

  struct Line {
    std::string text;       ///< without its end
    Descriptor descriptor;  ///< what came with it
  };

  /// `text` has no newline. The descriptor stays the caller's; -1: none.
  Result<void> send(std::string_view text, int descriptor = -1);
  /// closed: the peer has ended. out_of_range: a line of more than `most` bytes. timed_out after `timeout_milliseconds` without
  /// a byte; -1: waits for ever.
  Result<Line> receive(size_t most, int timeout_milliseconds);

  bool open() const { return socket_.valid(); }
  void close() { socket_.close(); }

 private:
  Result<size_t> receive_some(Descriptor& descriptor);

  Descriptor socket_;
  std::string received_;
};

}  // namespace ashlar::storage
