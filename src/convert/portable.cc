// What an export shows of a configuration.
#include <algorithm>

#include "api/lists.h"
#include "convert/formats.h"

namespace ashlar::convert {
namespace {

using api::Json;

// A visitor like FieldWriter that only learns which fields may not be left out.
struct RequiredFields {
  std::vector<std::string_view> names;
  template <typename T>
  void field(const char* name, const T& /*value*/, api::Need need = api::Need::optional) {
    if (need == api::Need::required) names.emplace_back(name);
  }
  void secret(const char* /*name*/, const std::string& /*value*/) {}
  void size(const char* name, uint64_t /*value*/, api::Need need = api::Need::optional) {
    field(name, 0, need);
  }
};

// `value` without the members that are as in `fallback`.
Json differing(const Json& value, const Json& fallback, const std::vector<std::string_view>& keep) {
  Json result = Json::object();
  for (const auto& [name, member] : value.items()) {
    const auto other = fallback.find(name);
    const bool same = other != fallback.end() && *other == member;
    if (same && std::ranges::find(keep, name) == keep.end()) continue;
    const bool nested = other != fallback.end() && other->is_object() && member.is_object();
    result[name] = nested ? differing(member, *other, {}) : member;
  }
  return result;
}

template <typename T>
Json shown(const T& resource) {
  RequiredFields required;
  visit_fields(required, resource);
  required.names.emplace_back("name");
  Json json = differing(api::encode(resource), api::encode(T{}), required.names);
  if constexpr (std::same_as<T, api::Host> || std::same_as<T, api::Pool>) {
    if (resource.chap) json["chap"] = shown(*resource.chap);
    if (resource.dhchap) json["dhchap"] = shown(*resource.dhchap);
  }
  if constexpr (std::same_as<T, api::Portal>) {
    if (resource.discovery_chap) json["discovery_chap"] = shown(*resource.discovery_chap);
  }
  return json;
}

void forget_what_is_told(api::Configuration& all) {
  for (api::Volume& volume : all.volumes) {
    volume.origin.clear();
    volume.backing.clear();
    volume.key_id.clear();
    volume.created_at.clear();
  }
  for (api::Snapshot& snapshot : all.snapshots) {
    snapshot.size_bytes = 0;
    snapshot.backing.clear();
    snapshot.created_at.clear();
  }
}

}  // namespace

Result<Json> portable_json(const Json& configuration) {
  TRY_ASSIGN(api::Configuration all, api::read_configuration(configuration));
  forget_what_is_told(all);
  api::make_canonical(all);
  Json json = Json::object();
  api::for_each_list(all, [&json](const char* member, const auto& list) {
    if (list.empty() || !api::find_kind(member)->portable) return;
    Json& items = json[member] = Json::array();
    for (const auto& resource : list) items.push_back(shown(resource));
  });
  return json;
}

}  // namespace ashlar::convert
