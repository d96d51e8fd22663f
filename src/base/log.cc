#include "base/log.h"

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <memory>

namespace ashlar {
namespace {

std::shared_ptr<spdlog::logger> make_logger() {
  auto logger = std::make_shared<spdlog::logger>("ashlar", std::make_shared<spdlog::sinks::stderr_sink_mt>());
  logger->set_pattern("%Y-%m-%dT%H:%M:%S.%e %l %v");
  logger->set_level(spdlog::level::debug);
  logger->flush_on(spdlog::level::info);
  return logger;
}

spdlog::logger& logger() {
  static const std::shared_ptr<spdlog::logger> instance = make_logger();
  return *instance;
}

void write_to_stderr(LogLevel level, std::string_view component, std::string_view line) {
  static constexpr spdlog::level::level_enum levels[] = {spdlog::level::debug, spdlog::level::info,
                                                         spdlog::level::warn, spdlog::level::err};
  logger().log(levels[static_cast<int>(level)], "{}: {}", component, line);
}

std::atomic<LogSink> sink{&write_to_stderr};
std::atomic<LogLevel> lowest_level{LogLevel::info};

}  // namespace

void set_log_sink(LogSink new_sink) { sink.store(new_sink != nullptr ? new_sink : &write_to_stderr); }
void set_log_level(LogLevel lowest) { lowest_level.store(lowest); }
bool log_enabled(LogLevel level) { return level >= lowest_level.load(std::memory_order_relaxed); }
void log_line(LogLevel level, std::string_view component, std::string_view line) {
  sink.load()(level, component, line);
}
void log_flush() { logger().flush(); }

bool LogLimiter::allow(uint64_t now_nanoseconds) {
  if (in_window_ == 0 || now_nanoseconds - window_start_ >= period_nanoseconds_) {
    window_start_ = now_nanoseconds;
    in_window_ = 0;
    suppressed_ = skipped_;
    skipped_ = 0;
  } else {
    suppressed_ = 0;
  }
  if (in_window_ >= burst_) {
    ++skipped_;
    return false;
  }
  ++in_window_;
  return true;
}

}  // namespace ashlar
