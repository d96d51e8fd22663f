#include "convert/draft.h"

#include <arpa/inet.h>

#include <algorithm>
#include <filesystem>

#include "base/identity.h"

namespace ashlar::convert {
namespace {

constexpr uint64_t max_lun = 16383;  // SAM-5 4.7.7.3
constexpr size_t max_left_out = 100'000;
constexpr size_t max_maps = 65536;  // for each host, as an engine counts them
constexpr size_t max_volumes = 4096;
constexpr size_t max_targets = 1024;
constexpr size_t max_portals = 64;

bool printable(std::string_view text) {
  return std::ranges::all_of(text, [](unsigned char c) { return c >= 0x20 && c < 0x7f; });
}

}  // namespace

std::string Names::take(std::string_view wanted, std::string_view fallback) {
  std::string name;
  for (const char c : wanted) {
    const bool good = std::isalnum(static_cast<unsigned char>(c)) || c == '.' || c == '_' || c == '-';
    if (name.empty() && !std::isalnum(static_cast<unsigned char>(c))) continue;  // first a letter or digit
    name += good ? c : '-';
    if (name.size() == longest_) break;
  }
  if (name.empty()) name = fallback;
  const std::string stem = name;
  size_t& next = next_.try_emplace(stem, 2).first->second;
  while (!taken_.insert(name).second) {
    const std::string suffix = fmt::format("-{}", next++);
    name = stem.substr(0, longest_ - suffix.size()) + suffix;
  }
  return name;
}

void Draft::leave_out(std::string where, std::string what, std::string why) {
  if (left_out_.size() < max_left_out)
    left_out_.push_back({std::move(where), std::move(what), std::move(why)});
  if (left_out_.size() == max_left_out) left_out_.back() = {"", "everything from here on", "too much of it"};
}

const std::string& Draft::pool_of_folder(const std::string& folder) {
  const auto [pool, fresh] = pools_by_folder_.try_emplace(folder);
  if (fresh) {
    pool->second = pool_names_.take(fmt::format("import-{}", pools_by_folder_.size()), "import");
    pools_.emplace_back(api::Pool{.name = pool->second, .kind = "dir", .path = folder});
  }
  return pool->second;
}

api::Pool& Draft::pool_of_kind(std::string_view kind, std::string_view name) {
  for (api::Pool& pool : pools_)
    if (pool.kind == kind) return pool;
  return pools_.emplace_back(api::Pool{.name = pool_names_.take(name, "import"), .kind = std::string(kind)});
}

api::Volume* Draft::volume_at(std::string_view path) {
  const auto found = volumes_by_path_.find(std::filesystem::path(path).lexically_normal().string());
  return found == volumes_by_path_.end() ? nullptr : found->second;
}

api::Volume* Draft::add_volume(std::string_view name, std::string_view path, const std::string& where) {
  const std::string normal = std::filesystem::path(path).lexically_normal().string();
  const std::string what = fmt::format("volume {}", name);
  if (!normal.starts_with('/') || normal.ends_with('/') || normal.find('\0') != std::string::npos) {
    leave_out(where, what,
              path.empty() ? "it names no file and no device"
                           : fmt::format("'{}' is not the absolute path of a file or device", path));
    return nullptr;
  }
  if (const api::Volume* other = volume_at(normal)) {
    leave_out(where, what,
              fmt::format("{} is kept by volume {} already, and no two may share it", normal, other->name));
    return nullptr;
  }
  if (volumes_.size() >= max_volumes) {
    leave_out(where, what, fmt::format("{} volumes are the most that one engine serves", max_volumes));
    return nullptr;
  }
  api::Volume volume{.name = volume_names_.take(name, "volume")};
  if (normal.starts_with("/dev/")) {
    api::Pool& pool = pool_of_kind("device", "import-devices");
    pool.devices.push_back(normal);
    volume.pool = pool.name;
    volume.device = normal;
    volume.backing = normal;
  } else {
    const std::filesystem::path file(normal);
    volume.pool = pool_of_folder(file.parent_path().string());
    volume.backing = file.filename().string();
  }
  api::Volume* added = &volumes_.emplace_back(std::move(volume));
  volumes_by_path_.emplace(normal, added);
  return added;
}

api::Volume* Draft::add_volume_in(std::string_view kind, std::string_view name, const std::string& where) {
  if (volumes_.size() >= max_volumes) {
    leave_out(where, fmt::format("volume {}", name),
              fmt::format("{} volumes are the most that one engine serves", max_volumes));
    return nullptr;
  }
  const std::string pool = pool_of_kind(kind, fmt::format("import-{}", kind)).name;
  return &volumes_.emplace_back(api::Volume{.name = volume_names_.take(name, "volume"), .pool = pool});
}

bool Draft::set_geometry(api::Volume& volume, uint64_t size_bytes, uint64_t block_bytes,
                         const std::string& where) {
  const bool bare = volume.device.empty() && volume.backing.empty();
  if ((block_bytes != 512 && block_bytes != 4096) || (bare && size_bytes < block_bytes)) {
    leave_out(where, fmt::format("volume {}", volume.name),
              bare && size_bytes < block_bytes
                  ? std::string("its size is not known")
                  : fmt::format("blocks of {} bytes are not served: 512 or 4096", block_bytes));
    dropped_volumes_.insert(volume.name);
    return false;
  }
  volume.block_bytes = static_cast<uint32_t>(block_bytes);
  volume.size_bytes = size_bytes - size_bytes % block_bytes;
  if (volume.size_bytes == 0 && volume.device.empty()) {
    leave_out(where, fmt::format("the size of volume {}", volume.name),
              "the configuration does not tell it: the size is taken from the file when it is applied");
  } else if (volume.size_bytes != size_bytes) {
    leave_out(where, fmt::format("the last {} bytes of volume {}", size_bytes % block_bytes, volume.name),
              "they are no whole block; no host could reach them");
  }
  return true;
}

void Draft::set_identity(api::Volume& volume, api::Identity identity, const std::string& where) {
  const auto claim = [&](std::string_view kind, std::string value, bool good, std::string_view why) {
    if (value.empty()) return std::string();
    const std::string what = fmt::format("{} {} of volume {}", kind, value, volume.name);
    if (!good) {
      leave_out(where, what, std::string(why));
      return std::string();
    }
    if (!identities_.insert(fmt::format("{} {}", kind, value)).second) {
      leave_out(where, what, "another volume has it: hosts would take the two for one");
      return std::string();
    }
    return value;
  };
  Eui64 eui64;
  const bool naa = NaaName::parse(identity.naa, "").has_value();
  const bool eui = parse_hex(identity.eui64, eui64, "").has_value();
  const Result<Uuid> uuid = parse_uuid(identity.uuid, "");
  volume.identity.naa = claim("NAA", identity.naa, naa, "it is not a NAA of 16 or 32 hex digits");
  volume.identity.eui64 = claim("EUI-64", identity.eui64, eui, "it is not an EUI-64 of 16 hex digits");
  volume.identity.uuid =
      claim("UUID", uuid ? uuid_text(*uuid) : identity.uuid, uuid.has_value(), "it is not a UUID");
  const bool serial = identity.serial.size() <= 36 && printable(identity.serial);
  volume.identity.serial =
      claim("serial number", identity.serial, serial, "it is not 36 printable ASCII characters or fewer");
  const auto word = [&](std::string_view kind, std::string& into, const std::string& value, size_t longest) {
    into = value.substr(0, longest);
    if (value.size() <= longest && printable(value)) return;
    leave_out(where, fmt::format("{} '{}' of volume {}", kind, value, volume.name),
              fmt::format("it is not {} printable ASCII characters or fewer", longest));
    if (!printable(into)) into.clear();
  };
  word("vendor", volume.identity.vendor, identity.vendor, 8);
  word("product", volume.identity.product, identity.product, 16);
  word("revision", volume.identity.revision, identity.revision, 4);
}

api::Target* Draft::add_target(std::string_view name, const std::string& where) {
  Result<std::string> canonical = parse_iscsi_name(name, "");
  if (!canonical) {
    leave_out(where, fmt::format("target {}", name), canonical.error().message);
    return nullptr;
  }
  const auto found = targets_by_name_.find(*canonical);
  if (found != targets_by_name_.end()) return found->second;
  if (targets_.size() >= max_targets) {
    leave_out(where, fmt::format("target {}", name),
              fmt::format("{} targets are the most that one engine serves", max_targets));
    return nullptr;
  }
  api::Target* added = &targets_.emplace_back(api::Target{.name = *canonical});
  targets_by_name_.emplace(std::move(*canonical), added);
  return added;
}

const std::string* Draft::add_portal(std::string_view address, uint64_t port, uint64_t group_tag,
                                     const std::string& where) {
  if (address.starts_with('[') && address.ends_with(']')) address = address.substr(1, address.size() - 2);
  const std::string literal(address);
  in6_addr binary{};
  const bool known =
      inet_pton(AF_INET, literal.c_str(), &binary) == 1 || inet_pton(AF_INET6, literal.c_str(), &binary) == 1;
  const std::string what = fmt::format("portal {} port {}", literal, port);
  if (!known || port == 0 || port > UINT16_MAX || group_tag == 0 || group_tag > UINT16_MAX) {
    leave_out(where, what,
              known ? "ports and portal group tags are 1 to 65535" : "it is not an IPv4 or IPv6 address");
    return nullptr;
  }
  for (const api::Portal& portal : portals_) {
    if (portal.address != literal || portal.port != port) continue;
    if (portal.group_tag != group_tag) {
      leave_out(where, fmt::format("portal group tag {} of {}", group_tag, what),
                fmt::format("the portal has tag {} from another target, and one portal has one tag",
                            portal.group_tag));
    }
    return &portal.name;
  }
  if (portals_.size() >= max_portals) {
    leave_out(where, what, fmt::format("{} portals are the most that one engine serves", max_portals));
    return nullptr;
  }
  const std::string name = fmt::format("import-portal-{}", portals_.size() + 1);
  return &portals_
              .emplace_back(api::Portal{.name = name,
                                        .address = literal,
                                        .port = static_cast<uint16_t>(port),
                                        .group_tag = static_cast<uint16_t>(group_tag)})
              .name;
}

void Draft::add_map(api::Map map, const std::string& where) {
  const std::string whose = map.host.empty() ? map.host_group : map.host;
  const std::string what =
      fmt::format("LUN {} ({}) of {} on {}", map.lun.value_or(0), map.volume, whose, map.target);
  if (dropped_volumes_.contains(map.volume)) return leave_out(where, what, "its volume was left out");
  if (map.lun.value_or(0) > max_lun)
    return leave_out(where, what, fmt::format("LUN numbers end at {}", max_lun));
  const std::vector<std::string> hosts =
      map.host.empty() ? hosts_by_group_[map.host_group] : std::vector<std::string>{map.host};
  if (volumes_of_.size() + hosts.size() > max_maps)
    return leave_out(where, what, fmt::format("{} maps are the most that one engine serves", max_maps));
  if (hosts.empty()) return leave_out(where, what, "nobody would see it");
  for (const std::string& host : hosts) {
    if (volumes_of_.contains({host, map.target, map.volume}))
      return leave_out(where, what, fmt::format("host {} has the volume there under another LUN", host));
    if (map.lun && luns_of_.contains({host, map.target, *map.lun}))
      return leave_out(where, what, fmt::format("host {} has another volume under that LUN", host));
  }
  for (const std::string& host : hosts) {
    named_.emplace(host, map.target);
    volumes_of_.emplace(host, map.target, map.volume);
    if (map.lun) luns_of_.emplace(host, map.target, *map.lun);
  }
  map.name = map_names_.take(fmt::format("{}.{}", map.volume, whose), "map");
  maps_.push_back(std::move(map));
}

Import Draft::take() && {
  settle_open_maps();
  Import import;
  api::Configuration& all = import.configuration;
  for (api::Volume& volume : volumes_)
    if (!dropped_volumes_.contains(volume.name)) all.volumes.push_back(std::move(volume));
  for (api::Pool& pool : pools_) {
    const auto lives_in = [&pool](const api::Volume& volume) { return volume.pool == pool.name; };
    std::erase_if(pool.devices, [&all](const std::string& device) {
      return std::ranges::none_of(all.volumes, [&](const auto& volume) { return volume.device == device; });
    });
    if (std::ranges::any_of(all.volumes, lives_in)) all.pools.push_back(std::move(pool));
  }
  all.portals.assign(portals_.begin(), portals_.end());
  all.targets.assign(targets_.begin(), targets_.end());
  all.hosts.assign(hosts_.begin(), hosts_.end());
  all.host_groups = std::move(host_groups_);
  all.maps = std::move(maps_);
  all.groups = groups_of_ways();
  api::make_canonical(all);
  import.left_out = std::move(left_out_);
  return import;
}

}  // namespace ashlar::convert
