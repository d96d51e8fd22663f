// The state machine of all alerts: readings in, changes out.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "api/resources.h"
#include "base/result.h"
#include "notify/alert.h"
#include "notify/metric.h"

namespace ashlar::notify {

constexpr size_t most_alerts = 10'000;
constexpr int64_t cleared_alert_seconds = 7 * 86'400;  ///< how long a cleared one is remembered

/// The state machine of all alerts: apply(readings, time) -> changes. Never tells the same thing twice: raising once, clearing
/// once; a reading that hovers at the threshold (5 % hysteresis) stays one alert; a subject that is gone clears its alerts.
/// Pure: no clock, no socket. Not thread safe.
///
/// An alert's id is "RULE~KIND~NAME" ("pool-filling~pools~p0"), an alarm's "alarm:NAME~KIND~NAME": the same whenever the same rule
/// is raised on the same thing. At most `most_alerts` are kept; the oldest cleared ones make room for new ones.
class AlertMachine {
 public:
  /// Until it is called, apply() leaves all alerts alone. What a rule's change means for its alerts is seen at the next apply():
  /// of one that is gone or disabled they clear; of one that compares otherwise they are judged afresh, without hysteresis.
  void set_rules(std::vector<api::AlertRule> rules);
  /// From the database after a restart: nothing is told again.
  void restore(std::vector<Alert> alerts);
  /// `readings`: all there are now, in any order; `now`: seconds since 1970. A thing that is read twice counts by its worse value.
  std::vector<AlertChange> apply(const std::vector<Reading>& readings, int64_t now);
  /// Told to nobody. Errors: not_found; already_exists when it was acknowledged before; invalid_argument when it is cleared.
  Result<AlertChange> acknowledge(const std::string& id, const std::string& by, int64_t now);
  /// An alarm of the agent itself (lock-out, full state disk): raised and cleared by name, not by a rule.
  std::vector<AlertChange> set_alarm(const std::string& name, const std::string& subject,
                                     const std::string& severity, const std::string& message, bool raised,
                                     int64_t now);
  std::vector<Alert> alerts() const;  ///< by id

 private:
  struct Tracked {
    Alert alert;
    std::vector<std::string> channels;
  };
  struct Span {
    double lowest = 0, highest = 0;
    bool known = false;
  };
  using Subjects = std::map<std::string, Span>;
  using Measured = std::map<std::string, Subjects>;  // by metric

  static Measured measure(const std::vector<Reading>& readings);
  Tracked* find_active(const std::string& id);
  void clear_orphans(const Measured& measured, int64_t now, std::vector<AlertChange>& changes);
  void judge(const api::AlertRule& rule, const std::string& subject, const Span& span, int64_t now,
             std::vector<AlertChange>& changes);
  void judge_active(const api::AlertRule& rule, const Span& span, Tracked& tracked, int64_t now,
                    std::vector<AlertChange>& changes);
  bool raise(Alert alert, std::vector<std::string> channels, std::vector<AlertChange>& changes);
  void clear(Tracked& tracked, int64_t now, std::vector<AlertChange>& changes);
  bool make_room();
  void forget_old(int64_t now);

  std::map<std::string, api::AlertRule> rules_;
  bool rules_known_ = false;
  std::set<std::string> changed_rules_;  // since the last apply()
  std::map<std::string, Tracked> tracked_;
  std::set<std::pair<int64_t, std::string>> cleared_;       // when, id: the oldest first
  std::map<std::string, int64_t> pending_, still_pending_;  // id: since when the rule holds
  bool full_ = false;
};

}  // namespace ashlar::notify
