#include "notify/alert_machine.h"

#include <algorithm>
#include <cmath>
#include <tuple>

#include "base/log.h"
#include "notify/alert_rule.h"

namespace ashlar::notify {
namespace {

constexpr std::string_view alarm_mark = "alarm:";  // no rule's name has a colon

// '~' is in no name and needs no escape in a path (RFC 3986, 2.3).
std::string id_of(std::string_view rule, std::string subject) {
  std::ranges::replace(subject, '/', '~');
  return fmt::format("{}~{}", rule, subject);
}

bool is_alarm(const Alert& alert) { return alert.id.starts_with(alarm_mark); }
bool is_active(const Alert& alert) { return alert.state != AlertState::cleared; }

// The end of the span that is worse for the rule.
double worse_of(const api::AlertRule& rule, double lowest, double highest) {
  if (rule.comparison == "above") return highest;
  if (rule.comparison == "below") return lowest;
  return breaches(rule, lowest) ? lowest : highest;
}

bool compares_alike(const api::AlertRule& a, const api::AlertRule& b) {
  return std::tie(a.metric, a.comparison, a.threshold) == std::tie(b.metric, b.comparison, b.threshold);
}

}  // namespace

void AlertMachine::set_rules(std::vector<api::AlertRule> rules) {
  std::map<std::string, api::AlertRule> next;
  for (api::AlertRule& rule : rules) {
    const auto before = rules_.find(rule.name);
    if (before != rules_.end() && !compares_alike(before->second, rule)) changed_rules_.insert(rule.name);
    next.insert_or_assign(rule.name, std::move(rule));
  }
  rules_ = std::move(next);
  rules_known_ = true;
  std::erase_if(changed_rules_, [this](const std::string& name) { return !rules_.contains(name); });
  for (auto& [id, tracked] : tracked_) {
    const auto rule = rules_.find(tracked.alert.rule);
    if (!is_alarm(tracked.alert) && rule != rules_.end()) tracked.channels = rule->second.channels;
  }
}

void AlertMachine::restore(std::vector<Alert> alerts) {
  std::ranges::sort(alerts, [](const Alert& a, const Alert& b) {
    return std::make_tuple(!is_active(a), -a.cleared_at, std::string_view(a.id)) <
           std::make_tuple(!is_active(b), -b.cleared_at, std::string_view(b.id));
  });
  tracked_.clear();
  cleared_.clear();
  for (Alert& alert : alerts) {
    if (tracked_.size() == most_alerts) break;
    const auto rule = rules_.find(alert.rule);
    const bool ruled = !is_alarm(alert) && rule != rules_.end();
    const std::string id = alert.id;
    const auto [at, added] = tracked_.try_emplace(
        id, Tracked{std::move(alert), ruled ? rule->second.channels : std::vector<std::string>{}});
    if (added && !is_active(at->second.alert)) cleared_.emplace(at->second.alert.cleared_at, id);
  }
}

AlertMachine::Measured AlertMachine::measure(const std::vector<Reading>& readings) {
  Measured measured;
  for (const Reading& reading : readings) {
    Span& span = measured[reading.metric][reading.subject];
    if (!std::isfinite(reading.value)) continue;
    span.lowest = span.known ? std::min(span.lowest, reading.value) : reading.value;
    span.highest = span.known ? std::max(span.highest, reading.value) : reading.value;
    span.known = true;
  }
  return measured;
}

std::vector<AlertChange> AlertMachine::apply(const std::vector<Reading>& readings, int64_t now) {
  std::vector<AlertChange> changes;
  forget_old(now);
  if (!rules_known_) return changes;
  const Measured measured = measure(readings);
  clear_orphans(measured, now, changes);
  for (const auto& [name, rule] : rules_) {
    const auto subjects = measured.find(rule.metric);
    if (!rule.enabled || subjects == measured.end()) continue;
    for (const auto& [subject, span] : subjects->second) judge(rule, subject, span, now, changes);
  }
  pending_ = std::exchange(still_pending_, {});
  changed_rules_.clear();
  return changes;
}

void AlertMachine::clear_orphans(const Measured& measured, int64_t now, std::vector<AlertChange>& changes) {
  for (auto& [id, tracked] : tracked_) {
    if (!is_active(tracked.alert) || is_alarm(tracked.alert)) continue;
    const auto rule = rules_.find(tracked.alert.rule);
    const bool ruled = rule != rules_.end() && rule->second.enabled;
    const auto subjects = ruled ? measured.find(rule->second.metric) : measured.end();
    if (subjects == measured.end() || !subjects->second.contains(tracked.alert.subject))
      clear(tracked, now, changes);
  }
}

void AlertMachine::judge(const api::AlertRule& rule, const std::string& subject, const Span& span,
                         int64_t now, std::vector<AlertChange>& changes) {
  const std::string id = id_of(rule.name, subject);
  if (Tracked* active = find_active(id)) {
    judge_active(rule, span, *active, now, changes);
    return;
  }
  const auto waiting = pending_.find(id);
  const bool waits = waiting != pending_.end() && !changed_rules_.contains(rule.name);
  const int64_t since = waits ? std::min(waiting->second, now) : now;
  const auto wait_on = [&] {
    if (still_pending_.size() < most_alerts) still_pending_[id] = since;
  };
  if (!span.known) {
    if (waits) wait_on();
    return;
  }
  const double value = worse_of(rule, span.lowest, span.highest);
  if (!breaches(rule, value)) return;
  if (now - since < rule.for_seconds) {
    wait_on();
    return;
  }
  Alert alert{.id = id,
              .rule = rule.name,
              .subject = subject,
              .severity = rule.severity,
              .message = rule_message(rule, subject, value),
              .raised_at = now,
              .value = value};
  if (!raise(std::move(alert), rule.channels, changes)) wait_on();
}

void AlertMachine::judge_active(const api::AlertRule& rule, const Span& span, Tracked& tracked, int64_t now,
                                std::vector<AlertChange>& changes) {
  if (span.known) {
    tracked.alert.value = worse_of(rule, span.lowest, span.highest);
    const bool afresh = changed_rules_.contains(rule.name);
    const bool holds =
        afresh ? breaches(rule, tracked.alert.value) : still_breaches(rule, tracked.alert.value);
    if (!holds) {
      clear(tracked, now, changes);
      return;
    }
  }
  if (tracked.alert.severity != rule.severity) {
    tracked.alert.severity = rule.severity;
    changes.push_back({tracked.alert, false, tracked.channels});
  }
}

AlertMachine::Tracked* AlertMachine::find_active(const std::string& id) {
  const auto found = tracked_.find(id);
  return found != tracked_.end() && is_active(found->second.alert) ? &found->second : nullptr;
}

bool AlertMachine::raise(Alert alert, std::vector<std::string> channels, std::vector<AlertChange>& changes) {
  const auto before = tracked_.find(alert.id);
  if (before != tracked_.end()) {
    cleared_.erase({before->second.alert.cleared_at, alert.id});
  } else if (!make_room()) {
    return false;
  }
  changes.push_back({alert, true, channels});
  tracked_.insert_or_assign(alert.id, Tracked{alert, std::move(channels)});
  return true;
}

void AlertMachine::clear(Tracked& tracked, int64_t now, std::vector<AlertChange>& changes) {
  tracked.alert.state = AlertState::cleared;
  tracked.alert.cleared_at = now;
  cleared_.emplace(now, tracked.alert.id);
  changes.push_back({tracked.alert, true, tracked.channels});
}

bool AlertMachine::make_room() {
  if (tracked_.size() >= most_alerts && !cleared_.empty()) {
    tracked_.erase(cleared_.begin()->second);
    cleared_.erase(cleared_.begin());
  }
  const bool full = tracked_.size() >= most_alerts;
  if (full && !full_) {
    log_warning("notify", "{} alerts are raised, and no more are kept: new ones wait until some are cleared",
                most_alerts);
  }
  full_ = full;
  return !full;
}

void AlertMachine::forget_old(int64_t now) {
  while (!cleared_.empty() && cleared_.begin()->first <= now - cleared_alert_seconds) {
    tracked_.erase(cleared_.begin()->second);
    cleared_.erase(cleared_.begin());
  }
}

Result<AlertChange> AlertMachine::acknowledge(const std::string& id, const std::string& by, int64_t now) {
  const auto found = tracked_.find(id);
  if (found == tracked_.end())
    return fail(ErrorCode::not_found, "alerts", "no alert has the id {}", id.substr(0, 255));
  Alert& alert = found->second.alert;
  if (alert.state == AlertState::acknowledged) {
    return fail(ErrorCode::already_exists, "alerts/" + id, "{} has acknowledged it already",
                alert.acknowledged_by);
  }
  if (alert.state == AlertState::cleared) {
    return fail(ErrorCode::invalid_argument, "alerts/" + id,
                "it is cleared: only what is raised can be acknowledged");
  }
  alert.state = AlertState::acknowledged;
  alert.acknowledged_at = now;
  alert.acknowledged_by = by;
  return AlertChange{alert, false, found->second.channels};
}

std::vector<AlertChange> AlertMachine::set_alarm(const std::string& name, const std::string& subject,
                                                 const std::string& severity, const std::string& message,
                                                 bool raised, int64_t now) {
  std::vector<AlertChange> changes;
  const std::string id = id_of(fmt::format("{}{}", alarm_mark, name), subject);
  Tracked* active = find_active(id);
  if (!raised) {
    if (active != nullptr) clear(*active, now, changes);
    return changes;
  }
  if (active == nullptr) {
    raise(Alert{.id = id,
                .rule = name,
                .subject = subject,
                .severity = severity,
                .message = message,
                .raised_at = now,
                .value = 1},
          {}, changes);
    return changes;
  }
  if (active->alert.severity != severity || active->alert.message != message) {
    active->alert.severity = severity;
    active->alert.message = message;
    changes.push_back({active->alert, false, active->channels});
  }
  return changes;
}

std::vector<Alert> AlertMachine::alerts() const {
  std::vector<Alert> all;
  all.reserve(tracked_.size());
  for (const auto& [id, tracked] : tracked_) all.push_back(tracked.alert);
  return all;
}

}  // namespace ashlar::notify
