#include "agent/resource_status.h"

#include "agent/clock.h"
#include "agent/isns_clients.h"
#include "agent/mdns_announcer.h"
#include "api/lists.h"
#include "api/settings.h"
#include "rpc/status_fields.h"

namespace ashlar::agent {
namespace {

using api::Json;

template <typename T>
std::map<std::string, T> by_name(const std::vector<T>& all) {
  std::map<std::string, T> named;
  for (const T& each : all) named.emplace(each.name, each);
  return named;
}

}  // namespace

void ResourceStatus::load() {
  if (loaded_) return;
  loaded_ = true;
  view_ = service_.array.view();
  failures_ = service_.array.failures();
  const auto status = service_.engine.status_of(wanted_);
  engine_up_ = status.has_value();
  if (!status) return;
  volumes_ = by_name(status->volumes);
  hosts_ = by_name(status->hosts);
  portals_ = by_name(status->portals);
  targets_ = by_name(status->targets);
  groups_ = by_name(status->groups);
}

const std::map<std::string, storage::FoundBacking>& ResourceStatus::backings_of(const std::string& pool) {
  const auto known = backings_.find(pool);
  if (known != backings_.end()) return known->second;
  auto& found = backings_[pool];
  const auto driver = service_.array.pool(pool);
  if (!driver) return found;
  if (const auto list = (*driver)->list()) {
    for (const storage::FoundBacking& each : *list) found.emplace(each.backing, each);
  }
  return found;
}

std::optional<uint64_t> ResourceStatus::allocated_bytes(const std::string& pool, const std::string& backing) {
  if (!single_) {
    const auto& all = backings_of(pool);
    const auto found = all.find(backing);
    return found == all.end() ? std::nullopt : std::optional(found->second.allocated_bytes);
  }
  const auto driver = service_.array.pool(pool);
  if (!driver) return {};
  const auto found = (*driver)->find(backing);
  return found ? std::optional(found->allocated_bytes) : std::nullopt;
}

void ResourceStatus::add(Json& resource) {
  const std::string name = resource.value("name", "");
  Json status;
  if (kind_.member == "volumes") {
    status = volume(name, resource);
  } else if (kind_.member == "pools") {
    status = pool(name);
  } else if (kind_.member == "hosts") {
    status = host(name);
  } else if (kind_.member == "portals") {
    status = portal(name);
  } else if (kind_.member == "targets") {
    status = target(name);
  } else if (kind_.member == "groups") {
    status = group(name);
  } else if (kind_.member == "isns_servers") {
    status = isns_server(name, resource);
  } else if (kind_.member == "settings") {
    status = setting(name);
  } else {
    status = {{"state", "ok"}};
  }
  resource["status"] = std::move(status);
}

Json ResourceStatus::medium(const rpc::VolumeStatus& volume) {
  return {{"state", volume.medium->state},
          {"size_bytes", volume.size_bytes},
          {"prevented", volume.medium->prevented}};
}

Json ResourceStatus::volume(const std::string& name, const Json& resource) {
  load();
  Json status = Json::object();
  const auto failed = failures_.find("volumes/" + name);
  const auto served = volumes_.find(name);
  if (failed != failures_.end()) {
    status["state"] = "failed";
    status["message"] = failed->second;
  } else if (served == volumes_.end()) {
    status["state"] = engine_up_ ? "closed" : "unknown";
    if (!engine_up_) status["message"] = "the engine does not answer";
  } else {
    status["state"] = served->second.state;
    if (!served->second.message.empty()) status["message"] = served->second.message;
  }
  const std::string backing = resource.value("backing", "");
  if (const auto bytes =
          backing.empty() ? std::nullopt : allocated_bytes(resource.value("pool", ""), backing))
    status["allocated_bytes"] = *bytes;
  status["mappings"] = served == volumes_.end() ? 0 : served->second.mappings;
  status["sessions"] = served == volumes_.end() ? 0 : served->second.sessions;
  status["in_use"] = served != volumes_.end() && served->second.in_use;
  if (served != volumes_.end() && served->second.reservations)
    status["reservations"] = rpc::encode(*served->second.reservations);
  if (served != volumes_.end() && served->second.device)
    status["device"] = rpc::encode(*served->second.device);
  if (served != volumes_.end() && served->second.remote)
    status["remote"] = rpc::encode(*served->second.remote);
  if (served != volumes_.end() && served->second.medium) status["medium"] = medium(served->second);
  return status;
}

Json ResourceStatus::pool(const std::string& name) {
  const auto driver = service_.array.pool(name);
  if (!driver) return {{"state", "missing"}, {"message", driver.error().text()}};
  const auto usage = (*driver)->usage();
  if (!usage) return {{"state", "missing"}, {"message", usage.error().text()}};
  Json status = {{"state", usage->state},
                 {"size_bytes", usage->size_bytes},
                 {"used_bytes", usage->used_bytes},
                 {"available_bytes", usage->available_bytes}};
  if (!usage->message.empty()) status["message"] = usage->message;
  return status;
}

Json ResourceStatus::host(const std::string& name) {
  load();
  const auto known = hosts_.find(name);
  if (known == hosts_.end())
    return {{"state", engine_up_ ? "unknown to the engine" : "unknown"}, {"sessions", 0}};
  const bool in = known->second.sessions > 0;
  return {{"state", in ? "logged in" : "away"},
          {"authentication", known->second.authentication},
          {"sessions", known->second.sessions}};
}

Json ResourceStatus::portal(const std::string& name) {
  load();
  const auto failed = failures_.find("portals/" + name);
  if (failed != failures_.end())
    return {{"state", "failed"}, {"message", failed->second}, {"listening", false}};
  const auto known = portals_.find(name);
  if (known == portals_.end()) return {{"state", engine_up_ ? "closed" : "unknown"}, {"listening", false}};
  Json status = {{"state", known->second.listening ? "listening" : "closed"},
                 {"listening", known->second.listening},
                 {"connections_accepted", known->second.connections_accepted}};
  if (known->second.protocol != "nvme-tcp") return status;
  const auto announcements = service_.mdns.statuses();
  const auto of_port = [&](const MdnsAnnouncer::Status& each) {
    return each.published && each.announcement.port == known->second.port;
  };
  status["announced"] = std::ranges::any_of(announcements, of_port);
  return status;
}

Json ResourceStatus::target(const std::string& name) {
  load();
  const auto known = targets_.find(name);
  if (known == targets_.end()) return {{"state", engine_up_ ? "closed" : "unknown"}, {"sessions", 0}};
  return {{"state", "online"}, {"sessions", known->second.sessions}};
}

Json ResourceStatus::group(const std::string& name) {
  load();
  const auto known = groups_.find(name);
  if (known == groups_.end())
    return {{"state", engine_up_ ? "closed" : "unknown"}, {"access", Json::array()}};
  Json access = Json::array();
  for (const rpc::PortGroupStatus& each : known->second.access) {
    access.push_back({{"group_tag", each.group_tag},
                      {"state", each.state},
                      {"preferred", each.preferred},
                      {"changed_by", each.changed_by}});
  }
  const std::string& host = known->second.changed_by;
  return {{"state", host.empty() ? "as configured" : "changed by a host"},
          {"access", std::move(access)},
          {"changed_by", host}};
}

Json ResourceStatus::isns_server(const std::string& name, const Json& resource) {
  if (!resource.value("enabled", true)) return {{"state", "disabled"}};
  const std::optional<IsnsStatus> known = service_.isns.status(name);
  if (!known) return {{"state", "starting"}};
  Json status = {{"state", known->state},       {"since", rfc3339(known->since)},
                 {"targets", known->targets},   {"portals", known->portals},
                 {"left_out", known->left_out}, {"registrations", known->registrations},
                 {"failures", known->failures}};
  if (!known->message.empty()) status["message"] = known->message;
  if (known->last_error_at != 0) {
    status["last_error"] = known->last_error;
    status["last_error_at"] = rfc3339(known->last_error_at);
  }
  return status;
}

Json ResourceStatus::setting(const std::string& name) {
  load();
  const api::SettingInfo* info = api::find_setting(name);
  if (info == nullptr) return {{"help", ""}};
  constexpr const char* types[] = {"text", "number", "boolean", "list"};
  Json status = {{"default", api::parse_json(info->default_json).value_or(Json())},
                 {"type", types[static_cast<size_t>(info->type)]},
                 {"help", info->help},
                 {"is_default", api::find_named(view_->configuration.settings, name) == nullptr}};
  if (info->type == api::SettingType::number) {
    status["lowest"] = info->lowest;
    status["highest"] = info->highest;
  }
  return status;
}

}  // namespace ashlar::agent
