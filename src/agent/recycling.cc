#include "agent/recycling.h"

#include <algorithm>

#include "agent/clock.h"
#include "api/lists.h"

namespace ashlar::agent {

using api::Configuration;

Result<void> recycle(Configuration& configuration, const std::string& name, int64_t now, int64_t hours,
                     const std::string& mark) {
  const api::Volume* volume = api::find_named(configuration.volumes, name);
  if (volume == nullptr)
    return fail(ErrorCode::not_found, "volumes/" + name, "there is no volume '{}'", name);
  api::DeletedVolume entry;
  entry.name = fmt::format("{}.{}", name, mark);
  entry.volume = *volume;
  entry.deleted_at = rfc3339(now);
  entry.purge_at = rfc3339(now + hours * 3600);
  const auto take = [&name](auto& from, auto& to) {
    for (const auto& each : from) {
      if (each.volume == name) to.push_back(each);
    }
    std::erase_if(from, [&name](const auto& each) { return each.volume == name; });
  };
  take(configuration.snapshots, entry.snapshots);
  take(configuration.maps, entry.maps);
  for (api::Group& group : configuration.groups) {
    if (std::erase(group.volumes, name) > 0) entry.group = group.name;
  }
  std::erase_if(configuration.volumes, [&name](const api::Volume& each) { return each.name == name; });
  if (hours > 0) configuration.recycle_bin.push_back(std::move(entry));
  return {};
}

Result<void> recover(Configuration& configuration, const std::string& entry, const std::string& new_name) {
  const api::DeletedVolume* found = api::find_named(configuration.recycle_bin, entry);
  if (found == nullptr)
    return fail(ErrorCode::not_found, "recycle-bin/" + entry, "there is nothing of this name");
  api::DeletedVolume deleted = *found;
  const std::string name = new_name.empty() ? deleted.volume.name : new_name;
  if (api::find_named(configuration.volumes, name) != nullptr) {
    return fail(ErrorCode::already_exists, "name",
                "there is a volume '{}' again: recover it under another name", name);
  }
  deleted.volume.name = name;
  configuration.volumes.push_back(deleted.volume);
  for (api::Snapshot each : deleted.snapshots) {
    each.name = fmt::format("{}{}", name, each.name.substr(each.name.find('@')));
    each.volume = name;
    configuration.snapshots.push_back(std::move(each));
  }
  for (api::Map each : deleted.maps) {
    each.volume = name;
    if (!new_name.empty()) each.name.clear();
    if (each.name.empty()) each.name = api::default_map_name(each);
    Configuration trial = configuration;
    trial.maps.push_back(each);
    if (api::check_configuration(trial)) configuration.maps.push_back(std::move(each));
  }
  if (api::Group* group = api::find_named(configuration.groups, deleted.group))
    group->volumes.push_back(name);
  std::erase_if(configuration.recycle_bin,
                [&entry](const api::DeletedVolume& each) { return each.name == entry; });
  return {};
}

Result<std::string> find_recycled(const Configuration& configuration, const std::string& name) {
  if (api::find_named(configuration.recycle_bin, name) != nullptr) return name;
  const api::DeletedVolume* newest = nullptr;
  for (const api::DeletedVolume& each : configuration.recycle_bin) {
    if (each.volume.name == name && (newest == nullptr || each.deleted_at >= newest->deleted_at))
      newest = &each;
  }
  if (newest != nullptr) return newest->name;
  return fail(ErrorCode::not_found, "recycle-bin/" + name,
              "there is nothing of this name in the recycle bin");
}

std::vector<std::string> due(const Configuration& configuration, int64_t now) {
  std::vector<std::string> names;
  for (const api::DeletedVolume& each : configuration.recycle_bin) {
    const auto time = parse_rfc3339(each.purge_at);
    if (!time || *time <= now) names.push_back(each.name);
  }
  return names;
}

}  // namespace ashlar::agent
