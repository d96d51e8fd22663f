#include "api/settings.h"

#include <algorithm>

#include "api/lists.h"
#include "base/check.h"
#include "base/management_url.h"

namespace ashlar::api {
namespace {

using enum SettingType;

constexpr std::string_view management_urls = "array.management_urls";

constexpr SettingInfo infos[] = {
    {"alerts.interval_seconds", number, "5", 1, 300, "How often the rules of alerts are looked at"},
    {"api.login_minutes", number, "30", 1, 1440, "A login that is not used for so long ends"},
    {"api.login_longest_hours", number, "12", 1, 720, "A login ends after so long, used or not"},
    {"api.requests_per_second", number, "200", 1, 100000, "Of one user or address; more are answered 429"},
    {management_urls, list, "[]", 0, max_management_urls,
     "Where this array is managed: what hosts find in VPD page 85h"},
    {"array.name", text, "\"ashlar\"", 0, 64, "What this array is called in alerts, mails and metrics"},
    {"history.enabled", boolean, "true", 0, 0, "Keep the history of metrics for charts"},
    {"iscsi.name_prefix", text, "\"iqn.2026-11.io.ashlar\"", 0, 128,
     "Begins the names of targets that are made without one"},
    {"ldap.base", text, "\"\"", 0, 512, "Where groups are searched; empty: the user's memberOf is asked"},
    {"ldap.ca_file", text, "\"\"", 0, 512,
     "PEM of the CA that the server's certificate must be of; empty: the system's"},
    {"ldap.group_roles", list, "[]", 0, 64, "\"ROLE=GROUP-DN\" each: members of the group get the role"},
    {"ldap.start_tls", boolean, "false", 0, 0, "Ask an ldap:// server for TLS before the password is sent"},
    {"ldap.url", text, "\"\"", 0, 512, "ldaps://server or ldap://server; empty: nobody is asked"},
    {"ldap.user_template", text, "\"\"", 0, 512, "The DN to bind as: \"uid={},ou=people,dc=example,dc=org\""},
    {"nvme.mdns", boolean, "false", 0, 0,
     "Tell the link where NVMe/TCP is discovered, by Avahi (avahi-utils)"},
    {"recycle_bin.hours", number, "24", 0, 8760, "How long deleted volumes can be had back; 0: not at all"},
    {"volumes.overcommit_percent", number, "0", 0, 100000,
     "Most that thin volumes of a pool may promise, of its size; 0: no limit"},
};

Json value_of(const Configuration& configuration, std::string_view name, SettingType type) {
  const SettingInfo* info = find_setting(name);
  CHECK(info != nullptr && info->type == type, "setting {}", name);
  const Setting* set = find_named(configuration.settings, name);
  if (set != nullptr) return set->value;
  Result<Json> value = parse_json(info->default_json);
  CHECK(value.has_value(), "default of {}", name);
  return *value;
}

Result<void> check_number(const Setting& setting, const SettingInfo& info, const std::string& place) {
  if (!setting.value.is_number_integer())
    return std::unexpected(wrong_type(setting.value, place, "a whole number"));
  const int64_t value = setting.value.get<int64_t>();
  if (value < info.lowest || value > info.highest)
    return fail(ErrorCode::out_of_range, place, "{} is not within {} to {}", value, info.lowest,
                info.highest);
  return {};
}

Result<void> check_text(const Json& value, const SettingInfo& info, const std::string& place) {
  if (!value.is_string()) return std::unexpected(wrong_type(value, place, "a string"));
  const auto& words = value.get_ref<const std::string&>();
  if (words.size() > static_cast<size_t>(info.highest))
    return fail(ErrorCode::out_of_range, place, "at most {} characters, not {}", info.highest, words.size());
  if (std::ranges::any_of(words, [](unsigned char c) { return c < 0x20 || c == 0x7f; }))
    return fail(ErrorCode::invalid_argument, place, "must have no control characters");
  return {};
}

Result<void> check_list(const Setting& setting, const SettingInfo& info, const std::string& place) {
  if (!setting.value.is_array())
    return std::unexpected(wrong_type(setting.value, place, "a list of strings"));
  if (setting.value.size() > static_cast<size_t>(info.highest))
    return fail(ErrorCode::out_of_range, place, "at most {} entries", info.highest);
  SettingInfo each = info;
  each.highest = 1024;
  for (size_t i = 0; i < setting.value.size(); ++i)
    TRY(check_text(setting.value[i], each, fmt::format("{}[{}]", place, i)));
  return {};
}

Result<void> check_urls(const Setting& setting, const std::string& place) {
  if (setting.name != management_urls) return {};
  for (size_t i = 0; i < setting.value.size(); ++i) {
    if (!is_management_url(setting.value[i].get_ref<const std::string&>()))
      return fail(ErrorCode::invalid_argument, fmt::format("{}[{}]", place, i),
                  "is no URL of at most {} characters, such as https://san.example.org:8443/",
                  max_management_url_bytes);
  }
  return {};
}

}  // namespace

std::span<const SettingInfo> setting_infos() { return infos; }

const SettingInfo* find_setting(std::string_view name) {
  const auto found = std::ranges::find(infos, name, &SettingInfo::name);
  return found == std::end(infos) ? nullptr : found;
}

std::string setting_text(const Configuration& configuration, std::string_view name) {
  return value_of(configuration, name, text).get<std::string>();
}
int64_t setting_number(const Configuration& configuration, std::string_view name) {
  return value_of(configuration, name, number).get<int64_t>();
}
bool setting_boolean(const Configuration& configuration, std::string_view name) {
  return value_of(configuration, name, boolean).get<bool>();
}
std::vector<std::string> setting_list(const Configuration& configuration, std::string_view name) {
  return value_of(configuration, name, list).get<std::vector<std::string>>();
}

Result<void> check_setting(const Setting& setting) {
  const SettingInfo* info = find_setting(setting.name);
  if (info == nullptr) {
    std::vector<std::string_view> known;
    for (const SettingInfo& each : infos) known.push_back(each.name);
    return fail(ErrorCode::not_found, fmt::format("settings/{}", setting.name), "there is no such setting{}",
                advice(setting.name, known));
  }
  const std::string place = fmt::format("settings/{}/value", setting.name);
  switch (info->type) {
    case number: return check_number(setting, *info, place);
    case text: return check_text(setting.value, *info, place);
    case list: TRY(check_list(setting, *info, place)); return check_urls(setting, place);
    case boolean:
      if (!setting.value.is_boolean())
        return std::unexpected(wrong_type(setting.value, place, "true or false"));
      return {};
  }
  return {};
}

}  // namespace ashlar::api
