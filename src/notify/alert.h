// An alert: one rule (or alarm) that holds, or held, for one thing.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace ashlar::notify {

enum class AlertState : uint8_t { raised, acknowledged, cleared };
struct Alert {
  std::string id, rule, subject, severity, message;
  AlertState state = AlertState::raised;
  int64_t raised_at = 0, acknowledged_at = 0, cleared_at = 0;  ///< seconds since 1970; 0: not yet
  std::string acknowledged_by;
  double value = 0;  ///< the newest
  bool operator==(const Alert&) const = default;
};

/// "raised" and so on; used in JSON and in the database.
std::string_view name_of(AlertState state);

/// What a step of the rules changed: to be stored, shown and, when `tell`, sent.
struct AlertChange {
  Alert alert;
  bool tell = false;
  std::vector<std::string> channels;  ///< names; empty: all
  bool operator==(const AlertChange&) const = default;
};

}  // namespace ashlar::notify
