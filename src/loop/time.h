// Time as the loop tells it: monotonic nanoseconds. Nobody else may ask a clock.
#pragma once

#include <chrono>
#include <compare>
#include <cstdint>

namespace ashlar::loop {

using Nanoseconds = std::chrono::nanoseconds;
using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::seconds;

/// A point on the loop's monotonic clock (CLOCK_BOOTTIME-like: it goes on through suspend; never set back).
struct Instant {
  int64_t nanoseconds = 0;
  auto operator<=>(const Instant&) const = default;
  Instant operator+(Nanoseconds span) const { return {nanoseconds + span.count()}; }
  Nanoseconds operator-(Instant earlier) const { return Nanoseconds(nanoseconds - earlier.nanoseconds); }
  static constexpr Instant never() { return {INT64_MAX}; }
};

}  // namespace ashlar::loop
