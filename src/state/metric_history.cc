#include "state/metric_history.h"

#include <algorithm>
#include <array>
#include <cmath>

namespace ashlar::state {
namespace {

constexpr int64_t minute = 60, hour = 3600;
constexpr int moments_removed = 4;     ///< of each table, a sample
constexpr int series_forgotten = 100;  ///< an hour

struct Table {
  const char* name;
  int64_t step, kept;         ///< seconds
  const char* value_columns;  ///< average, lowest, highest
};
// By Resolution.
constexpr std::array<Table, 3> tables = {{{"seconds", 1, hour, "value, value, value"},
                                          {"minutes", minute, 7 * 24 * hour, "sum / count, lowest, highest"},
                                          {"hours", hour, 365 * 24 * hour, "sum / count, lowest, highest"}}};

int64_t floor_to(int64_t time, int64_t step) {
  const int64_t rest = time % step;
  return time - (rest < 0 ? rest + step : rest);
}

}  // namespace

Result<void> MetricHistory::load() {
  series_.clear();
  {
    Statement query = connection_.statement("SELECT id, name FROM series");
    while (true) {
      TRY_ASSIGN(const bool row, query.next());
      if (!row) break;
      series_.emplace(query.text(1), query.integer(0));
    }
  }
  Statement query = connection_.statement("SELECT value FROM meta WHERE key = 'metric_minute'");
  TRY_ASSIGN(const bool row, query.next());
  minute_ = row ? query.integer(0) : 0;
  return {};
}

Result<void> MetricHistory::add(int64_t time, const std::vector<std::pair<std::string, double>>& values) {
  const uint64_t refused = refused_;
  Result<void> done = connection_.transaction([&]() -> Result<void> {
    TRY(roll_up(time));
    TRY(add_samples(time, values));
    return remove_old(time);
  });
  if (!done) {
    refused_ = refused;
    (void)load();  // what was rolled back must not be remembered
  }
  return done;
}

Result<void> MetricHistory::add_samples(int64_t time,
                                        const std::vector<std::pair<std::string, double>>& values) {
  Statement second =
      connection_.statement("INSERT OR REPLACE INTO seconds (time, series, value) VALUES (?,?,?)");
  Statement into_minute = connection_.statement(
      "INSERT INTO minutes (time, series, sum, count, lowest, highest) VALUES (?1,?2,?3,1,?3,?3) "
      "ON CONFLICT (time, series) DO UPDATE SET sum = sum + excluded.sum, count = count + 1, "
      "lowest = min(lowest, excluded.lowest), highest = max(highest, excluded.highest)");
  for (const auto& [name, value] : values) {
    TRY_ASSIGN(const int64_t series, std::isfinite(value) ? series_of(name, time) : Result<int64_t>(0));
    if (series == 0) {
      ++refused_;
      continue;
    }
    TRY(second.bind_all(time, series, value).run());
    TRY(into_minute.bind_all(floor_to(time, minute), series, value).run());
  }
  return {};
}

Result<int64_t> MetricHistory::series_of(const std::string& name, int64_t time) {
  if (const auto found = series_.find(name); found != series_.end()) return found->second;
  if (series_.size() >= most_series_) return 0;
  TRY(connection_.statement("INSERT INTO series (name, last) VALUES (?, ?)").bind_all(name, time).run());
  const int64_t id = connection_.last_id();
  series_.emplace(name, id);
  return id;
}

// Minutes that are over go into their hours, each once. While a clock that was set back by less than an hour catches up, minutes
// take the samples and their hours do not.
Result<void> MetricHistory::roll_up(int64_t time) {
  const int64_t now = floor_to(time, minute);
  if (now <= minute_ && minute_ - now <= hour) return {};
  if (now > minute_) {
    TRY(connection_
            .statement(
                "INSERT INTO hours (time, series, sum, count, lowest, highest) "
                "SELECT time - time % 3600, series, sum, count, lowest, highest FROM minutes "
                "WHERE time >= ? AND time < ? "
                "ON CONFLICT (time, series) DO UPDATE SET sum = sum + excluded.sum, count = count + excluded.count, "
                "lowest = min(lowest, excluded.lowest), highest = max(highest, excluded.highest)")
            .bind_all(minute_, now)
            .run());
    if (floor_to(now, hour) != floor_to(minute_, hour)) TRY(forget_series(time));
  }
  TRY(connection_.statement("INSERT OR REPLACE INTO meta (key, value) VALUES ('metric_minute', ?)")
          .bind_all(now)
          .run());
  minute_ = now;
  return {};
}

// A few moments of each at a time: a clock that is wrong for a minute must not take a year with it, and after a long rest no
// single call is slow.
Result<void> MetricHistory::remove_old(int64_t time) {
  for (const Table& table : tables) {
    for (int i = 0; i < moments_removed; ++i) {
      int64_t oldest = 0;
      {
        Statement query =
            connection_.statement(fmt::format("SELECT ifnull(min(time), ?) FROM {}", table.name));
        query.bind_all(INT64_MAX);
        TRY(query.next());
        oldest = query.integer(0);
      }
      if (oldest > time - table.kept) break;
      TRY(connection_.statement(fmt::format("DELETE FROM {} WHERE time = ?", table.name))
              .bind_all(oldest)
              .run());
    }
  }
  return {};
}

// Once an hour: a series whose last point is gone makes room for another. Not one of the hour before, however far the clock has
// gone since then: it may be the clock that is wrong.
Result<void> MetricHistory::forget_series(int64_t time) {
  const int64_t hour_before = floor_to(minute_, hour);
  TRY(connection_
          .statement(
              "UPDATE series SET last = ? WHERE id IN (SELECT DISTINCT series FROM minutes WHERE time >= ?)")
          .bind_all(minute_, hour_before)
          .run());
  TRY(connection_
          .statement("DELETE FROM series WHERE id IN (SELECT id FROM series WHERE last < ? AND id NOT IN "
                     "(SELECT DISTINCT series FROM minutes WHERE time >= ?) ORDER BY last LIMIT ?)")
          .bind_all(time - tables[2].kept - hour, hour_before, series_forgotten)
          .run());
  if (connection_.changed() == 0) return {};
  const int64_t kept_minute = minute_;
  TRY(load());
  minute_ = kept_minute;
  return {};
}

Result<std::vector<MetricPoint>> MetricHistory::points(const std::string& series, Resolution resolution,
                                                       int64_t from, int64_t to) {
  const Table& table = tables.at(static_cast<size_t>(resolution));
  std::vector<MetricPoint> points;
  const auto found = series_.find(series);
  if (found == series_.end()) return points;
  int64_t newest = 0;
  {
    Statement query = connection_.statement(fmt::format("SELECT ifnull(max(time), 0) FROM {}", table.name));
    TRY(query.next());
    newest = query.integer(0);
  }
  to = std::min(to, newest);
  if (from > to || to < 0) return points;
  from = std::max({from, to - 2 * table.kept, int64_t{0}});
  from = floor_to(from + table.step - 1, table.step);
  // A look-up for each time beats a walk over all series' rows.
  Statement query = connection_.statement(fmt::format(
      "WITH RECURSIVE times (at) AS (SELECT ?1 WHERE ?1 <= ?2 UNION ALL SELECT at + {} FROM times WHERE at + {} <= ?2) "
      "SELECT at, {} FROM times CROSS JOIN {} WHERE time = at AND series = ?3",
      table.step, table.step, table.value_columns, table.name));
  query.bind_all(from, to, found->second);
  while (true) {
    TRY_ASSIGN(const bool row, query.next());
    if (!row) return points;
    points.push_back({query.integer(0), query.real(1), query.real(2), query.real(3)});
  }
}

std::vector<std::string> MetricHistory::names() const {
  std::vector<std::string> names;
  names.reserve(series_.size());
  for (const auto& [name, id] : series_) names.push_back(name);
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace ashlar::state
