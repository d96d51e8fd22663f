#include "agent/clock.h"

#include <fmt/format.h>

#include <cstdio>
#include <ctime>

namespace ashlar::agent {

std::string rfc3339(int64_t seconds) {
  const time_t time = static_cast<time_t>(seconds);
  std::tm parts{};
  gmtime_r(&time, &parts);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z", parts.tm_year + 1900, parts.tm_mon + 1,
                     parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec);
}

std::optional<int64_t> parse_rfc3339(std::string_view text) {
  std::tm parts{};
  const std::string copy(text);
  const char* end = strptime(copy.c_str(), "%Y-%m-%dT%H:%M:%S", &parts);
  if (end == nullptr) return {};
  if (*end == '.') {
    ++end;
    while (*end >= '0' && *end <= '9') ++end;
  }
  if (std::string_view(end) != "Z" && std::string_view(end) != "+00:00") return {};
  return static_cast<int64_t>(timegm(&parts));
}

int64_t seconds_now() { return static_cast<int64_t>(std::time(nullptr)); }

}  // namespace ashlar::agent
