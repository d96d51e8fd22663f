// What the volumes of a document must keep to: identity, geometry, key, store, medium.
#include <bit>
#include <unordered_map>

#include "base/dhchap_key.h"
#include "base/identity.h"
#include "base/tls_psk.h"
#include "json/sizes.h"
#include "rpc/checks.h"
#include "rpc/document_fields.h"

namespace ashlar::rpc {
namespace {

// Bounds of one engine.
constexpr size_t max_volumes = 4096;
constexpr size_t max_layers =
    6;  // block::Request carries eight hooks, the stats layer and the gatekeeper among them
constexpr uint64_t max_volume_bytes = 1ull << 60;
constexpr uint32_t max_physical_block_bytes = 1u << 20;
constexpr uint32_t cd_block_bytes = 2048;
constexpr size_t max_serial = 36;  // a UUID as text, which volumes of other targets have

// Key id -> where it stood first, and whether it was said to be shared.
using KeysSeen = std::unordered_map<std::string, std::pair<std::string, bool>>;

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

// Of one pair both sides would prove themselves with one secret, and a peer could send a challenge back (RFC 7143 9.2.1).
Result<void> check_pairs(const StoreDocument& store, const std::string& place) {
  for (const auto& [ours, theirs] :
       {std::pair("secret", "mutual_secret"), {"dhchap_key", "dhchap_controller_key"}}) {
    const auto one = store.options.find(ours), other = store.options.find(theirs);
    if (one == store.options.end() || other == store.options.end() || one->second != other->second) continue;
    return fail(ErrorCode::invalid_argument, fmt::format("{}.{}", place, theirs), "must differ from {}",
                ours);
  }
  return {};
}

Result<void> check_secrets(const StoreDocument& store, const std::string& place) {
  for (const char* const name : secret_options) {
    const auto found = store.options.find(name);
    if (found == store.options.end()) continue;
    const std::string where = place + "." + name;
    if (std::string_view(name) == "tls_key") {
      TRY(parse_tls_key(found->second, where));
    } else if (std::string_view(name).starts_with("dhchap")) {
      TRY(parse_dhchap_key(found->second, where));
    } else if (found->second.size() < 12 || found->second.size() > 255) {
      return fail(ErrorCode::invalid_argument, where, "a CHAP secret has 12 to 255 bytes, not {}",
                  found->second.size());
    }
  }
  return check_pairs(store, place);
}

// Drives may share an image, which they only read.
Result<void> check_store(const StoreDocument& store, const std::string& place, Seen& paths) {
  TRY(parse_resource_name(store.kind, place + ".kind"));
  TRY(check_secrets(store, place));
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

}  // namespace

StoreDocument without_credentials(StoreDocument store) {
  for (const char* const name : secret_options) store.options.erase(name);
  for (const char* const name : {"user", "mutual_user", "dhchap_hashes", "dhchap_groups"})
    store.options.erase(name);
  return store;
}

std::string medium_of(const VolumeDocument& volume) {
  const auto path = volume.store.options.find("path");
  return is_cdrom(volume) && path != volume.store.options.end() ? path->second : std::string();
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

}  // namespace ashlar::rpc
