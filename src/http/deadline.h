// A bound on how long a connection waits for its peer.
#pragma once

#include "http/boost_setup.h"

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>

namespace ashlar::http {

/// On the I/O thread. Lives in an object that a shared_ptr keeps, and does not keep that object alive.
class Deadline {
 public:
  Deadline(asio::io_context& context, std::function<void()> expired);

  /// `expired` is called once when `limit` has passed, unless within() or off() come first. `owner` is the object that holds
  /// this. With `progress`: not while that number grows, looked at every `limit`.
  void within(std::chrono::milliseconds limit, std::weak_ptr<void> owner,
              std::function<uint64_t()> progress = nullptr);
  void off();

 private:
  void wait();
  void fire();

  asio::steady_timer timer_;
  std::function<void()> expired_;
  std::chrono::milliseconds limit_{};
  std::weak_ptr<void> owner_;
  std::function<uint64_t()> progress_;
  uint64_t seen_ = 0;
};

}  // namespace ashlar::http
