#include "agent/alarms.h"

#include <set>

#include "agent/clock.h"
#include "api/lists.h"
#include "api/settings.h"
#include "base/log.h"

namespace ashlar::agent {
namespace {

constexpr size_t most_waiting = 10'000;
constexpr int most_tries = 10;

state::AlertRow row_of(const notify::Alert& alert) {
  state::AlertRow row;
  row.id = alert.id;
  row.rule = alert.rule;
  row.subject = alert.subject;
  row.severity = alert.severity;
  row.message = alert.message;
  row.state = name_of(alert.state);
  row.raised_at = rfc3339(alert.raised_at);
  row.acknowledged_at = alert.acknowledged_at == 0 ? "" : rfc3339(alert.acknowledged_at);
  row.acknowledged_by = alert.acknowledged_by;
  row.cleared_at = alert.cleared_at == 0 ? "" : rfc3339(alert.cleared_at);
  row.value = alert.value;
  row.told = true;
  return row;
}

notify::Alert alert_of(const state::AlertRow& row) {
  notify::Alert alert;
  alert.id = row.id;
  alert.rule = row.rule;
  alert.subject = row.subject;
  alert.severity = row.severity;
  alert.message = row.message;
  alert.state = row.state == "cleared"        ? notify::AlertState::cleared
                : row.state == "acknowledged" ? notify::AlertState::acknowledged
                                              : notify::AlertState::raised;
  alert.raised_at = parse_rfc3339(row.raised_at).value_or(0);
  alert.acknowledged_at = parse_rfc3339(row.acknowledged_at).value_or(0);
  alert.acknowledged_by = row.acknowledged_by;
  alert.cleared_at = parse_rfc3339(row.cleared_at).value_or(0);
  alert.value = row.value;
  return alert;
}

int rank_of(const std::string& severity) {
  return severity == "critical" ? 2 : severity == "warning" ? 1 : 0;
}

}  // namespace

Alarms::Alarms(Array& array, state::Database& database, EventBus& events, std::function<int64_t()> now)
    : array_(array), database_(database), events_(events), now_(std::move(now)) {
  std::vector<notify::Alert> known;
  if (const auto rows = database_.alerts()) {
    for (const state::AlertRow& each : *rows) known.push_back(alert_of(each));
  }
  machine_.restore(std::move(known));
}

void Alarms::rules_follow() {
  const auto view = array_.view();
  if (rules_of_ == view->generation.number) return;
  rules_of_ = view->generation.number;
  machine_.set_rules(view->configuration.alert_rules);
}

void Alarms::judge(const std::vector<notify::Reading>& readings) {
  const std::lock_guard lock(mutex_);
  rules_follow();
  take(machine_.apply(readings, now_()));
}

void Alarms::set(const std::string& name, const std::string& subject, const std::string& severity,
                 const std::string& message, bool raised) {
  const std::lock_guard lock(mutex_);
  take(machine_.set_alarm(name, subject, severity, message, raised, now_()));
}

// Kept before it is sent: after a crash in between it is not told twice, and the list of alerts still shows it.
void Alarms::take(std::vector<notify::AlertChange> changes) {
  const auto view = array_.view();
  const std::string array_name = api::setting_text(view->configuration, "array.name");
  for (const notify::AlertChange& change : changes) {
    if (const auto saved = database_.save_alert(row_of(change.alert)); !saved)
      log_warning("agent", "alert {} is not kept: {}", change.alert.id, saved.error().text());
    events_.tell("alerts", std::string(name_of(change.alert.state)), change.alert.id,
                 change.alert.acknowledged_by, alert_json(change.alert));
    log_warning("agent", "alert {} is {}: {}", change.alert.id, name_of(change.alert.state),
                change.alert.message);
    if (!change.tell) continue;
    const std::set<std::string> chosen(change.channels.begin(), change.channels.end());
    for (const api::AlertChannel& channel : view->configuration.alert_channels) {
      const bool wanted =
          channel.enabled && rank_of(change.alert.severity) >= rank_of(channel.lowest_severity);
      if (!wanted || (!chosen.empty() && !chosen.contains(channel.name)) || waiting_.size() >= most_waiting)
        continue;
      waiting_.push_back({notify::notice_of(change.alert, array_name), channel.name, 0});
    }
  }
}

void Alarms::deliver() {
  std::vector<Waiting> batch;
  {
    const std::lock_guard lock(mutex_);
    batch.swap(waiting_);
  }
  for (Waiting& each : batch) {
    const auto channel = open_channel(array_, each.channel);
    const Result<void> sent =
        channel ? (*channel)->deliver(each.notice) : Result<void>(std::unexpected(channel.error()));
    if (sent || (!channel && channel.error().code == ErrorCode::not_found)) continue;
    log_warning("agent", "alert {} does not go out by {}: {}", each.notice.id, each.channel,
                sent.error().text());
    if (++each.tries >= most_tries) continue;
    const std::lock_guard lock(mutex_);
    waiting_.push_back(std::move(each));
  }
}

Result<void> Alarms::test(const std::string& name) {
  TRY_ASSIGN(const auto channel, open_channel(array_, name));
  return channel->deliver(
      notify::test_notice(name, api::setting_text(array_.view()->configuration, "array.name"), now_()));
}

Result<notify::Alert> Alarms::acknowledge(const std::string& id, const std::string& by) {
  const std::lock_guard lock(mutex_);
  TRY_ASSIGN(const notify::AlertChange change, machine_.acknowledge(id, by, now_()));
  take({change});
  return change.alert;
}

std::vector<notify::Alert> Alarms::alerts() const {
  const std::lock_guard lock(mutex_);
  return machine_.alerts();
}

api::Json alert_json(const notify::Alert& alert) {
  api::Json json = {{"id", alert.id},
                    {"rule", alert.rule},
                    {"subject", alert.subject},
                    {"severity", alert.severity},
                    {"message", alert.message},
                    {"state", name_of(alert.state)},
                    {"raised_at", rfc3339(alert.raised_at)},
                    {"value", alert.value}};
  if (alert.acknowledged_at != 0) json["acknowledged_at"] = rfc3339(alert.acknowledged_at);
  if (!alert.acknowledged_by.empty()) json["acknowledged_by"] = alert.acknowledged_by;
  if (alert.cleared_at != 0) json["cleared_at"] = rfc3339(alert.cleared_at);
  return json;
}

Result<std::unique_ptr<notify::Channel>> open_channel(const Array& array, const std::string& name) {
  const auto view = array.view();
  const api::AlertChannel* found = api::find_named(view->configuration.alert_channels, name);
  if (found == nullptr)
    return fail(ErrorCode::not_found, "alert-channels/" + name, "there is no alert channel '{}'", name);
  api::AlertChannel channel = *found;
  for (std::string* secret : {&channel.secret, &channel.second_secret}) {
    if (secret->empty()) continue;
    TRY_ASSIGN(*secret, array.secret(*secret));
  }
  return notify::make_channel(channel);
}

}  // namespace ashlar::agent
