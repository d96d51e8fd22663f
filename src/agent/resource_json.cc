#include "agent/resource_json.h"

#include <openssl/evp.h>

#include <array>

#include "api/lists.h"
#include "api/settings.h"
#include "base/check.h"
#include "base/identity.h"

namespace ashlar::agent {

using api::Configuration;
using api::Json;
using api::Kind;

Result<Json> find_resource(const Configuration& configuration, const Kind& kind, const std::string& name,
                           api::Secrets secrets) {
  std::optional<Json> found;
  std::vector<std::string_view> known;
  api::for_each_list(configuration, [&](std::string_view member, const auto& list) {
    if (member != kind.member) return;
    if (const auto* resource = api::find_named(list, name)) found = api::encode(*resource, secrets);
    if (list.size() <= 20) {
      for (const auto& each : list) known.push_back(each.name);
    }
  });
  // A setting that is not set has its default.
  if (const api::SettingInfo* info =
          kind.member == "settings" && !found ? api::find_setting(name) : nullptr) {
    TRY_ASSIGN(const Json value, api::parse_json(info->default_json));
    found = Json{{"name", name}, {"value", value}};
  }
  if (found) return *found;
  return fail(ErrorCode::not_found, fmt::format("{}/{}", kind.path, name), "there is no {} '{}'{}",
              kind.singular, name, known.empty() ? "" : api::advice(name, known));
}

std::vector<Json> list_resources(const Configuration& configuration, const Kind& kind) {
  std::vector<Json> all;
  if (kind.member == "settings") {
    for (const api::SettingInfo& each : api::setting_infos())
      all.push_back(*find_resource(configuration, kind, std::string(each.name), api::Secrets::redact));
    return all;
  }
  api::for_each_list(configuration, [&](std::string_view member, const auto& list) {
    if (member != kind.member) return;
    for (const auto& each : list) all.push_back(api::encode(each, api::Secrets::redact));
  });
  return all;
}

Result<void> put_resource(Configuration& configuration, const Kind& kind, const Json& body) {
  Result<void> outcome;
  api::for_each_list(configuration, [&](std::string_view member, auto& list) {
    if (member != kind.member) return;
    using Resource = typename std::remove_reference_t<decltype(list)>::value_type;
    Result<Resource> resource = api::decode<Resource>(body, "", api::Unknown::refuse);
    if (!resource) {
      outcome = std::unexpected(std::move(resource).error());
      return;
    }
    if (auto* there = api::find_named(list, resource->name)) {
      *there = std::move(*resource);
    } else {
      list.push_back(std::move(*resource));
    }
  });
  return outcome;
}

bool remove_resource(Configuration& configuration, const Kind& kind, const std::string& name) {
  size_t removed = 0;
  api::for_each_list(configuration, [&](std::string_view member, auto& list) {
    if (member == kind.member)
      removed = std::erase_if(list, [&name](const auto& each) { return each.name == name; });
  });
  return removed > 0;
}

Result<void> check_unused(const Configuration& configuration, const Kind& kind, const std::string& name) {
  std::vector<std::string> users;
  const auto note = [&users](bool uses, std::string_view what, const std::string& who) {
    if (uses) users.push_back(fmt::format("{} {}", what, who));
  };
  for (const api::Volume& each : configuration.volumes)
    note(kind.member == "pools" && each.pool == name, "volume", each.name);
  for (const api::DeletedVolume& each : configuration.recycle_bin)
    note(kind.member == "pools" && each.volume.pool == name, "deleted volume", each.name);
  for (const api::Map& each : configuration.maps) {
    const bool uses = (kind.member == "hosts" && each.host == name) ||
                      (kind.member == "host_groups" && each.host_group == name) ||
                      (kind.member == "targets" && each.target == name);
    note(uses, "map", each.name);
  }
  for (const api::HostGroup& each : configuration.host_groups)
    note(kind.member == "hosts" && std::ranges::find(each.hosts, name) != each.hosts.end(), "host group",
         each.name);
  for (const api::Target& each : configuration.targets)
    note(kind.member == "portals" && std::ranges::find(each.portals, name) != each.portals.end(), "target",
         each.name);
  for (const api::Token& each : configuration.tokens)
    note(kind.member == "users" && each.user == name, "token", each.name);
  for (const api::AlertRule& each : configuration.alert_rules)
    note(kind.member == "alert_channels" && std::ranges::find(each.channels, name) != each.channels.end(),
         "alert rule", each.name);
  if (users.empty()) return {};
  constexpr size_t most_named = 5;
  const size_t more = users.size() > most_named ? users.size() - most_named : 0;
  users.resize(std::min(users.size(), most_named));
  return fail(ErrorCode::busy, fmt::format("{}/{}", kind.path, name),
              "is used by {}{}: change or delete {} first", fmt::join(users, ", "),
              more > 0 ? fmt::format(" and {} more", more) : "", users.size() == 1 ? "it" : "them");
}

std::string sha256_hex(std::string_view bytes) {
  std::array<uint8_t, EVP_MAX_MD_SIZE> digest{};
  unsigned length = 0;
  CHECK(EVP_Digest(bytes.data(), bytes.size(), digest.data(), &length, EVP_sha256(), nullptr) == 1);
  return hex_of(ConstBytes(digest).first(length));
}

std::string etag_of(const Json& resource) {
  constexpr size_t digits = 32;
  return fmt::format("\"{}\"", sha256_hex(api::print_json(resource)).substr(0, digits));
}

Result<void> check_match(const std::string& if_match, const Json& resource, const std::string& place) {
  if (if_match == "*" || if_match.find(etag_of(resource)) != std::string::npos) return {};
  return fail(ErrorCode::stale, place,
              "has changed since it was read: read it again, and make the change on what it is now");
}

void merge_patch(Json& target, const Json& patch) {
  if (!patch.is_object()) {
    target = patch;
    return;
  }
  if (!target.is_object()) target = Json::object();
  for (const auto& [name, value] : patch.items()) {
    if (value.is_null()) {
      target.erase(name);
    } else {
      merge_patch(target[name], value);
    }
  }
}

}  // namespace ashlar::agent
