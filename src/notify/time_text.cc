#include "notify/time_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>

namespace ashlar::notify {
namespace {

struct Moment {
  int year = 0;
  unsigned month = 0, day = 0, weekday = 0;
  int64_t hour = 0, minute = 0, second = 0;
};

// Years 1970 to 9999: what has four digits everywhere.
Moment moment_of(int64_t seconds) {
  constexpr int64_t last = 253402300799;
  const std::chrono::sys_seconds point{std::chrono::seconds(std::clamp<int64_t>(seconds, 0, last))};
  const auto day = std::chrono::floor<std::chrono::days>(point);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss clock(point - day);
  return {.year = static_cast<int>(date.year()),
          .month = static_cast<unsigned>(date.month()),
          .day = static_cast<unsigned>(date.day()),
          .weekday = std::chrono::weekday(day).c_encoding(),
          .hour = clock.hours().count(),
          .minute = clock.minutes().count(),
          .second = clock.seconds().count()};
}

bool fits(std::string_view text, std::string_view pattern) {
  if (text.size() != pattern.size()) return false;
  for (size_t i = 0; i < text.size(); ++i) {
    const bool digit = text[i] >= '0' && text[i] <= '9';
    if (pattern[i] == '0' ? !digit : text[i] != pattern[i]) return false;
  }
  return true;
}

}  // namespace

std::string time_text(int64_t seconds) {
  const Moment at = moment_of(seconds);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z", at.year, at.month, at.day, at.hour, at.minute,
                     at.second);
}

std::string mail_date(int64_t seconds) {
  constexpr std::array days = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  constexpr std::array months = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                 "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const Moment at = moment_of(seconds);
  return fmt::format("{}, {:02} {} {:04} {:02}:{:02}:{:02} +0000", days[at.weekday], at.day,
                     months[at.month - 1], at.year, at.hour, at.minute, at.second);
}

bool is_syslog_time(std::string_view text) {
  constexpr std::string_view whole = "0000-00-00T00:00:00";
  if (!fits(text.substr(0, whole.size()), whole)) return false;
  text.remove_prefix(whole.size());
  if (text.starts_with('.')) {
    text.remove_prefix(1);
    const size_t digits = std::min(text.find_first_not_of("0123456789"), text.size());
    if (digits == 0 || digits > 6) return false;
    text.remove_prefix(digits);
  }
  return text == "Z" || fits(text, "+00:00") || fits(text, "-00:00");
}

}  // namespace ashlar::notify
