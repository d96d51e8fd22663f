// Every list of a configuration, by name and in canonical order: for code that treats all kinds alike.
#pragma once

#include <string_view>
#include <vector>

#include "api/configuration.h"
#include "api/resource_fields.h"
#include "base/name_index.h"

namespace ashlar::api {

/// Calls `visit(member name, list)` for each kind; `configuration` may be const.
template <typename C, typename Visit>
void for_each_list(C& configuration, Visit visit) {
  visit("settings", configuration.settings);
  visit("pools", configuration.pools);
  visit("volumes", configuration.volumes);
  visit("snapshots", configuration.snapshots);
  visit("hosts", configuration.hosts);
  visit("host_groups", configuration.host_groups);
  visit("portals", configuration.portals);
  visit("targets", configuration.targets);
  visit("maps", configuration.maps);
  visit("groups", configuration.groups);
  visit("isns_servers", configuration.isns_servers);
  visit("users", configuration.users);
  visit("tokens", configuration.tokens);
  visit("alert_channels", configuration.alert_channels);
  visit("alert_rules", configuration.alert_rules);
  visit("recycle_bin", configuration.recycle_bin);
}

/// The resource of that name in a list, or null. For many questions of one list: NameIndex.
template <typename List>
auto find_named(List& list, std::string_view name) -> decltype(&list[0]) {
  for (auto& resource : list) {
    if (resource.name == name) return &resource;
  }
  return nullptr;
}

}  // namespace ashlar::api
