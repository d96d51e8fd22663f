#include <cmath>
#include <limits>

#include "state/database_world_test.h"

namespace ashlar::state {

static bool operator==(const MetricPoint& a, const MetricPoint& b) {
  return a.time == b.time && a.value == b.value && a.lowest == b.lowest && a.highest == b.highest;
}

namespace {

class Metrics : public DatabaseTest {
 protected:
  // An hour's first second.
  static constexpr int64_t start = 1'700'002'800;
  std::vector<MetricPoint> points(const std::string& series, Resolution resolution, int64_t from = 0,
                                  int64_t to = INT64_MAX) {
    auto found = database_->metric(series, resolution, from, to);
    EXPECT_TRUE(found) << found.error().text();
    return found.value_or(std::vector<MetricPoint>{});
  }
  void add(int64_t time, double value) { ASSERT_TRUE(database_->add_metrics(time, {{"a", value}})); }
};

TEST_F(Metrics, SecondsMinutesAndHours) {
  open();
  // Two hours; in each minute m of them 60 values m*1000 + 0..59.
  for (int64_t s = 0; s <= 2 * 3600; ++s) {
    if (s == 1000 || s == 4000) open();  // a restart in the middle of a minute loses nothing
    const int64_t minute = s / 60;
    add(start + s, static_cast<double>(minute * 1000 + s % 60));
  }
  const auto seconds = points("a", Resolution::second);
  ASSERT_EQ(seconds.size(), 3600u);
  EXPECT_EQ(seconds.front().time, start + 3601);
  EXPECT_EQ(seconds.back(), (MetricPoint{start + 7200, 120'000, 120'000, 120'000}));
  const auto minutes = points("a", Resolution::minute);
  ASSERT_EQ(minutes.size(), 121u);
  EXPECT_EQ(minutes[0], (MetricPoint{start, 29.5, 0, 59}));
  EXPECT_EQ(minutes[16], (MetricPoint{start + 960, 16'029.5, 16'000, 16'059}));
  EXPECT_EQ(minutes[66], (MetricPoint{start + 3960, 66'029.5, 66'000, 66'059}));
  EXPECT_EQ(minutes[120].value, 120'000);
  const auto hours = points("a", Resolution::hour);
  ASSERT_EQ(hours.size(), 2u) << "an hour has its minutes when they are over";
  EXPECT_EQ(hours[0], (MetricPoint{start, 29'529.5, 0, 59'059}));
  EXPECT_EQ(hours[1], (MetricPoint{start + 3600, 89'529.5, 60'000, 119'059}));
}

TEST_F(Metrics, ARangeIsWhatWasAskedFor) {
  open();
  for (int64_t s = 0; s < 300; ++s) add(start + s, 1);
  EXPECT_EQ(points("a", Resolution::second, start + 10, start + 19).size(), 10u);
  EXPECT_EQ(points("a", Resolution::minute, start + 1, start + 120).size(), 2u)
      << "from the next whole minute on";
  EXPECT_TRUE(points("a", Resolution::second, start + 19, start + 10).empty());
  EXPECT_TRUE(points("a", Resolution::second, INT64_MAX, INT64_MAX).empty());
  EXPECT_TRUE(points("a", Resolution::hour, INT64_MIN, INT64_MIN).empty());
  EXPECT_EQ(points("a", Resolution::second, INT64_MIN, INT64_MAX).size(), 300u);
  EXPECT_TRUE(points("none", Resolution::second).empty());
}

TEST_F(Metrics, EachIsKeptForItsSpan) {
  open();
  constexpr int64_t week = 7 * 24 * 3600, year = 365 * 24 * 3600;
  // Far more moments than may be kept of any of them.
  for (int64_t i = 0; i < 10'500; ++i) add(start + i * 60, static_cast<double>(i));
  EXPECT_EQ(points("a", Resolution::second).size(), 60u);
  EXPECT_EQ(points("a", Resolution::minute).size(), static_cast<size_t>(week / 60));
  EXPECT_EQ(count("seconds"), 60);
  EXPECT_EQ(count("minutes"), week / 60);
  for (int64_t i = 0; i < 9000; ++i) add(start + 10'500 * 60 + i * 3600, 1);
  EXPECT_EQ(count("minutes"), week / 3600);
  EXPECT_LE(count("hours"), year / 3600);
  EXPECT_GE(count("hours"), year / 3600 - 1);
}

TEST_F(Metrics, AWrongClockDoesNotTakeTheHistoryWithIt) {
  open();
  for (int64_t s = 0; s < 1000; ++s) add(start + s, 1);
  add(start + 100'000'000, 1);
  add(0, 1);
  add(start + 1000, 1);
  EXPECT_GE(points("a", Resolution::second, start, start + 1000).size(), 990u);
  EXPECT_GE(points("a", Resolution::minute, start, start + 1000).size(), 12u);
}

TEST_F(Metrics, AClockThatIsSetBackAddsNoMinuteTwiceToItsHour) {
  open();
  for (int64_t s = 0; s < 600; ++s) add(start + s, 1);
  for (int64_t s = 300; s < 3600; ++s) add(start + s, 1);
  add(start + 3600, 1);
  EXPECT_EQ(count("hours"), 1);
  tamper("UPDATE hours SET sum = count * 2 WHERE count = 3660");
  EXPECT_EQ(points("a", Resolution::hour)[0].value, 2)
      << "3600 samples, and those of the minute that was taken twice before it was over";
}

TEST_F(Metrics, TooManySeriesAndNoNumbersAreLeftOut) {
  options_.series = 3;
  open();
  ASSERT_TRUE(
      database_->add_metrics(start, {{"a", 1}, {"b", std::numeric_limits<double>::quiet_NaN()}, {"c", 1}}));
  ASSERT_TRUE(database_->add_metrics(start, {{"d", 1}, {"e", INFINITY}, {"f", 1}, {"a", 2}}));
  EXPECT_EQ(*database_->metric_names(), (std::vector<std::string>{"a", "c", "d"}));
  EXPECT_EQ(database_->metrics_refused(), 3u);
  EXPECT_EQ(points("a", Resolution::second)[0].value, 2);
  EXPECT_EQ(open().metric_names()->size(), 3u);
}

TEST_F(Metrics, ASeriesThatEndedAYearAgoMakesRoom) {
  options_.series = 1;
  open();
  add(start, 1);
  constexpr int64_t year = 365 * 24 * 3600;
  ASSERT_TRUE(database_->add_metrics(start + year + 3600, {{"b", 1}}));
  EXPECT_EQ(*database_->metric_names(), std::vector<std::string>{"a"}) << "its year is not over";
  ASSERT_TRUE(database_->add_metrics(start + year + 3 * 3600, {{"b", 1}}));
  EXPECT_EQ(*database_->metric_names(), std::vector<std::string>{"b"});
}

TEST_F(Metrics, TwoThousandValuesAreOneTransaction) {
  open();
  std::vector<std::pair<std::string, double>> values;
  values.reserve(2000);
  for (int i = 0; i < 2000; ++i) values.emplace_back(fmt::format("volume.{}.reads", i), i);
  ASSERT_TRUE(database_->add_metrics(start, values));
  EXPECT_EQ(count("seconds"), 2000);
  // All or nothing: a table that refuses the last of them takes the others with it.
  tamper(
      "CREATE TRIGGER refuse BEFORE INSERT ON seconds WHEN NEW.value = 1999 BEGIN SELECT RAISE(ABORT, 'no'); END");
  EXPECT_FALSE(database_->add_metrics(start + 60, values));
  EXPECT_EQ(count("seconds"), 2000);
  EXPECT_EQ(count("minutes"), 2000);
  EXPECT_EQ(count("hours"), 0);
  tamper("DROP TRIGGER refuse");
  ASSERT_TRUE(database_->add_metrics(start + 60, values));
  EXPECT_EQ(count("hours"), 2000) << "the minute of before was not forgotten";
}

}  // namespace
}  // namespace ashlar::state
