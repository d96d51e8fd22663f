// Alerts on their way out: e-mail, webhook, syslog, SNMP trap. And the rules that raise them, which are pure.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "api/resources.h"
#include "base/result.h"

namespace ashlar::notify {

struct Notice {
  std::string rule, subject, severity, message;  ///< subject: "volumes/db1"
  std::string state;                             ///< "raised", "cleared", "test"
  std::string time;                              ///< RFC 3339
  std::string array;                             ///< its name
  double value = 0;
  std::string id;  ///< the same for raising and clearing: Alertmanager's fingerprint, the mail's thread
};

/// One channel, with its secrets in plain text. deliver() blocks: 20 s at most.
class Channel {
 public:
  virtual ~Channel() = default;
  virtual Result<void> deliver(const Notice& notice) = 0;
};
/// Errors name the option ("options.url"). Kinds: email, webhook, syslog, snmp; docs/alerts.md lists their options.
Result<std::unique_ptr<Channel>> make_channel(const api::AlertChannel& channel);
/// The rules of the options alone: used when the configuration is checked.
Result<void> check_channel(const api::AlertChannel& channel);

/// A reading of one metric on one thing: {"pool_used_percent", "pools/p0", 83}.
struct Reading {
  std::string metric, subject;
  double value = 0;
};

enum class AlertState : uint8_t { raised, acknowledged, cleared };
struct Alert {
  std::string id, rule, subject, severity, message;
  AlertState state = AlertState::raised;
  int64_t raised_at = 0, acknowledged_at = 0, cleared_at = 0;  ///< seconds since 1970
  std::string acknowledged_by;
  double value = 0;
  bool operator==(const Alert&) const = default;
};

/// What a step of the rules changed: to be stored, shown and, when `tell`, sent.
struct AlertChange {
  Alert alert;
  bool tell = false;
  std::vector<std::string> channels;
};

/// The state machine of all alerts: apply(readings, time) -> changes. Never tells the same thing twice: raising once, clearing
/// once; a reading that hovers at the threshold (5 % hysteresis) stays one alert; a subject that is gone clears its alerts.
/// Pure: no clock, no socket. Not thread safe.
class AlertMachine {
 public:
  void set_rules(std::vector<api::AlertRule> rules);
  /// From the database after a restart: nothing is told again.
  void restore(std::vector<Alert> alerts);
  std::vector<AlertChange> apply(const std::vector<Reading>& readings, int64_t now);
  Result<AlertChange> acknowledge(const std::string& id, const std::string& by, int64_t now);
  /// An alarm of the agent itself (lock-out, full state disk): raised and cleared by name, not by a rule.
  std::vector<AlertChange> set_alarm(const std::string& name, const std::string& subject,
                                     const std::string& severity, const std::string& message, bool raised,
                                     int64_t now);
  std::vector<Alert> alerts() const;
};

/// The rules that every array begins with (pool fill, volume failed, engine away, certificate ends ...).
std::vector<api::AlertRule> default_rules();

}  // namespace ashlar::notify
