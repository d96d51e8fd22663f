// What waits to be sent to one peer: filled by any thread, emptied by the connection on the I/O thread.
#pragma once

#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

namespace ashlar::http {

/// Safe for threads. Bounded: a peer that lets `most_bytes` wait is given up.
class Outbox {
 public:
  /// `wake` is called, under the lock and from the filler's thread, when there is something to do for a connection that
  /// has found nothing. It must only post.
  Outbox(size_t most_bytes, std::function<void()> wake) : most_bytes_(most_bytes), wake_(std::move(wake)) {}

  /// False: closed, or too much waits; then it is closed and what waits is dropped.
  bool push(std::string bytes);
  /// No more comes; what waits is still sent.
  void finish();
  /// The peer is gone: what waits is dropped, and nobody is woken any more.
  void abandon();
  bool open() const;

  /// The connection's side: the oldest that waits. Nothing: all is taken, and `wake` will tell.
  std::optional<std::string> next();
  /// So many of the bytes that next() gave are on their way and do not wait any more.
  void sent(size_t bytes);
  bool finished() const;    ///< closed by the filler, and all is taken
  bool overflowed() const;  ///< the peer did not take what it should have

 private:
  void wake_up();  // under the lock

  mutable std::mutex mutex_;
  const size_t most_bytes_;
  std::function<void()> wake_;
  std::deque<std::string> waiting_;
  size_t waiting_bytes_ = 0;
  bool idle_ = false;
  bool closed_ = false;
  bool overflowed_ = false;
};

}  // namespace ashlar::http
