// What a load is, and the little that all parts of the generator share.
#pragma once

#include <fmt/format.h>

#include <cstdint>
#include <cstdlib>
#include <ctime>
#include <string>
#include <utility>

namespace bench {

struct LoadOptions {
  std::string host = "127.0.0.1";
  uint16_t port = 3260;
  std::string target;
  uint16_t lun = 0;
  uint32_t connections = 1;
  uint32_t depth = 1;  ///< commands in flight per connection
  uint32_t block_bytes = 4096;
  uint32_t read_percent = 100;
  bool sequential = false;
  bool fill = false;  ///< write the span once, in order, and end
  bool wait = false;  ///< sleep in poll() when nothing has come, instead of spinning
  double seconds = 5;
  double warmup = 0.5;
  uint64_t span_bytes = 0;  ///< of the LUN; 0: all of it
  int watched_pid = 0;      ///< its CPU time is reported
};

inline uint64_t nanoseconds_now() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<uint64_t>(now.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(now.tv_nsec);
}

template <typename... Arguments>
[[noreturn]] void die(fmt::format_string<Arguments...> format, Arguments&&... arguments) {
  fmt::print(stderr, "iscsi_load: {}\n", fmt::format(format, std::forward<Arguments>(arguments)...));
  std::exit(2);
}

}  // namespace bench
