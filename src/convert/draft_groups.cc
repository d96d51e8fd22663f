// How well volumes are reached by which portal, while it is taken over: access groups (docs/access-groups.md).
#include <algorithm>

#include "convert/draft.h"

namespace ashlar::convert {
namespace {

constexpr size_t max_ways = 65536;

/// What is said of one volume.
struct Reached {
  std::string group;
  bool explicit_changes = false;
  std::map<uint16_t, api::GroupAccess> access;  ///< by group tag

  // A volume without a group is reached so as well.
  bool says_nothing() const {
    return group.empty() && std::ranges::all_of(access, [](const auto& each) {
             return each.second.state == "optimized" && !each.second.preferred;
           });
  }
  // Volumes that are alike in it share a group.
  std::string key() const {
    std::string key = fmt::format("{} {}", group, explicit_changes);
    for (const auto& [tag, each] : access) key += fmt::format(" {} {} {}", tag, each.state, each.preferred);
    return key;
  }
};

}  // namespace

void Draft::add_way(Way way) {
  if (ways_.size() < max_ways) return ways_.push_back(std::move(way));
  leave_out(way.where, fmt::format("the access state of {} by {}", way.volume, way.portal),
            "there are too many of them");
}

void Draft::set_group_tag(const std::string& portal, uint64_t tag) {
  const auto found = std::ranges::find(portals_, portal, &api::Portal::name);
  if (found == portals_.end() || tag == 0 || tag > UINT16_MAX || !tagged_.insert(portal).second) return;
  found->group_tag = static_cast<uint16_t>(tag);
}

std::vector<api::Group> Draft::groups_of_ways() {
  std::map<std::string, Reached> volumes;
  for (const Way& way : ways_) {
    if (dropped_volumes_.contains(way.volume)) continue;
    const auto portal = std::ranges::find(portals_, way.portal, &api::Portal::name);
    if (portal == portals_.end()) continue;
    Reached& reached = volumes[way.volume];
    if (reached.group.empty()) reached.group = way.group;
    reached.explicit_changes = reached.explicit_changes || way.explicit_changes;
    const api::GroupAccess access{portal->group_tag, way.state, way.preferred};
    const auto [known, fresh] = reached.access.emplace(access.group_tag, access);
    if (fresh || known->second == access) continue;
    leave_out(way.where,
              fmt::format("access state {} of {} by portal {} port {}", way.state, way.volume,
                          portal->address, portal->port),
              fmt::format("portals make target port groups here, and by tag {} the volume is {} already",
                          access.group_tag, known->second.state));
  }
  std::vector<api::Group> groups;
  std::map<std::string, size_t> known;
  for (const auto& [volume, reached] : volumes) {
    if (reached.says_nothing()) continue;
    const auto [at, fresh] = known.emplace(reached.key(), groups.size());
    if (fresh) {
      const std::string unnamed = fmt::format("import-group-{}", groups.size() + 1);
      api::Group group{.name = group_names_.take(reached.group.empty() ? unnamed : reached.group, "group"),
                       .explicit_changes = reached.explicit_changes};
      for (const auto& [tag, access] : reached.access) group.access.push_back(access);
      groups.push_back(std::move(group));
    }
    groups[at->second].volumes.push_back(volume);
  }
  return groups;
}

}  // namespace ashlar::convert
