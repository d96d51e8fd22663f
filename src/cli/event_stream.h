// Server-sent events (HTML Living Standard, 9.2.6) out of bytes as they come.
#pragma once

#include <functional>
#include <string>
#include <string_view>

namespace ashlar::cli {

/// Feeds on chunks of any size. What is longer than a bound is dropped whole.
class EventStream {
 public:
  struct Event {
    std::string id, name, data;
  };
  static constexpr size_t most_event_bytes = 1u << 20;

  explicit EventStream(std::function<bool(const Event&)> take) : take_(std::move(take)) {}
  /// False when `take` said that it has enough.
  bool feed(std::string_view bytes);
  /// The id to go on after ("Last-Event-ID"); empty: none came.
  const std::string& last_id() const { return last_id_; }

 private:
  bool line(std::string_view text);
  bool dispatch();

  std::function<bool(const Event&)> take_;
  std::string partial_;
  bool after_return_ = false;
  bool overlong_ = false;
  Event event_;
  bool has_data_ = false;
  std::string last_id_;
};

}  // namespace ashlar::cli
