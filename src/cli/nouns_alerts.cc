// Alerts, and where they are sent.
#include "cli/alert_commands.h"
#include "cli/nouns.h"

namespace ashlar::cli {
namespace {

constexpr Column alert_columns[] = {
    {"ID", "/id"},           {"SEVERITY", "/severity"},
    {"STATE", "/state"},     {"SINCE", "/raised_at", Shown::time},
    {"RULE", "/rule"},       {"SUBJECT", "/subject"},
    {"MESSAGE", "/message"}, {"ACKNOWLEDGED BY", "/acknowledged_by", Shown::plain, false, true},
};
constexpr Verb alert_verbs[] = {
    {"list", "What is wrong", list_resources},
    {"ack", "Say that somebody is at it", acknowledge_alert, id_argument, "acknowledge"},
};

constexpr Column channel_columns[] = {
    {"NAME", "/name"},
    {"KIND", "/kind"},
    {"FROM", "/lowest_severity"},
    {"ENABLED", "/enabled", Shown::yes_no},
    {"OPTIONS", "/options", Shown::plain, false, true},
    {"DESCRIPTION", "/comment", Shown::plain, false, true},
};
constexpr std::string_view severities = "info|warning|critical";
constexpr Argument channel_fields[] = {
    {.name = "NAME", .help = "Its name", .pointer = "/name", .required = true},
    {.name = "--kind",
     .help = "email, webhook, syslog or snmp",
     .pointer = "/kind",
     .completes = "email|webhook|syslog|snmp",
     .required = true,
     .when = When::create},
    {.name = "--option", .help = "NAME=VALUE, by kind", .type = Type::pairs, .pointer = "/options"},
    {.name = "--secret",
     .help = "Password, signing key or authentication key; - asks, @FILE reads",
     .type = Type::secret,
     .pointer = "/secret"},
    {.name = "--second-secret",
     .help = "snmp: the privacy key; - asks, @FILE reads",
     .type = Type::secret,
     .pointer = "/second_secret"},
    {.name = "--lowest-severity",
     .help = "What is worth a message",
     .pointer = "/lowest_severity",
     .completes = severities},
    {.name = "--enabled",
     .help = "Is used",
     .type = Type::flag,
     .pointer = "/enabled",
     .negative = "--disabled"},
    description_argument,
};
constexpr Verb channel_verbs[] = {
    list_verb, show_verb,   create_verb,
    set_verb,  delete_verb, {"test", "Send a message now", test_channel, name_argument},
};

constexpr Column rule_columns[] = {
    {"NAME", "/name"},
    {"METRIC", "/metric"},
    {"IS", "/comparison"},
    {"THRESHOLD", "/threshold", Shown::plain, true},
    {"FOR", "/for_seconds", Shown::duration, true},
    {"SEVERITY", "/severity"},
    {"ENABLED", "/enabled", Shown::yes_no},
    {"CHANNELS", "/channels", Shown::list, false, true},
    {"MESSAGE", "/message", Shown::plain, false, true},
    {"DESCRIPTION", "/comment", Shown::plain, false, true},
};
constexpr Argument rule_fields[] = {
    {.name = "NAME", .help = "Its name", .pointer = "/name", .required = true},
    {.name = "--metric", .help = "What is watched", .pointer = "/metric", .required = true},
    {.name = "--comparison",
     .help = "above, below, equal or not_equal",
     .pointer = "/comparison",
     .completes = "above|below|equal|not_equal"},
    {.name = "--threshold",
     .help = "What it is compared with",
     .type = Type::decimal,
     .pointer = "/threshold"},
    {.name = "--for-seconds",
     .help = "How long it must hold",
     .type = Type::number,
     .pointer = "/for_seconds"},
    {.name = "--severity", .help = "How bad it is", .pointer = "/severity", .completes = severities},
    {.name = "--message", .help = "{name}, {value} and {threshold} are filled in", .pointer = "/message"},
    {.name = "--channel",
     .help = "Where to; all when left out",
     .type = Type::list,
     .pointer = "/channels",
     .completes = "alert-channel"},
    {.name = "--enabled",
     .help = "Is watched",
     .type = Type::flag,
     .pointer = "/enabled",
     .negative = "--disabled"},
    description_argument,
};
constexpr Verb rule_verbs[] = {list_verb, show_verb, create_verb, set_verb, delete_verb};

constexpr Noun nouns[] = {
    {.name = "alert",
     .collection = "/alerts",
     .singular = "alert",
     .group = "Alerts",
     .help = "What is wrong now",
     .columns = alert_columns,
     .verbs = alert_verbs,
     .key = "/id"},
    {.name = "alert-channel",
     .collection = "/alert-channels",
     .singular = "alert channel",
     .group = "Alerts",
     .help = "Where alerts are sent",
     .columns = channel_columns,
     .fields = channel_fields,
     .verbs = channel_verbs},
    {.name = "alert-rule",
     .collection = "/alert-rules",
     .singular = "alert rule",
     .group = "Alerts",
     .help = "When an alert is raised",
     .columns = rule_columns,
     .fields = rule_fields,
     .verbs = rule_verbs},
};

}  // namespace

std::span<const Noun> alert_nouns() { return nouns; }

}  // namespace ashlar::cli
