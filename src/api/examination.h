// A configuration under examination: what its rules need to know of all of it at once. Used by check*.cc alone.
#pragma once

#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "api/configuration.h"
#include "base/name_index.h"
#include "base/result.h"

namespace ashlar::api {

/// Value -> the resource that has it.
using Owners = std::unordered_map<std::string, std::string>;

/// already_exists when another resource has it.
Result<void> claim(Owners& owners, const std::string& value, const std::string& owner,
                   const std::string& place);
/// invalid_argument, with the nearest of those that are known.
Result<void> one_of(std::string_view value, std::span<const std::string_view> known,
                    const std::string& place);
Result<void> one_of(std::string_view value, std::initializer_list<std::string_view> known,
                    const std::string& place);
Result<void> check_printable(const std::string& text, size_t most, const std::string& place);
Result<void> check_comment(const std::string& comment, const std::string& place);

/// Of one configuration, which outlives it. One function a kind.
class Examination {
 public:
  explicit Examination(const Configuration& configuration)
      : all_(configuration),
        pools_(configuration.pools),
        volumes_(configuration.volumes),
        hosts_(configuration.hosts),
        groups_(configuration.host_groups),
        portals_(configuration.portals),
        targets_(configuration.targets),
        users_(configuration.users),
        channels_(configuration.alert_channels) {}

  Result<void> run();

 private:
  Result<void> names();
  Result<void> pool(const Pool& each);
  Result<void> remote(const Pool& each, const std::string& place);
  Result<void> identity(const Identity& each, const std::string& owner);
  std::string owner_of(const std::string& pool, const std::string& backing) const;
  Result<void> drive(const Volume& each, const Pool& pool, const std::string& place);
  Result<void> geometry(const Volume& each, const std::string& place);
  Result<void> passed_through(const Volume& each, bool device, const std::string& place);
  Result<void> volume(const Volume& each, const std::string& place);
  Result<void> profile(const Volume& each, const std::string& place);
  Result<void> snapshot(const Snapshot& each);
  Result<void> chap(const Chap& each, const std::string& place);
  Result<void> dhchap(const Dhchap& each, const std::string& place);
  Result<void> host(const Host& each);
  Result<void> host_group(const HostGroup& each);
  Result<void> portal(const Portal& each);
  Result<void> target(const Target& each);
  Result<void> map(const Map& each);
  Result<void> group_access(const Group& each, const std::string& place);
  Result<void> group(const Group& each);
  Result<void> take_lun(const Map& each, const std::string& host, const std::string& place);
  Result<void> isns_server(const IsnsServer& each);
  Result<void> fits_protocol(const Map& each, const std::string& place);
  Result<void> fits_host(const Map& each, const std::string& host, const std::string& place);
  Result<void> grants(const std::vector<Grant>& list, const std::string& place);
  Result<void> user(const User& each);
  Result<void> token(const Token& each);
  Result<void> alert_rule(const AlertRule& each);

  template <typename T>
  Result<void> exists(const NameIndex<T>& index, const std::vector<T>& list, std::string_view name,
                      std::string_view what, const std::string& place) {
    if (index.find(name) != nullptr) return {};
    std::vector<std::string_view> known;
    known.reserve(list.size());
    for (const auto& each : list) known.push_back(each.name);
    return fail(ErrorCode::invalid_argument, place, "there is no {} '{}'{}", what, name,
                known.size() > 20 ? "" : advice(name, known));
  }

  const Configuration& all_;
  const NameIndex<Pool> pools_;
  const NameIndex<Volume> volumes_;
  const NameIndex<Host> hosts_;
  const NameIndex<HostGroup> groups_;
  const NameIndex<Portal> portals_;
  const NameIndex<Target> targets_;
  const NameIndex<User> users_;
  const NameIndex<AlertChannel> channels_;
  Owners naas_, eui64s_, uuids_, serials_, backings_, initiators_, endpoints_, devices_, subjects_, paths_;
  Owners name_servers_;
  Owners members_;            // volume: its group
  Owners serial_beginnings_;  // of volumes whose hosts go by that: the volume
  Owners luns_, seen_;        // "host target LUN", "host target volume" (names have no spaces): the map
};

}  // namespace ashlar::api
