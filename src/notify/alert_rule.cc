#include "notify/alert_rule.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "json/fields.h"
#include "notify/clean_text.h"
#include "notify/metric.h"

namespace ashlar::notify {
namespace {

constexpr std::array<std::string_view, 4> placeholders = {"name", "subject", "value", "threshold"};

template <typename List>
Result<void> check_word(std::string_view field, const std::string& word, const List& known) {
  if (std::ranges::find(known, word) != std::ranges::end(known)) return {};
  return fail(ErrorCode::invalid_argument, std::string(field), "\"{}\" is not known{}", clean_line(word, 64),
              json::advice(word, std::vector<std::string_view>(known.begin(), known.end())));
}

Result<void> check_metric(const std::string& metric) {
  std::vector<std::string_view> names;
  for (const MetricInfo& info : known_metrics()) names.push_back(info.name);
  return check_word("metric", metric, names);
}

Result<void> check_message(const std::string& message) {
  if (message.size() > most_rule_message_bytes) {
    return fail(ErrorCode::out_of_range, "message", "{} bytes; at most {}", message.size(),
                most_rule_message_bytes);
  }
  if (has_control_characters(message)) {
    return fail(ErrorCode::invalid_argument, "message",
                "one line of UTF-8, please: no line ends, no control characters");
  }
  for (size_t at = message.find('{'); at != std::string::npos; at = message.find('{', at + 1)) {
    const size_t end = message.find('}', at);
    if (end == std::string::npos)
      return fail(ErrorCode::invalid_argument, "message", "a {{ at byte {} has no }} after it", at);
    TRY(check_word("message", message.substr(at + 1, end - at - 1), placeholders));
  }
  return {};
}

// How far back over the threshold a value must go before the alert clears.
double band_of(const api::AlertRule& rule, const MetricInfo* info) {
  const double band = std::abs(rule.threshold) * 0.05;
  if (info == nullptr || info->type == MetricType::measure) return band;
  return info->type == MetricType::count ? std::floor(band) : 0;
}

api::AlertRule make_rule(std::string name, std::string metric, std::string comparison, double threshold,
                         uint32_t for_seconds, std::string severity, std::string message) {
  return {.name = std::move(name),
          .metric = std::move(metric),
          .comparison = std::move(comparison),
          .threshold = threshold,
          .for_seconds = for_seconds,
          .severity = std::move(severity),
          .message = std::move(message)};
}

}  // namespace

Result<void> check_rule(const api::AlertRule& rule) {
  constexpr std::array<std::string_view, 4> comparisons = {"above", "below", "equal", "not_equal"};
  constexpr std::array<std::string_view, 3> severities = {"info", "warning", "critical"};
  TRY(check_metric(rule.metric));
  TRY(check_word("comparison", rule.comparison, comparisons));
  TRY(check_word("severity", rule.severity, severities));
  if (!std::isfinite(rule.threshold))
    return fail(ErrorCode::invalid_argument, "threshold", "must be a finite number");
  if (rule.for_seconds > most_rule_seconds) {
    return fail(ErrorCode::out_of_range, "for_seconds", "{} is more than {} (a day)", rule.for_seconds,
                most_rule_seconds);
  }
  return check_message(rule.message);
}

std::vector<api::AlertRule> default_rules() {
  return {
      make_rule("audit-broken", "audit_intact", "equal", 0, 0, "critical",
                "the audit was tampered with: a row does not fit its chain"),
      make_rule("certificate-ends", "certificate_days_left", "below", 21, 0, "warning",
                "certificate {name} ends in {value} days"),
      make_rule("configuration-damaged", "config_damaged", "equal", 1, 0, "critical",
                "the newest configuration could not be read; an older generation serves"),
      make_rule("engine-away", "engine_up", "equal", 0, 5, "critical",
                "the engine does not answer: hosts may have lost their disks"),
      make_rule("helper-away", "helper_up", "equal", 0, 10, "critical",
                "the storage helper does not answer: storage cannot be changed"),
      make_rule("isns-away", "isns_registered", "equal", 0, 300, "warning",
                "iSNS server {name} does not have the targets: new hosts will not find them by it"),
      make_rule("pool-almost-full", "pool_above_critical", "equal", 1, 0, "critical",
                "pool {name} is fuller than its critical_percent: writes will soon fail"),
      make_rule("pool-filling", "pool_above_warning", "equal", 1, 0, "warning",
                "pool {name} is fuller than its warn_percent"),
      make_rule("pool-offline", "pool_online", "equal", 0, 0, "critical", "pool {name} is not online"),
      make_rule("volume-errors", "volume_error_rate", "above", 1, 60, "warning",
                "volume {name} fails {value} commands a second"),
      make_rule("volume-failed", "volume_online", "equal", 0, 0, "critical", "volume {name} has failed"),
      make_rule(
          "volume-reservations-lost", "volume_reservations_lost", "equal", 1, 0, "critical",
          "the reservations of volume {name} cannot be read: its hosts are kept out until they are replaced or cleared"),
  };
}

bool breaches(const api::AlertRule& rule, double value) {
  if (rule.comparison == "above") return value > rule.threshold;
  if (rule.comparison == "below") return value < rule.threshold;
  if (rule.comparison == "equal") return value == rule.threshold;
  return rule.comparison == "not_equal" && value != rule.threshold;
}

bool still_breaches(const api::AlertRule& rule, double value) {
  if (breaches(rule, value)) return true;
  const MetricInfo* info = find_metric(rule.metric);
  const double band = band_of(rule, info);
  if (rule.comparison == "above") {
    const double level = rule.threshold - band;
    return value > (info == nullptr ? level : std::max(level, info->lowest));
  }
  if (rule.comparison == "below") {
    const double level = rule.threshold + band;
    return value < (info == nullptr ? level : std::min(level, info->highest));
  }
  return false;
}

std::string rule_message(const api::AlertRule& rule, std::string_view subject, double value) {
  const std::string fallback = fmt::format("{}: {} is {{value}} on {{subject}} ({} {{threshold}})", rule.name,
                                           rule.metric, rule.comparison);
  const std::string& pattern = rule.message.empty() ? fallback : rule.message;
  const std::string_view name = subject.substr(subject.find('/') + 1);
  std::string text;
  for (size_t at = 0; at < pattern.size() && text.size() <= most_rule_message_bytes;) {
    const size_t end = pattern[at] == '{' ? pattern.find('}', at) : std::string::npos;
    const std::string_view word =
        end == std::string::npos ? "" : std::string_view(pattern).substr(at + 1, end - at - 1);
    if (word == "name") text += name;
    if (word == "subject") text += subject;
    if (word == "value") text += number_text(value);
    if (word == "threshold") text += number_text(rule.threshold);
    const bool filled = std::ranges::find(placeholders, word) != placeholders.end();
    if (!filled) text += pattern[at];
    at = filled ? end + 1 : at + 1;
  }
  return clean_line(text, most_rule_message_bytes);
}

int severity_rank(std::string_view severity) {
  return severity == "info" ? 0 : severity == "warning" ? 1 : 2;
}

}  // namespace ashlar::notify
