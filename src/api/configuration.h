// All that administrators have wished for, as one value: what a generation holds, what an export shows, what a plan compares.
#pragma once

#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "api/resources.h"
#include "base/result.h"
#include "json/fields.h"

namespace ashlar::api {

/// Kinds in canonical order; lists keep the order of names.
struct Configuration {
  std::vector<Setting> settings;
  std::vector<Pool> pools;
  std::vector<Volume> volumes;
  std::vector<Snapshot> snapshots;
  std::vector<Host> hosts;
  std::vector<HostGroup> host_groups;
  std::vector<Portal> portals;
  std::vector<Target> targets;
  std::vector<Map> maps;
  std::vector<Group> groups;
  std::vector<IsnsServer> isns_servers;
  std::vector<User> users;
  std::vector<Token> tokens;
  std::vector<AlertChannel> alert_channels;
  std::vector<AlertRule> alert_rules;
  std::vector<DeletedVolume> recycle_bin;
  bool operator==(const Configuration&) const = default;
};

/// How a kind is called. `member` is its list in the configuration's JSON; paths of the API use '-' for '_'.
struct Kind {
  std::string_view member;    ///< "host_groups"
  std::string_view path;      ///< "host-groups"
  std::string_view singular;  ///< "host group"
  bool portable;              ///< part of exports and imports (users, tokens and the recycle bin are not)
};
constexpr std::array kinds = {
    Kind{"settings", "settings", "setting", true},
    Kind{"pools", "pools", "pool", true},
    Kind{"volumes", "volumes", "volume", true},
    Kind{"snapshots", "snapshots", "snapshot", true},
    Kind{"hosts", "hosts", "host", true},
    Kind{"host_groups", "host-groups", "host group", true},
    Kind{"portals", "portals", "portal", true},
    Kind{"targets", "targets", "target", true},
    Kind{"maps", "maps", "map", true},
    Kind{"groups", "groups", "group", true},
    Kind{"isns_servers", "isns-servers", "iSNS server", true},
    Kind{"users", "users", "user", false},
    Kind{"tokens", "tokens", "token", false},
    Kind{"alert_channels", "alert-channels", "alert channel", true},
    Kind{"alert_rules", "alert-rules", "alert rule", true},
    Kind{"recycle_bin", "recycle-bin", "deleted volume", false},
};
/// By `member` or `path`; null when there is none.
const Kind* find_kind(std::string_view name);

/// JSON to types: unknown keys, wrong types and numbers out of range are errors with the path ("volumes[0].size_bytes") and,
/// for keys, the nearest known one. Checks no rules: check_configuration() does.
Result<Configuration> read_configuration(const Json& json);
/// VOLUME.HOST, or VOLUME.GROUP: what a map is called when nobody says.
std::string default_map_name(const Map& map);

/// Canonical: fixed key order, lists by name. With Secrets::show references of secrets ("secret:ID") are shown, never secrets.
Json write_configuration(const Configuration& configuration, Secrets secrets);
/// The same as one line of text, at the speed of text.
std::string print_configuration(const Configuration& configuration, Secrets secrets);
/// Sorts every list by name, as write_configuration() does.
void make_canonical(Configuration& configuration);

/// All rules that need no disk and no engine: names well formed and unique, references resolve, LUNs unique for each host and
/// target, sizes, identities, settings, roles. The first breach, with its path ("volumes/db1/size_bytes") and how to mend it.
Result<void> check_configuration(const Configuration& configuration);

}  // namespace ashlar::api
