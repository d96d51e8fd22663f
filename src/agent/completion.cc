#include "agent/completion.h"

#include "agent/compile.h"
#include "agent/planner.h"
#include "api/lists.h"

namespace ashlar::agent {
namespace {

using api::Configuration;

void keep_if_empty(std::string& value, const std::string& before) {
  if (value.empty()) value = before;
}

void complete_identity(api::Identity& identity, const api::Identity* before, const Draw& draw) {
  if (before != nullptr) {
    keep_if_empty(identity.naa, before->naa);
    keep_if_empty(identity.eui64, before->eui64);
    keep_if_empty(identity.uuid, before->uuid);
    keep_if_empty(identity.serial, before->serial);
  }
  const bool whole =
      !identity.naa.empty() && !identity.eui64.empty() && !identity.uuid.empty() && !identity.serial.empty();
  if (!whole) {
    const Uuid seed = draw.uuid();
    keep_if_empty(identity.naa, hex_of(make_naa(seed)));
    keep_if_empty(identity.eui64, hex_of(make_eui64(seed)));
    keep_if_empty(identity.serial, make_serial(seed));
    keep_if_empty(identity.uuid, uuid_text(make_uuid(draw.uuid())));
  }
  // One text for one identity. What cannot be parsed is refused when it is checked.
  if (const auto naa = NaaName::parse(identity.naa, "")) identity.naa = hex_of(naa->bytes());
  Eui64 eui64;
  if (parse_hex(identity.eui64, eui64, "")) identity.eui64 = hex_of(eui64);
  if (const auto uuid = parse_uuid(identity.uuid, "")) identity.uuid = uuid_text(*uuid);
}

/// One configuration being completed.
class Completion {
 public:
  Completion(Configuration& next, const Configuration& before, const Draw& draw)
      : next_(next),
        before_(before),
        draw_(draw),
        volumes_before_(before.volumes),
        snapshots_before_(before.snapshots),
        maps_before_(before.maps) {}

  Result<std::set<std::string>> run() {
    for (api::Volume& each : next_.volumes) TRY(volume(each));
    for (api::Snapshot& each : next_.snapshots) TRY(snapshot(each));
    for (api::Map& each : next_.maps) map(each);
    draw_luns(next_);
    for (api::IsnsServer& each : next_.isns_servers) isns_server(each);
    for (api::User& each : next_.users) user(each);
    for (api::Token& each : next_.tokens) token(each);
    return std::move(fresh_);
  }

 private:
  Result<void> choose(std::string& backing, const api::Volume& volume) {
    TRY_ASSIGN(backing, draw_.backing(volume));
    fresh_.insert(backing_key(volume.pool, backing));
    return {};
  }

  Result<void> volume(api::Volume& each) {
    const api::Volume* before = volumes_before_.find(each.name);
    complete_identity(each.identity, before == nullptr ? nullptr : &before->identity, draw_);
    if (before != nullptr && before->pool == each.pool) {
      keep_if_empty(each.device, before->device);
      keep_if_empty(each.created_at, before->created_at);
      keep_if_empty(each.origin, before->origin);
      if (each.size_bytes == 0) each.size_bytes = before->size_bytes;
      keep_if_empty(each.backing, before->backing);
    }
    if (each.encrypted && before != nullptr) keep_if_empty(each.key_id, before->key_id);
    if (each.encrypted) keep_if_empty(each.key_id, each.identity.uuid);
    if (!each.encrypted)
      each.key_id.clear();  // that encryption cannot be taken away is for the planner to say
    if (each.backing == new_backing) each.backing.clear();
    const api::Pool* pool = api::find_named(next_.pools, each.pool);
    // A device is there as a whole.
    const bool whole =
        pool != nullptr && (pool->kind == "device" || pool->kind == "scsi" || pool->kind == "remote");
    if (whole) each.thin = false;
    keep_if_empty(each.created_at, draw_.now);
    if (api::is_cdrom(each)) complete_drive(each);
    // A pool that does not exist is for the check to name.
    if (each.backing.empty() && !api::is_cdrom(each) && api::find_named(next_.pools, each.pool) != nullptr)
      TRY(choose(each.backing, each));
    return {};
  }

  // What a drive is whatever was said, and what it is where the default was left, which is that of disks.
  static void complete_drive(api::Volume& each) {
    const api::Volume disk;
    if (each.block_bytes == disk.block_bytes) each.block_bytes = api::cd_block_bytes;
    if (each.physical_block_bytes == disk.physical_block_bytes)
      each.physical_block_bytes = api::cd_block_bytes;
    each.thin = false;
    each.read_only = each.removable = true;
  }

  Result<void> snapshot(api::Snapshot& each) {
    const size_t at = each.name.find('@');
    if (each.volume.empty() && at != std::string::npos) each.volume = each.name.substr(0, at);
    if (const api::Snapshot* before = snapshots_before_.find(each.name)) {
      keep_if_empty(each.backing, before->backing);
      keep_if_empty(each.created_at, before->created_at);
      each.size_bytes = before->size_bytes;
    }
    keep_if_empty(each.created_at, draw_.now);
    const api::Volume* volume = api::find_named(next_.volumes, each.volume);
    if (volume == nullptr) return {};
    if (each.size_bytes == 0) each.size_bytes = volume->size_bytes;
    if (each.backing.empty() && !api::is_cdrom(*volume) &&
        api::find_named(next_.pools, volume->pool) != nullptr)
      TRY(choose(each.backing, *volume));
    return {};
  }

  void map(api::Map& each) {
    if (each.name.empty()) each.name = api::default_map_name(each);
    const api::Map* before = maps_before_.find(each.name);
    if (before != nullptr && !each.lun && before->target == each.target) each.lun = before->lun;
  }

  // It stays what it is: under another name the array would be there twice until the old one expires.
  void isns_server(api::IsnsServer& each) {
    if (const api::IsnsServer* before = api::find_named(before_.isns_servers, each.name))
      keep_if_empty(each.entity, before->entity);
    constexpr size_t drawn_bytes = 8;
    if (each.entity.empty()) each.entity = "ashlar-" + hex_of(ConstBytes(draw_.uuid()).first(drawn_bytes));
  }

  void user(api::User& each) {
    const api::User* before = api::find_named(before_.users, each.name);
    if (before == nullptr || each.source != before->source) return;
    keep_if_empty(each.password, before->password);
    keep_if_empty(each.totp_secret, before->totp_secret);
    if (each.totp_secret == no_secret) each.totp_secret.clear();
  }

  void token(api::Token& each) {
    if (const api::Token* before = api::find_named(before_.tokens, each.name)) {
      keep_if_empty(each.hash, before->hash);
      keep_if_empty(each.created_at, before->created_at);
    }
    keep_if_empty(each.created_at, draw_.now);
  }

  Configuration& next_;
  const Configuration& before_;
  const Draw& draw_;
  const NameIndex<api::Volume> volumes_before_;
  const NameIndex<api::Snapshot> snapshots_before_;
  const NameIndex<api::Map> maps_before_;
  std::set<std::string> fresh_;
};

}  // namespace

Result<std::set<std::string>> complete(Configuration& next, const Configuration& before, const Draw& draw) {
  return Completion(next, before, draw).run();
}

}  // namespace ashlar::agent
