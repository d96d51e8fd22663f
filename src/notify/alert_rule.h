// The rules that raise alerts: which are well formed, which an array begins with, and when one holds.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "api/resources.h"
#include "base/result.h"

namespace ashlar::notify {

constexpr size_t most_rule_message_bytes = 512;
constexpr uint32_t most_rule_seconds = 86'400;

/// Metric, comparison, severity, threshold, duration and message. Errors name the field ("metric"). Names, and whether the
/// channels exist, are the configuration's to check.
Result<void> check_rule(const api::AlertRule& rule);

/// The rules that every array begins with (pool fill, volume failed, engine away, certificate ends ...).
std::vector<api::AlertRule> default_rules();

/// True when `value` breaks the rule.
bool breaches(const api::AlertRule& rule, double value);
/// True when an alert that was raised may stay: as breaches(), but for 5 % of the threshold on the good side of it. Less where a
/// metric moves in whole steps (5 % rounded down) or cannot go so far.
bool still_breaches(const api::AlertRule& rule, double value);

/// The rule's message with {name} {subject} {value} {threshold} filled in; what is no placeholder stays. At most 512 bytes.
std::string rule_message(const api::AlertRule& rule, std::string_view subject, double value);

/// "info" 0, "warning" 1, "critical" 2; anything else counts as critical, so that it is not lost.
int severity_rank(std::string_view severity);

}  // namespace ashlar::notify
