#include "notify/channel.h"

#include <algorithm>
#include <array>

#include "json/fields.h"
#include "notify/alert_rule.h"
#include "notify/clean_text.h"
#include "notify/email.h"
#include "notify/snmp.h"
#include "notify/syslog.h"
#include "notify/webhook.h"

namespace ashlar::notify {
namespace {

constexpr size_t most_secret_bytes = 255;

struct Kind {
  std::string_view name;
  Result<void> (*check)(const api::AlertChannel&);
  Result<void> (*check_secrets)(const api::AlertChannel&);
  std::unique_ptr<Channel> (*make)(const api::AlertChannel&);
};

Result<void> check_email(const api::AlertChannel& channel) {
  TRY(read_email_options(channel));
  return {};
}
Result<void> check_email_secrets(const api::AlertChannel& channel) {
  const bool user = channel.options.contains("user");
  if (user == channel.secret.empty()) {
    return user ? fail(ErrorCode::invalid_argument, "secret", "options.user needs its password here")
                : fail(ErrorCode::invalid_argument, "secret", "a password needs its user in options.user");
  }
  return {};
}
std::unique_ptr<Channel> make_email_channel(const api::AlertChannel& channel) {
  return make_email(*read_email_options(channel), channel.secret);
}

Result<void> check_webhook(const api::AlertChannel& channel) {
  TRY(read_webhook_options(channel));
  return {};
}
Result<void> check_webhook_secrets(const api::AlertChannel& /*channel*/) { return {}; }
std::unique_ptr<Channel> make_webhook_channel(const api::AlertChannel& channel) {
  return make_webhook(*read_webhook_options(channel), channel.secret);
}

Result<void> check_syslog(const api::AlertChannel& channel) {
  TRY(read_syslog_options(channel));
  return {};
}
Result<void> check_syslog_secrets(const api::AlertChannel& channel) {
  if (channel.secret.empty()) return {};
  return fail(ErrorCode::invalid_argument, "secret", "a syslog channel has none: leave it out");
}
std::unique_ptr<Channel> make_syslog_channel(const api::AlertChannel& channel) {
  return make_syslog(*read_syslog_options(channel));
}

Result<void> check_snmp(const api::AlertChannel& channel) {
  TRY(read_snmp_options(channel));
  return {};
}
// RFC 3414, 11.2: keys of fewer than eight characters are too weak; the library refuses them too.
Result<void> check_snmp_secrets(const api::AlertChannel& channel) {
  if (channel.secret.size() < 8)
    return fail(ErrorCode::invalid_argument, "secret", "the authentication key must have at least 8 bytes");
  if (channel.second_secret.size() < 8)
    return fail(ErrorCode::invalid_argument, "second_secret", "the privacy key must have at least 8 bytes");
  return {};
}
std::unique_ptr<Channel> make_snmp_channel(const api::AlertChannel& channel) {
  return make_snmp(*read_snmp_options(channel), channel.secret, channel.second_secret);
}

constexpr std::array kinds = {
    Kind{"email", check_email, check_email_secrets, make_email_channel},
    Kind{"webhook", check_webhook, check_webhook_secrets, make_webhook_channel},
    Kind{"syslog", check_syslog, check_syslog_secrets, make_syslog_channel},
    Kind{"snmp", check_snmp, check_snmp_secrets, make_snmp_channel},
};

Result<const Kind*> find_kind(const api::AlertChannel& channel) {
  const auto* found = std::ranges::find(kinds, channel.kind, &Kind::name);
  if (found != kinds.end()) return found;
  std::vector<std::string_view> names;
  for (const Kind& kind : kinds) names.push_back(kind.name);
  return fail(ErrorCode::invalid_argument, "kind", "\"{}\" is not known{}", clean_line(channel.kind, 64),
              json::advice(channel.kind, names));
}

Result<void> check_secret(std::string_view field, const std::string& secret) {
  if (secret.size() > most_secret_bytes) {
    return fail(ErrorCode::out_of_range, std::string(field), "{} bytes; at most {}", secret.size(),
                most_secret_bytes);
  }
  if (has_control_characters(secret)) {
    return fail(ErrorCode::invalid_argument, std::string(field),
                "must be UTF-8 without line ends and control characters");
  }
  return {};
}

}  // namespace

Result<void> check_channel(const api::AlertChannel& channel) {
  TRY_ASSIGN(const Kind* kind, find_kind(channel));
  constexpr std::array<std::string_view, 3> severities = {"info", "warning", "critical"};
  if (std::ranges::find(severities, channel.lowest_severity) == severities.end()) {
    return fail(ErrorCode::invalid_argument, "lowest_severity", "\"{}\" is not known{}",
                clean_line(channel.lowest_severity, 64),
                json::advice(channel.lowest_severity, {severities.begin(), severities.end()}));
  }
  return kind->check(channel);
}

Result<void> check_channel_secrets(const api::AlertChannel& channel) {
  TRY_ASSIGN(const Kind* kind, find_kind(channel));
  TRY(check_secret("secret", channel.secret));
  TRY(check_secret("second_secret", channel.second_secret));
  if (kind->name != "snmp" && !channel.second_secret.empty()) {
    return fail(ErrorCode::invalid_argument, "second_secret", "only snmp channels have one: leave it out");
  }
  return kind->check_secrets(channel);
}

Result<std::unique_ptr<Channel>> make_channel(const api::AlertChannel& channel) {
  TRY(check_channel(channel));
  TRY(check_channel_secrets(channel));
  TRY_ASSIGN(const Kind* kind, find_kind(channel));
  return kind->make(channel);
}

bool takes(const api::AlertChannel& channel, const Notice& notice) {
  if (notice.state == "test") return true;
  return channel.enabled && severity_rank(notice.severity) >= severity_rank(channel.lowest_severity);
}

}  // namespace ashlar::notify
