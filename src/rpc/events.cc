#include "rpc/events.h"

#include <fmt/format.h>

#include <chrono>

namespace ashlar::rpc {

std::string event_time(int64_t nanoseconds_since_1970) {
  using namespace std::chrono;
  const sys_time<nanoseconds> instant{nanoseconds(nanoseconds_since_1970)};
  const auto day = floor<days>(instant);
  const year_month_day date(day);
  const hh_mm_ss<milliseconds> clock(floor<milliseconds>(instant - day));
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z", static_cast<int>(date.year()),
                     static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                     clock.hours().count(), clock.minutes().count(), clock.seconds().count(),
                     clock.subseconds().count());
}

}  // namespace ashlar::rpc
