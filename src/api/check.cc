// What a configuration must keep to before any disk or engine is asked; the first breach wins. Bounds that the engine has too
// (rpc/document.h) are checked there once more, on what is compiled from this. Who sees what by which way: check_access.cc.
#include <algorithm>
#include <bit>
#include <unordered_set>

#include "api/examination.h"
#include "api/host_profile.h"
#include "api/lists.h"
#include "api/settings.h"
#include "base/identity.h"
#include "json/sizes.h"

namespace ashlar::api {
namespace {

constexpr size_t max_resources = 65536;  // of one kind
constexpr size_t max_comment_bytes = 1024;
constexpr uint64_t max_volume_bytes = 1ull << 60;
constexpr size_t max_medium_bytes = 200;
constexpr size_t max_serial = 36;  // a UUID as text, which volumes of other targets have

}  // namespace

Result<void> claim(Owners& owners, const std::string& value, const std::string& owner,
                   const std::string& place) {
  const auto [first, fresh] = owners.emplace(value, owner);
  if (fresh) return {};
  return fail(ErrorCode::already_exists, place, "'{}' belongs to {} already", value, first->second);
}

Result<void> one_of(std::string_view value, std::span<const std::string_view> known,
                    const std::string& place) {
  if (std::ranges::find(known, value) != known.end()) return {};
  return fail(ErrorCode::invalid_argument, place, "'{}' is not known{}", value,
              advice(value, {known.begin(), known.end()}));
}
Result<void> one_of(std::string_view value, std::initializer_list<std::string_view> known,
                    const std::string& place) {
  return one_of(value, std::span(known.begin(), known.size()), place);
}

Result<void> check_printable(const std::string& text, size_t most, const std::string& place) {
  if (text.size() > most)
    return fail(ErrorCode::invalid_argument, place, "at most {} characters, not {}", most, text.size());
  if (std::ranges::any_of(text, [](unsigned char c) { return c < 0x20 || c >= 0x7f; }))
    return fail(ErrorCode::invalid_argument, place, "printable ASCII characters only");
  return {};
}

Result<void> check_comment(const std::string& comment, const std::string& place) {
  if (comment.size() > max_comment_bytes)
    return fail(ErrorCode::out_of_range, place, "at most {} bytes, not {}", max_comment_bytes,
                comment.size());
  return {};
}

Result<void> Examination::run() {
  TRY(names());
  for (const Setting& each : all_.settings) TRY(check_setting(each));
  for (const Pool& each : all_.pools) TRY(pool(each));
  for (const Volume& each : all_.volumes) TRY(volume(each, "volumes/" + each.name));
  for (const Snapshot& each : all_.snapshots) TRY(snapshot(each));
  for (const Host& each : all_.hosts) TRY(host(each));
  for (const HostGroup& each : all_.host_groups) TRY(host_group(each));
  for (const Portal& each : all_.portals) TRY(portal(each));
  for (const Target& each : all_.targets) TRY(target(each));
  for (const Map& each : all_.maps) TRY(map(each));
  for (const Group& each : all_.groups) TRY(group(each));
  for (const IsnsServer& each : all_.isns_servers) TRY(isns_server(each));
  for (const User& each : all_.users) TRY(user(each));
  for (const Token& each : all_.tokens) TRY(token(each));
  for (const AlertRule& each : all_.alert_rules) TRY(alert_rule(each));
  return {};
}

Result<void> Examination::names() {
  Result<void> outcome;
  for_each_list(all_, [&outcome](const char* member, const auto& list) {
    if (!outcome) return;
    const Kind* kind = find_kind(member);
    if (list.size() > max_resources) {
      outcome = fail(ErrorCode::out_of_range, std::string(kind->path), "{} of them; at most {}", list.size(),
                     max_resources);
      return;
    }
    std::unordered_set<std::string_view> seen;
    seen.reserve(list.size());
    for (const auto& each : list) {
      if (seen.insert(each.name).second) continue;
      outcome = fail(ErrorCode::already_exists, fmt::format("{}/{}", kind->path, each.name),
                     "there is a {} of this name already", kind->singular);
      return;
    }
  });
  return outcome;
}

// Its volumes are one a device: disks, SCSI devices, or units of another array.
static bool has_devices(const Pool& pool) {
  return pool.kind == "device" || pool.kind == "scsi" || pool.kind == "remote";
}

Result<void> Examination::pool(const Pool& each) {
  const std::string place = "pools/" + each.name;
  TRY(parse_resource_name(each.name, place + "/name"));
  TRY(one_of(each.kind, {"dir", "device", "memory", "null", "scsi", "remote"}, place + "/kind"));
  TRY(check_comment(each.comment, place + "/comment"));
  if ((each.kind == "dir") != !each.path.empty()) {
    return fail(ErrorCode::invalid_argument, place + "/path", "{}",
                each.path.empty() ? "is missing: the folder that a pool of kind dir keeps its volumes in"
                                  : "is for pools of kind dir only");
  }
  if (each.kind == "dir") TRY(claim(paths_, each.path, "pool " + each.name, place + "/path"));
  if (has_devices(each) != !each.devices.empty()) {
    return fail(
        ErrorCode::invalid_argument, place + "/devices", "{}",
        !each.devices.empty() ? "is for pools of kinds device, scsi and remote only"
        : each.kind == "remote"
            ? "is missing: the units of the other array, each by its URLs (see `ashlar engine discover`)"
        : each.kind == "scsi" ? "is missing: the SCSI devices of a pool of kind scsi (see lsscsi -g)"
                              : "is missing: the devices of a pool of kind device (see `ashlar disk list`)");
  }
  for (size_t i = 0; i < each.devices.size(); ++i)
    TRY(claim(devices_, each.devices[i], "pool " + each.name, fmt::format("{}/devices[{}]", place, i)));
  TRY(remote(each, place));
  if (each.warn_percent > 100 || each.critical_percent > 100 || each.warn_percent > each.critical_percent) {
    return fail(ErrorCode::out_of_range, place + "/warn_percent",
                "warn_percent ({}) and critical_percent ({}) must rise and not be above 100",
                each.warn_percent, each.critical_percent);
  }
  return {};
}

Result<void> Examination::identity(const Identity& each, const std::string& owner) {
  const std::string place = owner + "/identity/";
  if (!each.naa.empty()) {
    TRY_ASSIGN(const NaaName naa, NaaName::parse(each.naa, place + "naa"));
    TRY(claim(naas_, hex_of(naa.bytes()), owner, place + "naa"));
  }
  if (!each.eui64.empty()) {
    Eui64 eui64;
    TRY(parse_hex(each.eui64, eui64, place + "eui64"));
    TRY(claim(eui64s_, hex_of(eui64), owner, place + "eui64"));
  }
  if (!each.uuid.empty()) {
    TRY_ASSIGN(const Uuid uuid, parse_uuid(each.uuid, place + "uuid"));
    TRY(claim(uuids_, uuid_text(uuid), owner, place + "uuid"));
  }
  if (!each.serial.empty()) {
    TRY(check_printable(each.serial, max_serial, place + "serial"));
    TRY(claim(serials_, each.serial, owner, place + "serial"));
  }
  TRY(check_printable(each.vendor, 8, place + "vendor"));
  TRY(check_printable(each.product, 16, place + "product"));
  return check_printable(each.revision, 4, place + "revision");
}

Result<void> Examination::geometry(const Volume& each, const std::string& place) {
  if (each.block_bytes != 512 && each.block_bytes != 4096)
    return fail(ErrorCode::invalid_argument, place + "/block_bytes", "must be 512 or 4096, not {}",
                each.block_bytes);
  const uint32_t physical = each.physical_block_bytes;
  if (!std::has_single_bit(physical) || physical < each.block_bytes || physical > (1u << 20)) {
    return fail(ErrorCode::invalid_argument, place + "/physical_block_bytes",
                "must be block_bytes ({}) times a power of two, at most 1048576; not {}", each.block_bytes,
                physical);
  }
  if (each.size_bytes % each.block_bytes != 0) {
    return fail(ErrorCode::invalid_argument, place + "/size_bytes",
                "{} is not a multiple of block_bytes ({}); the next one is {}", each.size_bytes,
                each.block_bytes, each.size_bytes - each.size_bytes % each.block_bytes + each.block_bytes);
  }
  if (each.size_bytes > max_volume_bytes) {
    return fail(ErrorCode::out_of_range, place + "/size_bytes", "{} is more than {}",
                print_size(each.size_bytes), print_size(max_volume_bytes));
  }
  return {};
}

// What a device is that hosts use as it is, is the device's to say.
Result<void> Examination::passed_through(const Volume& each, bool device, const std::string& place) {
  const auto refuse = [&place](const char* field, const char* why) {
    return fail(ErrorCode::invalid_argument, fmt::format("{}/{}", place, field), "{}", why);
  };
  for (size_t i = 0; i < each.allow.size(); ++i)
    TRY(one_of(each.allow[i], {"firmware", "format", "diagnostics", "ata"},
               fmt::format("{}/allow[{}]", place, i)));
  constexpr uint32_t longest_timeout_seconds = 86'400;
  if (each.timeout_seconds > longest_timeout_seconds)
    return fail(ErrorCode::out_of_range, place + "/timeout_seconds", "at most {}, not {}",
                longest_timeout_seconds, each.timeout_seconds);
  if (!device) {
    if (!each.allow.empty()) return refuse("allow", "is for volumes in pools of kind scsi");
    return each.timeout_seconds == 0 ? Result<void>{}
                                     : refuse("timeout_seconds", "is for volumes in pools of kind scsi");
  }
  if (each.size_bytes != 0)
    return refuse("size_bytes", "a SCSI device that is passed through has no size of ours: leave it out");
  if (each.write_cache)
    return refuse("write_cache", "the cache of a device that is passed through is its own");
  if (each.removable)
    return refuse("removable", "whether its medium can be taken out is the device's to say");
  return each.layers.empty()
             ? Result<void>{}
             : refuse("layers", "layers are for blocks, which a SCSI device as it is has none of");
}

// Who has that storage, also while it waits to be had back; empty: nobody.
std::string Examination::owner_of(const std::string& pool, const std::string& backing) const {
  const auto has_it = [&](const auto& each) { return each.backing == backing; };
  for (const Volume& each : all_.volumes)
    if (each.pool == pool && has_it(each)) return "volume " + each.name;
  for (const Snapshot& each : all_.snapshots) {
    const Volume* volume = volumes_.find(each.volume);
    if (volume != nullptr && volume->pool == pool && has_it(each)) return "snapshot " + each.name;
  }
  for (const DeletedVolume& each : all_.recycle_bin) {
    if (each.volume.pool == pool && (has_it(each.volume) || std::ranges::any_of(each.snapshots, has_it)))
      return "deleted volume " + each.name;
  }
  return "";
}

// The medium is a name in the pool's folder, and no way out of it.
Result<void> Examination::drive(const Volume& each, const Pool& pool, const std::string& place) {
  const auto wrong = [&place](const char* field, std::string_view what) {
    return fail(ErrorCode::invalid_argument, place + field, "{}", what);
  };
  if (pool.kind != "dir")
    return wrong("/pool", "of a CD-ROM drive is of kind dir: its folder has the images");
  if (each.block_bytes != cd_block_bytes || each.physical_block_bytes != cd_block_bytes)
    return wrong("/block_bytes", "of a CD-ROM drive is 2048: leave it out");
  if (each.size_bytes != 0)
    return wrong("/size_bytes", "of a CD-ROM drive is that of the medium in it: leave it out");
  if (each.write_cache) return wrong("/write_cache", "is for disks: nothing is written to a CD-ROM");
  const bool good = std::ranges::all_of(each.medium, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '_' || c == '-' || c == '@';
  });
  if (each.medium.size() > max_medium_bytes || !good || each.medium.starts_with('.'))
    return wrong("/medium",
                 "is the name of a file in the pool's folder: at most 200 letters, digits and '._-@'");
  const std::string owner = each.medium.empty() ? "" : owner_of(each.pool, each.medium);
  if (owner.empty()) return {};
  return fail(ErrorCode::already_exists, place + "/medium", "'{}' belongs to {}: it is no image of a medium",
              each.medium, owner);
}

Result<void> Examination::volume(const Volume& each, const std::string& place) {
  TRY(parse_resource_name(each.name, place + "/name"));
  TRY(exists(pools_, all_.pools, each.pool, "pool", place + "/pool"));
  const Pool& pool = *pools_.find(each.pool);
  TRY(passed_through(each, pool.kind == "scsi", place));
  TRY(one_of(each.kind, {"disk", "cdrom"}, place + "/kind"));
  if (is_cdrom(each)) {
    TRY(drive(each, pool, place));
  } else {
    TRY(geometry(each, place));
    if (!each.medium.empty())
      return fail(ErrorCode::invalid_argument, place + "/medium", "is for volumes of kind cdrom");
  }
  if (each.size_bytes == 0 && !has_devices(pool) && !is_cdrom(each))
    return fail(ErrorCode::invalid_argument, place + "/size_bytes",
                "is missing: how large the volume is to be (\"10GiB\")");
  if (!each.device.empty()) {
    if (!has_devices(pool))
      return fail(ErrorCode::invalid_argument, place + "/device",
                  "is for volumes in pools of kinds device, scsi and remote");
    const std::vector<std::string_view> devices(pool.devices.begin(), pool.devices.end());
    TRY(one_of(each.device, devices, place + "/device"));
  }
  if (!each.backing.empty())
    TRY(claim(backings_, each.pool + "\n" + each.backing, "volume " + each.name, place + "/backing"));
  if (!each.key_id.empty()) {
    if (!each.encrypted)
      return fail(ErrorCode::invalid_argument, place + "/key_id", "is there, but `encrypted` is not");
    TRY(parse_uuid(each.key_id, place + "/key_id"));
  }
  TRY(one_of(each.profile, {"generic", "linux", "windows", "esxi", "xen"}, place + "/profile"));
  TRY(profile(each, place));
  for (size_t i = 0; i < each.layers.size(); ++i)
    TRY(one_of(each.layers[i].kind, {"readonly", "fault"}, fmt::format("{}/layers[{}]/kind", place, i)));
  TRY(check_comment(each.comment, place + "/comment"));
  return identity(each.identity, place);
}

Result<void> Examination::profile(const Volume& each, const std::string& place) {
  const HostProfile& profile = host_profile(each.profile);
  TRY(check_usable(each, profile, place));
  if (profile.distinct_serial_bytes == 0 || each.identity.serial.empty()) return {};
  const std::string first = each.identity.serial.substr(0, profile.distinct_serial_bytes);
  const auto [owner, fresh] = serial_beginnings_.emplace(first, each.name);
  if (fresh) return {};
  return fail(ErrorCode::already_exists, place + "/identity/serial",
              "begins as that of volume {}: hosts of type {} may go by its first {} bytes", owner->second,
              profile.name, profile.distinct_serial_bytes);
}

Result<void> Examination::snapshot(const Snapshot& each) {
  const std::string place = "snapshots/" + each.name;
  const size_t at = each.name.find('@');
  if (at == std::string::npos) {
    return fail(ErrorCode::invalid_argument, place + "/name",
                "is VOLUME@SNAPSHOT, such as \"{}@before-upgrade\"",
                each.volume.empty() ? "db1" : each.volume);
  }
  TRY(parse_resource_name(each.name.substr(at + 1), place + "/name"));
  if (each.volume != each.name.substr(0, at)) {
    return fail(ErrorCode::invalid_argument, place + "/volume",
                "'{}' is not what stands before the @ in the name", each.volume);
  }
  TRY(check_comment(each.comment, place + "/comment"));
  TRY(exists(volumes_, all_.volumes, each.volume, "volume", place + "/volume"));
  if (!is_cdrom(*volumes_.find(each.volume))) return {};
  return fail(ErrorCode::invalid_argument, place + "/volume",
              "'{}' is a CD-ROM drive: there is nothing of its own to freeze", each.volume);
}

Result<void> Examination::grants(const std::vector<Grant>& list, const std::string& place) {
  std::vector<std::string_view> known = {"*", "sessions", "jobs", "alerts"};
  for (const Kind& kind : kinds) known.push_back(kind.path);
  for (size_t i = 0; i < list.size(); ++i) {
    const std::string where = fmt::format("{}/grants[{}]", place, i);
    TRY(one_of(list[i].kind, known, where + "/kind"));
    TRY(one_of(list[i].role, {"viewer", "operator", "admin"}, where + "/role"));
    if (list[i].name.empty())
      return fail(ErrorCode::invalid_argument, where + "/name", "is empty: \"*\" means all");
  }
  return {};
}

Result<void> Examination::user(const User& each) {
  const std::string place = "users/" + each.name;
  TRY(parse_resource_name(each.name, place + "/name"));
  TRY(one_of(each.role, {"none", "viewer", "operator", "admin"}, place + "/role"));
  TRY(one_of(each.source, {"local", "ldap"}, place + "/source"));
  if (each.source == "ldap" && !each.password.empty())
    return fail(ErrorCode::invalid_argument, place + "/password", "is kept by the LDAP server for this user");
  for (size_t i = 0; i < each.certificate_subjects.size(); ++i) {
    TRY(claim(subjects_, each.certificate_subjects[i], "user " + each.name,
              fmt::format("{}/certificate_subjects[{}]", place, i)));
  }
  TRY(check_comment(each.comment, place + "/comment"));
  return grants(each.grants, place);
}

Result<void> Examination::token(const Token& each) {
  const std::string place = "tokens/" + each.name;
  TRY(parse_resource_name(each.name, place + "/name"));
  TRY(exists(users_, all_.users, each.user, "user", place + "/user"));
  TRY(one_of(each.role, {"none", "viewer", "operator", "admin"}, place + "/role"));
  TRY(check_comment(each.comment, place + "/comment"));
  return grants(each.grants, place);
}

Result<void> Examination::alert_rule(const AlertRule& each) {
  const std::string place = "alert-rules/" + each.name;
  TRY(parse_resource_name(each.name, place + "/name"));
  for (size_t i = 0; i < each.channels.size(); ++i)
    TRY(exists(channels_, all_.alert_channels, each.channels[i], "alert channel",
               fmt::format("{}/channels[{}]", place, i)));
  return check_comment(each.comment, place + "/comment");
}

Result<void> check_configuration(const Configuration& configuration) {
  Examination examination(configuration);
  return examination.run();
}

}  // namespace ashlar::api
