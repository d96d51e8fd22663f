// What a document must keep to before anything is opened: one function per kind of resource, the first error wins.
#include <arpa/inet.h>

#include <algorithm>
#include <bit>
#include <map>
#include <unordered_map>
#include <unordered_set>

#include "base/address_range.h"
#include "base/identity.h"
#include "base/management_url.h"
#include "base/nqn.h"
#include "json/fields.h"
#include "json/sizes.h"
#include "rpc/document.h"
#include "rpc/document_fields.h"
#include "rpc/words.h"

namespace ashlar::rpc {
namespace {

// Bounds of one engine. Lists longer than these would be taken for a mistake.
constexpr size_t max_volumes = 4096;
constexpr size_t max_hosts = 4096;
constexpr size_t max_initiators_per_host = 256;
constexpr size_t max_addresses_per_host = 64;
constexpr size_t max_portals = 64;
constexpr size_t max_targets = 1024;
constexpr size_t max_mappings = 65536;
constexpr size_t max_groups = 1024;
constexpr size_t max_layers =
    6;  // block::Request carries eight hooks, the stats layer and the gatekeeper among them
constexpr uint64_t max_volume_bytes = 1ull << 60;
constexpr uint32_t max_physical_block_bytes = 1u << 20;
constexpr uint32_t cd_block_bytes = 2048;
constexpr size_t max_serial = 36;    // a UUID as text, which volumes of other targets have
constexpr uint16_t max_lun = 16383;  // flat space addressing, SAM-5 4.7.7.3

using HostsByName = std::unordered_map<std::string, const HostDocument*>;
using Names = std::unordered_set<std::string>;

// Value -> where it stood first.
using Seen = std::unordered_map<std::string, std::string>;
// Key id -> where it stood first, and whether it was said to be shared.
using KeysSeen = std::unordered_map<std::string, std::pair<std::string, bool>>;

Result<void> unique(Seen& seen, const std::string& value, const std::string& place) {
  const auto [first, fresh] = seen.emplace(value, place);
  if (fresh) return {};
  return fail(ErrorCode::invalid_argument, place, "'{}' is used by {} already", value, first->second);
}

Result<void> at_most(size_t count, size_t most, const char* place) {
  if (count <= most) return {};
  return fail(ErrorCode::out_of_range, place, "{} entries; one engine takes at most {}", count, most);
}

bool printable(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c >= 0x20 && c < 0x7f; });
}

Result<void> check_text(const std::string& text, size_t most, const std::string& place) {
  if (text.size() > most)
    return fail(ErrorCode::invalid_argument, place, "at most {} characters, not {}", most, text.size());
  if (!printable(text)) return fail(ErrorCode::invalid_argument, place, "printable ASCII characters only");
  return {};
}

struct IdentitiesSeen {
  Seen naa, eui64, uuid, serial;
};

// Empty parts are drawn by the engine, so they are fine here.
Result<void> check_identity(const IdentityDocument& identity, const std::string& place,
                            IdentitiesSeen& seen) {
  if (!identity.naa.empty()) {
    TRY_ASSIGN(const NaaName naa, NaaName::parse(identity.naa, place + ".naa"));
    TRY(unique(seen.naa, hex_of(naa.bytes()), place + ".naa"));
  }
  if (!identity.eui64.empty()) {
    Eui64 eui64;
    TRY(parse_hex(identity.eui64, eui64, place + ".eui64"));
    TRY(unique(seen.eui64, hex_of(eui64), place + ".eui64"));
  }
  if (!identity.uuid.empty()) {
    TRY_ASSIGN(const Uuid uuid, parse_uuid(identity.uuid, place + ".uuid"));
    TRY(unique(seen.uuid, uuid_text(uuid), place + ".uuid"));
  }
  if (!identity.serial.empty()) {
    TRY(check_text(identity.serial, max_serial, place + ".serial"));
    TRY(unique(seen.serial, identity.serial, place + ".serial"));
  }
  TRY(check_text(identity.vendor, 8, place + ".vendor"));
  TRY(check_text(identity.product, 16, place + ".product"));
  return check_text(identity.revision, 4, place + ".revision");
}

// What it is is the device's to say: a document that says it too would be wrong sooner or later.
Result<void> check_passed_through(const VolumeDocument& volume, const std::string& place) {
  const auto refuse = [&place](const char* field, const char* why) {
    return fail(ErrorCode::invalid_argument, fmt::format("{}.{}", place, field),
                "a volume of store kind \"scsi\" is a device that is passed through: {}", why);
  };
  if (volume.size_bytes != 0) return refuse("size_bytes", "it has no size of ours, leave it out");
  if (volume.write_cache) return refuse("write_cache", "its cache is the device's own (mode page 08h)");
  if (volume.removable)
    return refuse("removable", "whether its medium can be taken out is the device's to say");
  if (!volume.layers.empty()) return refuse("layers", "layers are for blocks, and it has none");
  if (volume.encrypted) return refuse("encrypted", "blocks are encrypted, and it has none");
  return {};
}

// What a drive is cannot be chosen, but for what of it has a default.
Result<void> check_cdrom(const VolumeDocument& volume, const std::string& place) {
  const auto must_be = [&place](bool fine, const char* field, std::string_view what) -> Result<void> {
    if (fine) return {};
    return fail(ErrorCode::invalid_argument, place + field, "of a CD-ROM drive {}", what);
  };
  TRY(must_be(volume.block_bytes == cd_block_bytes, ".block_bytes", "is 2048"));
  TRY(must_be(volume.size_bytes == 0, ".size_bytes", "is that of the medium in it: leave it out"));
  TRY(must_be(!volume.encrypted, ".encrypted", "is false: an image is read as it is"));
  return must_be(!volume.write_cache, ".write_cache", "is off: nothing is written");
}

Result<void> check_geometry(const VolumeDocument& volume, const std::string& place) {
  if (is_cdrom(volume)) return check_cdrom(volume, place);
  if (volume.block_bytes != 512 && volume.block_bytes != 4096) {
    return fail(ErrorCode::invalid_argument, place + ".block_bytes", "must be 512 or 4096, not {}",
                volume.block_bytes);
  }
  const uint32_t physical = volume.physical_block_bytes;
  if (!std::has_single_bit(physical) || physical < volume.block_bytes ||
      physical > max_physical_block_bytes) {
    return fail(ErrorCode::invalid_argument, place + ".physical_block_bytes",
                "must be block_bytes ({}) times a power of two, at most {}; not {}", volume.block_bytes,
                max_physical_block_bytes, physical);
  }
  if (volume.store.kind == "scsi") return check_passed_through(volume, place);
  if (volume.size_bytes == 0 && volume.store.kind != "block" && volume.store.kind != "remote") {
    return fail(ErrorCode::invalid_argument, place + ".size_bytes",
                "is missing; only stores of kinds \"block\" and \"remote\" may leave it out");
  }
  if (volume.size_bytes % volume.block_bytes != 0) {
    return fail(ErrorCode::invalid_argument, place + ".size_bytes",
                "{} is not a multiple of block_bytes ({}); the next one is {}", volume.size_bytes,
                volume.block_bytes,
                volume.size_bytes - volume.size_bytes % volume.block_bytes + volume.block_bytes);
  }
  if (volume.size_bytes > max_volume_bytes) {
    return fail(ErrorCode::out_of_range, place + ".size_bytes", "{} is more than {}",
                print_size(volume.size_bytes), print_size(max_volume_bytes));
  }
  return {};
}

// Who may erase a key must be the only one who needs it. Without an identity the key is drawn, and so its own.
Result<void> check_encryption(const VolumeDocument& volume, const std::string& place, KeysSeen& keys) {
  if (!volume.encrypted) {
    if (!volume.key_id.empty())
      return fail(ErrorCode::invalid_argument, place + ".key_id", "is there, but `encrypted` is not");
    if (volume.key_shared)
      return fail(ErrorCode::invalid_argument, place + ".key_shared", "is there, but `encrypted` is not");
    return {};
  }
  const std::string& text = volume.key_id.empty() && volume.identity ? volume.identity->uuid : volume.key_id;
  if (text.empty()) return {};
  TRY_ASSIGN(const Uuid key, parse_uuid(text, place + ".key_id"));
  const auto [first, fresh] = keys.emplace(uuid_text(key), std::pair(place, volume.key_shared));
  if (fresh || (volume.key_shared && first->second.second)) return {};
  return fail(ErrorCode::invalid_argument, place + ".key_shared",
              "must be true here and at {}: both have the key {}", first->second.first, first->first);
}

// Drives may share an image, which they only read.
Result<void> check_store(const StoreDocument& store, const std::string& place, Seen& paths) {
  TRY(parse_resource_name(store.kind, place + ".kind"));
  for (const char* const name : secret_options) {
    const auto secret = store.options.find(name);
    if (secret != store.options.end() && (secret->second.size() < 12 || secret->second.size() > 255))
      return fail(ErrorCode::invalid_argument, place + "." + name,
                  "a CHAP secret has 12 to 255 bytes, not {}", secret->second.size());
  }
  const auto path = store.options.find("path");
  if (path == store.options.end()) return {};
  const std::string where = place + ".options.path";
  if (!path->second.starts_with('/')) {
    return fail(ErrorCode::invalid_argument, where, "'{}' must be an absolute path", path->second);
  }
  if (path->second.size() > 4000 || path->second.find('\0') != std::string::npos) {
    return fail(ErrorCode::invalid_argument, where, "is not a path that a file system takes");
  }
  return store.kind == "cdrom" ? Result<void>() : unique(paths, path->second, where);
}

// What hosts write to is no medium: it would change under those who read it.
Result<void> check_media(const Document& document, const Seen& paths) {
  for (size_t i = 0; i < document.volumes.size(); ++i) {
    if (!is_cdrom(document.volumes[i])) continue;
    const auto disk = paths.find(medium_of(document.volumes[i]));
    if (disk == paths.end()) continue;
    return fail(ErrorCode::invalid_argument, fmt::format("volumes[{}].store.options.path", i),
                "'{}' is used by {} already", disk->first, disk->second);
  }
  return {};
}

Result<void> check_volumes(const Document& document, Names& names) {
  TRY(at_most(document.volumes.size(), max_volumes, "volumes"));
  Seen seen, paths;
  IdentitiesSeen identities;
  KeysSeen keys;
  for (size_t i = 0; i < document.volumes.size(); ++i) {
    const VolumeDocument& volume = document.volumes[i];
    const std::string place = fmt::format("volumes[{}]", i);
    TRY(parse_resource_name(volume.name, place + ".name"));
    TRY(unique(seen, volume.name, place + ".name"));
    TRY(check_geometry(volume, place));
    if (volume.identity) TRY(check_identity(*volume.identity, place + ".identity", identities));
    TRY(check_encryption(volume, place, keys));
    TRY(check_store(volume.store, place + ".store", paths));
    if (volume.layers.size() > max_layers)
      return fail(ErrorCode::out_of_range, place + ".layers", "at most {} layers", max_layers);
    for (size_t j = 0; j < volume.layers.size(); ++j) {
      const std::string where = fmt::format("{}.layers[{}].kind", place, j);
      TRY(parse_resource_name(volume.layers[j].kind, where));
      if (volume.layers[j].kind == "stats")
        return fail(ErrorCode::invalid_argument, where, "stats is always on top; leave it out");
    }
    names.insert(volume.name);
  }
  return check_media(document, paths);
}

Result<void> check_secret(const std::string& secret, const std::string& place) {
  if (secret == redacted) {
    return fail(ErrorCode::invalid_argument, place,
                "is redacted; put the secret in, or get the document with its secrets");
  }
  // RFC 7143 9.2.1: fewer than 96 bits need IPsec around them.
  if (secret.size() >= 12 && secret.size() <= 255) return {};
  return fail(ErrorCode::invalid_argument, place, "a CHAP secret has 12 to 255 bytes, this one {}",
              secret.size());
}

Result<void> check_chap(const ChapDocument& chap, const std::string& place) {
  if (chap.user.empty()) return fail(ErrorCode::invalid_argument, place + ".user", "is empty");
  TRY(check_text(chap.user, 255, place + ".user"));
  TRY(check_secret(chap.secret, place + ".secret"));
  if (chap.mutual_user.empty() != chap.mutual_secret.empty()) {
    return fail(ErrorCode::invalid_argument, place + ".mutual_user",
                "mutual CHAP needs both mutual_user and mutual_secret");
  }
  if (chap.mutual_user.empty()) return {};
  TRY(check_text(chap.mutual_user, 255, place + ".mutual_user"));
  TRY(check_secret(chap.mutual_secret, place + ".mutual_secret"));
  // RFC 7143 9.2.1: the two directions must not share a secret, or a peer could reflect a challenge.
  if (chap.mutual_secret == chap.secret)
    return fail(ErrorCode::invalid_argument, place + ".mutual_secret", "must differ from secret");
  return {};
}

// The discovery subsystem is nobody's (NVMe-oF 1.1 1.5.5).
constexpr std::string_view discovery_nqn = "nqn.2014-08.org.nvmexpress.discovery";

Result<void> check_name_form(const std::string& name, const std::string& place) {
  if (is_nqn(name)) {
    TRY(parse_nqn(name, place));
    if (name != discovery_nqn) return {};
    return fail(ErrorCode::invalid_argument, place, "is the name of every discovery subsystem");
  }
  TRY_ASSIGN(const std::string canonical, parse_iscsi_name(name, place));
  if (canonical == name) return {};
  return fail(ErrorCode::invalid_argument, place, "iSCSI names are written in lower case (RFC 3722): {}",
              canonical);
}

Result<void> check_hosts(const Document& document, HostsByName& hosts) {
  TRY(at_most(document.hosts.size(), max_hosts, "hosts"));
  Seen seen, initiators;
  for (size_t i = 0; i < document.hosts.size(); ++i) {
    const HostDocument& host = document.hosts[i];
    const std::string place = fmt::format("hosts[{}]", i);
    TRY(parse_resource_name(host.name, place + ".name"));
    TRY(unique(seen, host.name, place + ".name"));
    if (host.initiators.empty() && !host.any) {
      return fail(ErrorCode::invalid_argument, place + ".initiators",
                  "is empty: name the host's iSCSI names or NQNs, or say \"any\": true");
    }
    if (host.initiators.size() > max_initiators_per_host) {
      return fail(ErrorCode::out_of_range, place + ".initiators", "at most {} names",
                  max_initiators_per_host);
    }
    for (size_t j = 0; j < host.initiators.size(); ++j) {
      const std::string where = fmt::format("{}.initiators[{}]", place, j);
      TRY(check_name_form(host.initiators[j], where));
      TRY(unique(initiators, host.initiators[j], where));
    }
    if (host.chap) TRY(check_chap(*host.chap, place + ".chap"));
    if (host.addresses.size() > max_addresses_per_host)
      return fail(ErrorCode::out_of_range, place + ".addresses", "at most {} of them",
                  max_addresses_per_host);
    for (size_t j = 0; j < host.addresses.size(); ++j)
      TRY(AddressRange::parse(host.addresses[j], fmt::format("{}.addresses[{}]", place, j)));
    hosts.emplace(host.name, &host);
  }
  return {};
}

Result<void> check_portals(const Document& document, Names& names) {
  TRY(at_most(document.portals.size(), max_portals, "portals"));
  Seen seen, endpoints;
  for (size_t i = 0; i < document.portals.size(); ++i) {
    const PortalDocument& portal = document.portals[i];
    const std::string place = fmt::format("portals[{}]", i);
    TRY(parse_resource_name(portal.name, place + ".name"));
    TRY(unique(seen, portal.name, place + ".name"));
    uint8_t binary[16];
    const bool v4 = inet_pton(AF_INET, portal.address.c_str(), binary) == 1;
    if (!v4 && inet_pton(AF_INET6, portal.address.c_str(), binary) != 1) {
      return fail(ErrorCode::invalid_argument, place + ".address",
                  "'{}' is not an IPv4 or IPv6 address (no names, no brackets; 0.0.0.0 and :: stand for all)",
                  portal.address);
    }
    if (portal.port == 0)
      return fail(ErrorCode::out_of_range, place + ".port",
                  "must be 1 to 65535; 3260 is iSCSI's own, 4420 and 8009 NVMe/TCP's");
    if (std::ranges::find(portal_protocols, portal.protocol) == std::end(portal_protocols))
      return fail(ErrorCode::invalid_argument, place + ".protocol", "'{}' is not one of {}", portal.protocol,
                  fmt::join(portal_protocols, ", "));
    if (portal.discovery_chap && portal.protocol != "iscsi")
      return fail(ErrorCode::invalid_argument, place + ".discovery_chap", "CHAP is for iSCSI portals");
    if (portal.group_tag == 0)
      return fail(ErrorCode::out_of_range, place + ".group_tag", "must be 1 to 65535");
    TRY(unique(endpoints, fmt::format("{} {}", hex_of({binary, v4 ? 4u : 16u}), portal.port),
               place + ".port"));
    if (portal.discovery_chap) TRY(check_chap(*portal.discovery_chap, place + ".discovery_chap"));
    names.insert(portal.name);
  }
  return {};
}

Result<void> check_portals_of(const TargetDocument& target, const Document& document, const Names& portals,
                              const std::string& place) {
  Seen named;
  for (size_t j = 0; j < target.portals.size(); ++j) {
    const std::string where = fmt::format("{}.portals[{}]", place, j);
    TRY(unique(named, target.portals[j], where));
    if (!portals.contains(target.portals[j]))
      return fail(ErrorCode::invalid_argument, where, "no portal named '{}'", target.portals[j]);
    const auto portal = std::ranges::find(document.portals, target.portals[j], &PortalDocument::name);
    if (portal->protocol != protocol_of(target))
      return fail(ErrorCode::invalid_argument, where, "portal '{}' speaks {}, the target {}", portal->name,
                  portal->protocol, protocol_of(target));
  }
  if (!target.portals.empty()) return {};
  const auto leads = [&target](const PortalDocument& portal) { return leads_to(portal, target); };
  if (std::ranges::any_of(document.portals, leads)) return {};
  return fail(ErrorCode::invalid_argument, "portals",
              "there is none of protocol {}, which target '{}' needs to be reached by", protocol_of(target),
              target.name);
}

Result<void> check_management_addresses(const TargetDocument& target, const std::string& place) {
  const std::vector<std::string>& urls = target.management_addresses;
  if (!urls.empty() && is_nqn(target.name))
    return fail(ErrorCode::invalid_argument, place, "only hosts of iSCSI find them");
  if (urls.size() > max_management_urls)
    return fail(ErrorCode::out_of_range, place, "at most {} of them", max_management_urls);
  for (size_t i = 0; i < urls.size(); ++i) {
    if (!is_management_url(urls[i]))
      return fail(ErrorCode::invalid_argument, fmt::format("{}[{}]", place, i),
                  "is no URL of at most {} characters, such as https://san.example.org:8443/",
                  max_management_url_bytes);
  }
  return {};
}

Result<void> check_targets(const Document& document, const Names& portals, Names& names) {
  TRY(at_most(document.targets.size(), max_targets, "targets"));
  Seen seen;
  for (size_t i = 0; i < document.targets.size(); ++i) {
    const TargetDocument& target = document.targets[i];
    const std::string place = fmt::format("targets[{}]", i);
    TRY(check_name_form(target.name, place + ".name"));
    TRY(unique(seen, target.name, place + ".name"));
    if (target.alias.size() > 255)
      return fail(ErrorCode::invalid_argument, place + ".alias", "at most 255 bytes");
    if (!target.redirect.empty()) {
      if (is_nqn(target.name))
        return fail(ErrorCode::invalid_argument, place + ".redirect", "only iSCSI sends logins elsewhere");
      TRY(parse_address_and_port(target.redirect, place + ".redirect"));
    }
    TRY(check_management_addresses(target, place + ".management_addresses"));
    if (portals.empty())
      return fail(ErrorCode::invalid_argument, "portals",
                  "is empty: a target needs a portal to be reached by");
    TRY(check_portals_of(target, document, portals, place));
    names.insert(target.name);
  }
  return {};
}

// A namespace is blocks: what SCSI alone knows has none.
Result<void> check_namespaces(const Document& document) {
  std::map<std::string_view, std::string_view> others;
  for (const VolumeDocument& volume : document.volumes) {
    if (is_cdrom(volume)) others.emplace(volume.name, "a CD-ROM drive");
    if (volume.store.kind == "scsi") others.emplace(volume.name, "a SCSI device of the machine");
  }
  if (others.empty()) return {};
  for (size_t i = 0; i < document.mappings.size(); ++i) {
    const MappingDocument& mapping = document.mappings[i];
    const auto other = others.find(mapping.volume);
    if (other == others.end() || !is_nqn(mapping.target)) continue;
    return fail(ErrorCode::invalid_argument, fmt::format("mappings[{}].volume", i),
                "'{}' is {}, which NVMe does not have", mapping.volume, other->second);
  }
  return {};
}

Result<void> check_mappings(const Document& document, const HostsByName& hosts, const Names& targets,
                            const Names& volumes) {
  TRY(at_most(document.mappings.size(), max_mappings, "mappings"));
  // "host target LUN", "host target volume": names have no spaces.
  std::unordered_map<std::string, size_t> luns, pairs;
  std::map<std::string, std::string> any_host_of_target;
  for (size_t i = 0; i < document.mappings.size(); ++i) {
    const MappingDocument& mapping = document.mappings[i];
    const std::string place = fmt::format("mappings[{}]", i);
    const auto host = hosts.find(mapping.host);
    if (host == hosts.end())
      return fail(ErrorCode::invalid_argument, place + ".host", "no host named '{}'", mapping.host);
    if (!targets.contains(mapping.target))
      return fail(ErrorCode::invalid_argument, place + ".target", "no target named '{}'", mapping.target);
    if (!volumes.contains(mapping.volume))
      return fail(ErrorCode::invalid_argument, place + ".volume", "no volume named '{}'", mapping.volume);
    if (mapping.lun > max_lun)
      return fail(ErrorCode::out_of_range, place + ".lun", "{} is more than {}", mapping.lun, max_lun);
    const auto [at, fresh] =
        luns.try_emplace(fmt::format("{} {} {}", mapping.host, mapping.target, mapping.lun), i);
    if (!fresh) {
      return fail(ErrorCode::invalid_argument, place + ".lun", "LUN {} of host '{}' is taken by mappings[{}]",
                  mapping.lun, mapping.host, at->second);
    }
    const auto [pair, first] =
        pairs.try_emplace(fmt::format("{} {} {}", mapping.host, mapping.target, mapping.volume), i);
    if (!first)
      return fail(ErrorCode::invalid_argument, place + ".volume", "'{}' is mapped there by mappings[{}]",
                  mapping.volume, pair->second);
    if (!host->second->any) continue;
    const auto [any, only] = any_host_of_target.try_emplace(mapping.target, mapping.host);
    if (!only && any->second != mapping.host) {
      return fail(ErrorCode::invalid_argument, place + ".host",
                  "hosts '{}' and '{}' both stand for any initiator of this target", any->second,
                  mapping.host);
    }
  }
  return {};
}

Result<void> check_access(const PortGroupDocument& access, const Document& document,
                          const std::string& place) {
  if (std::ranges::find(access_states, access.state) == std::end(access_states)) {
    return fail(ErrorCode::invalid_argument, place + ".state", "'{}' is not one of {}", access.state,
                fmt::join(access_states, ", "));
  }
  if (std::ranges::find(document.portals, access.group_tag, &PortalDocument::group_tag) !=
      document.portals.end())
    return {};
  return fail(ErrorCode::invalid_argument, place + ".group_tag", "no portal has the group tag {}",
              access.group_tag);
}

Result<void> check_groups(const Document& document, const Names& volumes) {
  TRY(at_most(document.groups.size(), max_groups, "groups"));
  Seen seen, members;
  for (size_t i = 0; i < document.groups.size(); ++i) {
    const GroupDocument& group = document.groups[i];
    const std::string place = fmt::format("groups[{}]", i);
    TRY(parse_resource_name(group.name, place + ".name"));
    TRY(unique(seen, group.name, place + ".name"));
    for (size_t j = 0; j < group.volumes.size(); ++j) {
      const std::string where = fmt::format("{}.volumes[{}]", place, j);
      if (!volumes.contains(group.volumes[j]))
        return fail(ErrorCode::invalid_argument, where, "no volume named '{}'", group.volumes[j]);
      TRY(unique(members, group.volumes[j], where));
    }
    Seen tags;
    for (size_t j = 0; j < group.access.size(); ++j) {
      const std::string where = fmt::format("{}.access[{}]", place, j);
      TRY(check_access(group.access[j], document, where));
      TRY(unique(tags, std::to_string(group.access[j].group_tag), where + ".group_tag"));
    }
  }
  return {};
}

}  // namespace

std::string_view protocol_of(const TargetDocument& target) {
  return is_nqn(target.name) ? "nvme-tcp" : "iscsi";
}

bool leads_to(const PortalDocument& portal, const TargetDocument& target) {
  if (portal.protocol != protocol_of(target)) return false;
  return target.portals.empty() || std::ranges::find(target.portals, portal.name) != target.portals.end();
}

std::string medium_of(const VolumeDocument& volume) {
  const auto path = volume.store.options.find("path");
  return is_cdrom(volume) && path != volume.store.options.end() ? path->second : std::string();
}

Result<void> check_document(const Document& document) {
  Names volumes, portals, targets;
  HostsByName hosts;
  TRY(check_volumes(document, volumes));
  TRY(check_hosts(document, hosts));
  TRY(check_portals(document, portals));
  TRY(check_targets(document, portals, targets));
  TRY(check_mappings(document, hosts, targets, volumes));
  TRY(check_namespaces(document));
  return check_groups(document, volumes);
}

}  // namespace ashlar::rpc
