// The log: one line an event, "level component: sentence key=value ...". Lines are for the operator at 3 a.m.
#pragma once

#include <fmt/format.h>

#include <atomic>
#include <cstdint>
#include <string_view>

namespace ashlar {

enum class LogLevel : uint8_t { debug, info, warning, error };

/// Where lines go. Called under no lock from any thread; must not block for long. `component` is "iscsi", "stores.file" ...
using LogSink = void (*)(LogLevel level, std::string_view component, std::string_view line);

/// Replaces the sink (default: spdlog to stderr) and the lowest level that is written. Call before threads start.
void set_log_sink(LogSink sink);
void set_log_level(LogLevel lowest);
bool log_enabled(LogLevel level);
void log_line(LogLevel level, std::string_view component, std::string_view line);
void log_flush();

template <typename... Arguments>
void log(LogLevel level, std::string_view component, fmt::format_string<Arguments...> format,
         Arguments&&... arguments) {
  if (!log_enabled(level)) return;
  fmt::memory_buffer buffer;
  fmt::format_to(std::back_inserter(buffer), format, std::forward<Arguments>(arguments)...);
  log_line(level, component, std::string_view(buffer.data(), buffer.size()));
}
template <typename... Arguments>
void log_debug(std::string_view component, fmt::format_string<Arguments...> format,
               Arguments&&... arguments) {
  log(LogLevel::debug, component, format, std::forward<Arguments>(arguments)...);
}
template <typename... Arguments>
void log_info(std::string_view component, fmt::format_string<Arguments...> format, Arguments&&... arguments) {
  log(LogLevel::info, component, format, std::forward<Arguments>(arguments)...);
}
template <typename... Arguments>
void log_warning(std::string_view component, fmt::format_string<Arguments...> format,
                 Arguments&&... arguments) {
  log(LogLevel::warning, component, format, std::forward<Arguments>(arguments)...);
}
template <typename... Arguments>
void log_error(std::string_view component, fmt::format_string<Arguments...> format,
               Arguments&&... arguments) {
  log(LogLevel::error, component, format, std::forward<Arguments>(arguments)...);
}

/// At most `burst` lines per `period`, then silence that is counted: a hostile host must not fill the log.
/// One per call site or per peer; not thread safe. Time is given by the caller (the loop's clock, nanoseconds).
class LogLimiter {
 public:
  LogLimiter(uint32_t burst, uint64_t period_nanoseconds)
      : burst_(burst), period_nanoseconds_(period_nanoseconds) {}
  /// True if a line may be written now; `suppressed()` then tells how many were not since the last one.
  bool allow(uint64_t now_nanoseconds);
  uint64_t suppressed() const { return suppressed_; }

 private:
  uint32_t burst_;
  uint64_t period_nanoseconds_;
  uint64_t window_start_ = 0;
  uint32_t in_window_ = 0;
  uint64_t skipped_ = 0;
  uint64_t suppressed_ = 0;
};

}  // namespace ashlar
