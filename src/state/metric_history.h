// Metric history: seconds for an hour, minutes for a week, hours for a year. Calls want the database's lock.
#pragma once

#include <unordered_map>

#include "state/connection.h"
#include "state/database.h"

namespace ashlar::state {

class MetricHistory {
 public:
  MetricHistory(Connection& connection, size_t most_series)
      : connection_(connection), most_series_(most_series) {}
  /// Learns the series that there are.
  Result<void> load();
  Result<void> add(int64_t time, const std::vector<std::pair<std::string, double>>& values);
  Result<std::vector<MetricPoint>> points(const std::string& series, Resolution resolution, int64_t from,
                                          int64_t to);
  std::vector<std::string> names() const;
  uint64_t refused() const { return refused_; }

 private:
  Result<void> add_samples(int64_t time, const std::vector<std::pair<std::string, double>>& values);
  /// 0: one too many.
  Result<int64_t> series_of(const std::string& name, int64_t time);
  Result<void> roll_up(int64_t time);
  Result<void> remove_old(int64_t time);
  Result<void> forget_series(int64_t time);

  Connection& connection_;
  size_t most_series_;
  std::unordered_map<std::string, int64_t> series_;
  int64_t minute_ = 0;  ///< that the last sample was in; minutes before it are in their hours
  uint64_t refused_ = 0;
};

}  // namespace ashlar::state
