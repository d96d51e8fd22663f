#include "notify/webhook_payload.h"

#include "json/json.h"
#include "notify/clean_text.h"
#include "notify/digest.h"

namespace ashlar::notify {
namespace {

constexpr std::string_view no_time = "0001-01-01T00:00:00Z";  // what Alertmanager writes while an alert lasts

json::Json alertmanager(const WebhookOptions& options, const Notice& notice) {
  const bool resolved = notice.state == "cleared";
  const std::string status = resolved ? "resolved" : "firing";
  json::Json group = {{"alertname", notice.rule}, {"array", notice.array}, {"subject", notice.subject}};
  json::Json labels = group;
  labels["severity"] = notice.severity;
  if (notice.state == "test") labels["test"] = "true";
  const json::Json annotations = {{"summary", notice.message}, {"value", number_text(notice.value)}};
  const std::string started = notice.raised_time.empty() ? notice.time : notice.raised_time;
  const json::Json alert = {
      {"status", status},
      {"labels", labels},
      {"annotations", annotations},
      {"startsAt", started},
      {"endsAt", resolved ? notice.time : std::string(no_time)},
      {"generatorURL", options.external_url},
      {"fingerprint", sha256_hex(notice.id).substr(0, 16)},
  };
  return {{"version", "4"},
          {"groupKey", fmt::format("{{}}:{}", json::print_json(group))},
          {"truncatedAlerts", 0},
          {"status", status},
          {"receiver", options.channel},
          {"groupLabels", group},
          {"commonLabels", labels},
          {"commonAnnotations", annotations},
          {"externalURL", options.external_url},
          {"alerts", json::Json::array({alert})}};
}

json::Json plain(const Notice& notice) {
  return {{"id", notice.id},           {"array", notice.array},
          {"state", notice.state},     {"severity", notice.severity},
          {"rule", notice.rule},       {"subject", notice.subject},
          {"message", notice.message}, {"value", notice.value},
          {"time", notice.time},       {"raised_time", notice.raised_time}};
}

}  // namespace

std::string webhook_payload(const WebhookOptions& options, const Notice& notice) {
  return json::print_json(options.format == "plain" ? plain(notice) : alertmanager(options, notice));
}

}  // namespace ashlar::notify
