#include "agent/compile.h"

#include <algorithm>
#include <map>
#include <set>

#include "api/host_profile.h"
#include "api/lists.h"
#include "api/settings.h"
#include "base/name_index.h"
#include "rpc/amendment.h"

namespace ashlar::agent {
namespace {

// How many things need each key.
std::map<std::string, size_t> users_of_keys(const api::Configuration& configuration) {
  std::map<std::string, size_t> users;
  const NameIndex volumes(configuration.volumes);
  for (const api::Volume& each : configuration.volumes) ++users[each.key_id];
  for (const api::Snapshot& each : configuration.snapshots) {
    if (const api::Volume* volume = volumes.find(each.volume)) ++users[volume->key_id];
  }
  for (const api::DeletedVolume& each : configuration.recycle_bin)
    users[each.volume.key_id] += 1 + each.snapshots.size();
  users.erase("");  // the volumes that have none
  return users;
}

rpc::VolumeDocument volume_document(const api::Volume& volume) {
  rpc::VolumeDocument document;
  document.name = volume.name;
  document.size_bytes = volume.size_bytes;
  document.block_bytes = volume.block_bytes;
  document.physical_block_bytes = volume.physical_block_bytes;
  document.thin = volume.thin;
  document.read_only = volume.read_only;
  document.write_cache = volume.write_cache;
  document.removable = volume.removable;
  document.encrypted = volume.encrypted;
  document.key_id = volume.key_id;
  const api::Identity& identity = volume.identity;
  document.identity =
      rpc::IdentityDocument{identity.naa,    identity.eui64,   identity.uuid,    identity.serial,
                            identity.vendor, identity.product, identity.revision};
  for (const api::Layer& layer : volume.layers) document.layers.push_back({layer.kind, layer.options});
  return document;
}

Result<std::optional<rpc::ChapDocument>> chap_document(const std::optional<api::Chap>& chap,
                                                       const CompileSources& sources) {
  if (!chap) return std::optional<rpc::ChapDocument>{};
  rpc::ChapDocument document;
  document.user = chap->user;
  document.mutual_user = chap->mutual_user;
  TRY_ASSIGN(document.secret, sources.secret_of(chap->secret));
  if (!chap->mutual_secret.empty()) {
    TRY_ASSIGN(document.mutual_secret, sources.secret_of(chap->mutual_secret));
  }
  return std::optional(std::move(document));
}

Result<std::optional<rpc::DhchapDocument>> dhchap_document(const std::optional<api::Dhchap>& dhchap,
                                                           const CompileSources& sources) {
  if (!dhchap) return std::optional<rpc::DhchapDocument>{};
  rpc::DhchapDocument document{.key = {}, .hashes = dhchap->hashes, .groups = dhchap->groups};
  TRY_ASSIGN(document.key, sources.secret_of(dhchap->key));
  if (!dhchap->controller_key.empty()) {
    TRY_ASSIGN(document.controller_key, sources.secret_of(dhchap->controller_key));
  }
  return std::optional(std::move(document));
}

// What a unit of another array is logged in to with; of other pools there is nothing to add.
Result<void> add_credentials(const api::Pool& pool, const CompileSources& sources,
                             rpc::StoreDocument& store) {
  const auto add = [&store](const char* name, std::string value) {
    if (!value.empty()) store.options[name] = std::move(value);
  };
  add("initiator", pool.initiator);
  add("host_nqn", pool.host_nqn);
  TRY_ASSIGN(const auto chap, chap_document(pool.chap, sources));
  if (chap) {
    add("user", chap->user);
    add("secret", chap->secret);
    add("mutual_user", chap->mutual_user);
    add("mutual_secret", chap->mutual_secret);
    if (chap->secret == chap->mutual_secret)
      return fail(ErrorCode::invalid_argument, fmt::format("pools/{}/chap/mutual_secret", pool.name),
                  "must differ from secret");
  }
  TRY_ASSIGN(const auto dhchap, dhchap_document(pool.dhchap, sources));
  if (dhchap) {
    add("dhchap_key", dhchap->key);
    add("dhchap_controller_key", dhchap->controller_key);
    add("dhchap_hashes", fmt::format("{}", fmt::join(dhchap->hashes, ",")));
    add("dhchap_groups", fmt::format("{}", fmt::join(dhchap->groups, ",")));
    if (dhchap->key == dhchap->controller_key)
      return fail(ErrorCode::invalid_argument, fmt::format("pools/{}/dhchap/controller_key", pool.name),
                  "must differ from key");
  }
  if (pool.tls_key.empty()) return {};
  TRY_ASSIGN(store.options["tls_key"], sources.secret_of(pool.tls_key));
  return {};
}

Result<rpc::HostDocument> host_document(const api::Host& host, const CompileSources& sources) {
  rpc::HostDocument document{.name = host.name, .initiators = host.initiators, .any = host.any, .chap = {}};
  TRY_ASSIGN(document.chap, chap_document(host.chap, sources));
  TRY_ASSIGN(document.dhchap, dhchap_document(host.dhchap, sources));
  document.addresses = host.addresses;
  document.max_sessions = host.max_sessions;
  document.asynchronous_events = host.asynchronous_events;
  if (!host.tls_key.empty()) {
    TRY_ASSIGN(document.tls_key, sources.secret_of(host.tls_key));
  }
  document.tls_optional = host.tls_optional;
  return document;
}

std::vector<std::string> hosts_of(const api::Configuration& configuration, const api::Map& map) {
  if (!map.host.empty()) return {map.host};
  const api::HostGroup* group = api::find_named(configuration.host_groups, map.host_group);
  return group == nullptr ? std::vector<std::string>{} : group->hosts;
}

// Where the LUNs end that all of these hosts find.
uint16_t highest_lun(const api::Configuration& configuration, const std::vector<std::string>& hosts) {
  uint16_t highest = api::host_profile("generic").highest_lun;
  for (const std::string& name : hosts) {
    const api::Host* host = api::find_named(configuration.hosts, name);
    if (host != nullptr) highest = std::min(highest, api::host_profile(host->os).highest_lun);
  }
  return highest;
}

// A host that the engine can tell apart: one that names an initiator, or is every other.
bool can_log_in(const api::Host& host) { return host.any || !host.initiators.empty(); }

}  // namespace

Result<rpc::Document> compile(const api::Configuration& configuration, const CompileSources& sources) {
  rpc::Document document;
  const std::set<std::string> shared = shared_keys(configuration);
  const NameIndex pools(configuration.pools);
  for (const api::Volume& volume : configuration.volumes) {
    rpc::VolumeDocument each = volume_document(volume);
    each.key_shared = shared.contains(volume.key_id);
    TRY_ASSIGN(each.store, sources.store_of(volume));
    if (const api::Pool* pool = pools.find(volume.pool)) TRY(add_credentials(*pool, sources, each.store));
    document.volumes.push_back(std::move(each));
  }
  std::set<std::string> known_hosts;
  for (const api::Host& host : configuration.hosts) {
    if (!can_log_in(host)) continue;
    TRY_ASSIGN(rpc::HostDocument each, host_document(host, sources));
    document.hosts.push_back(std::move(each));
    known_hosts.insert(host.name);
  }
  for (const api::Portal& portal : configuration.portals) {
    document.portals.push_back(
        {portal.name, portal.address, portal.port, portal.group_tag, portal.protocol, {}, {}});
    TRY_ASSIGN(document.portals.back().discovery_chap, chap_document(portal.discovery_chap, sources));
    document.portals.back().tls = portal.tls;
    document.portals.back().referrals = portal.referrals;
  }
  const std::vector<std::string> management_urls = api::setting_list(configuration, "array.management_urls");
  for (const api::Target& target : configuration.targets) {
    document.targets.push_back({target.name,
                                target.alias,
                                target.portals,
                                target.redirect,
                                target.redirect_permanent,
                                target.max_sessions,
                                target.protocol == "iscsi" ? management_urls : std::vector<std::string>{},
                                {}});
    if (target.nvme) document.targets.back().nvme.emplace(rpc::SubsystemDocument{*target.nvme});
  }
  for (const api::Map& map : configuration.maps) {
    for (const std::string& host : hosts_of(configuration, map)) {
      if (!known_hosts.contains(host)) continue;
      document.mappings.push_back({host, map.target, map.volume, map.lun.value_or(0), map.read_only});
    }
  }
  for (const api::Group& group : configuration.groups) {
    rpc::GroupDocument each{.name = group.name,
                            .volumes = group.volumes,
                            .explicit_changes = group.explicit_changes,
                            .access = {}};
    for (const api::GroupAccess& access : group.access)
      each.access.push_back({access.group_tag, access.state, access.preferred});
    document.groups.push_back(std::move(each));
  }
  // In one order, whatever the maps are called: the engine is given the same document now and then, and amended ones.
  rpc::sort_document(document);
  return document;
}

std::set<std::string> shared_keys(const api::Configuration& configuration) {
  std::set<std::string> shared;
  for (const auto& [key, users] : users_of_keys(configuration)) {
    if (users > 1) shared.insert(key);
  }
  return shared;
}

std::set<std::string> needed_keys(const api::Configuration& configuration) {
  std::set<std::string> needed;
  for (const auto& [key, users] : users_of_keys(configuration)) needed.insert(key);
  return needed;
}

void draw_luns(api::Configuration& configuration) {
  std::map<std::pair<std::string, std::string>, std::set<uint16_t>> taken;  // by host and target
  for (const api::Map& map : configuration.maps) {
    if (!map.lun) continue;
    for (const std::string& host : hosts_of(configuration, map)) taken[{host, map.target}].insert(*map.lun);
  }
  for (api::Map& map : configuration.maps) {
    if (map.lun) continue;
    const std::vector<std::string> hosts = hosts_of(configuration, map);
    const auto is_free = [&](uint16_t lun) {
      return std::ranges::none_of(
          hosts, [&](const std::string& host) { return taken[{host, map.target}].contains(lun); });
    };
    uint16_t lun = 0;
    while (lun < highest_lun(configuration, hosts) && !is_free(lun)) ++lun;
    map.lun = lun;
    for (const std::string& host : hosts) taken[{host, map.target}].insert(lun);
  }
}

}  // namespace ashlar::agent
