// What the rules can speak of: the metrics that the agent measures, and a reading of one.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace ashlar::notify {

/// A reading of one metric on one thing: {"pool_used_percent", "pools/p0", 83}. A value that is not finite says that the
/// thing is there but its value is not known now: its alert stays as it is.
struct Reading {
  std::string metric, subject;
  double value = 0;
};

/// How finely a metric can move, which bounds the hysteresis.
enum class MetricType : uint8_t {
  measure,  ///< any number
  count,    ///< whole numbers
  flag,     ///< 1 or 0
};

struct MetricInfo {
  std::string_view name;
  MetricType type;
  double lowest, highest;    ///< what it can be
  std::string_view subject;  ///< "pools/NAME"
  std::string_view help;
};
/// All of them, by name.
std::span<const MetricInfo> known_metrics();
const MetricInfo* find_metric(std::string_view name);  ///< null: there is none

}  // namespace ashlar::notify
