#include "engine/plan.h"

#include <algorithm>

#include "base/name_index.h"
#include "json/sizes.h"

namespace ashlar::engine {
namespace {

using rpc::Document;
using rpc::PortalDocument;
using rpc::VolumeDocument;

bool same_endpoint(const PortalDocument& a, const PortalDocument& b) {
  return a.address == b.address && a.port == b.port;
}

bool listens_in(const Document& document, const PortalDocument& portal) {
  return std::any_of(document.portals.begin(), document.portals.end(), [&](const auto& other) {
    return same_endpoint(other, portal) && other.protocol == portal.protocol;
  });
}

bool wildcard(const PortalDocument& portal) { return portal.address == "0.0.0.0" || portal.address == "::"; }

// The kernel gives a port of all addresses to one listener only, so one of the two must go before the other comes.
bool stands_in_the_way(const PortalDocument& running, const PortalDocument& coming) {
  return same_endpoint(running, coming) ||
         (running.port == coming.port && (wildcard(running) || wildcard(coming)));
}

std::string path_of(const VolumeDocument& volume) {
  const auto path = volume.store.options.find("path");
  return path == volume.store.options.end() ? std::string() : path->second;
}

std::string shown(bool value) { return value ? "true" : "false"; }
std::string shown(uint32_t value) { return fmt::format("{}", value); }

template <typename T>
Result<void> same(const T& running, const T& desired, const std::string& place) {
  if (running == desired) return {};
  std::string change;
  if constexpr (requires { shown(running); })
    change = fmt::format(" from {} to {}", shown(running), shown(desired));
  return fail(
      ErrorCode::already_exists, place,
      "cannot change{} while the volume exists: take the volume out of the document and apply, then put it back with the new "
      "value and apply again (taking it out keeps its data)",
      change);
}

// Everything but size, write cache, key_shared, the medium of a drive and credentials is fixed while a volume exists: hosts were
// told, and do not ask again.
Result<void> check_fixed(const VolumeDocument& running, const VolumeDocument& desired,
                         const std::string& place) {
  TRY(same(running.block_bytes, desired.block_bytes, place + ".block_bytes"));
  TRY(same(running.physical_block_bytes, desired.physical_block_bytes, place + ".physical_block_bytes"));
  TRY(same(running.thin, desired.thin, place + ".thin"));
  TRY(same(running.read_only, desired.read_only, place + ".read_only"));
  TRY(same(running.removable, desired.removable, place + ".removable"));
  if (running.encrypted != desired.encrypted) {
    return fail(
        ErrorCode::already_exists, place + ".encrypted",
        "cannot change: what volume '{}' holds would be read as noise; make a new volume and copy the data",
        desired.name);
  }
  TRY(same(running.key_id, desired.key_id, place + ".key_id"));
  TRY(same(running.identity, desired.identity, place + ".identity"));
  if (!rpc::is_cdrom(running) || !rpc::is_cdrom(desired))  // a drive's store is its medium
    TRY(same(rpc::without_credentials(running.store), rpc::without_credentials(desired.store),
             place + ".store"));
  TRY(same(running.layers, desired.layers, place + ".layers"));
  if ((running.size_bytes == 0) != (desired.size_bytes == 0))
    return same(running.size_bytes == 0, desired.size_bytes == 0, place + ".size_bytes");
  if (desired.size_bytes >= running.size_bytes) return {};
  return fail(
      ErrorCode::already_exists, place + ".size_bytes",
      "{} is less than the {} that the volume has, and what lies past the new end would be lost: say {} here, or shrink it on "
      "purpose with `ashlar engine resize {} {} --shrink`",
      json::print_size(desired.size_bytes), json::print_size(running.size_bytes), running.size_bytes,
      running.name, desired.size_bytes);
}

Result<void> check_path_free(const Document& running, const VolumeDocument& desired,
                             const std::string& place) {
  if (rpc::is_cdrom(desired)) return {};
  const std::string path = path_of(desired);
  for (const VolumeDocument& volume : running.volumes) {
    if (path.empty() || path_of(volume) != path || rpc::is_cdrom(volume)) continue;
    return fail(
        ErrorCode::busy, place + ".store.options.path",
        "'{}' is open for volume '{}', which this document takes away: apply its removal first, then add '{}'",
        path, volume.name, desired.name);
  }
  return {};
}

Step volume_step(StepKind kind, const VolumeDocument& volume, std::string place) {
  Step step;
  step.kind = kind;
  step.place = std::move(place);
  step.volume = volume;
  return step;
}

Step portal_step(StepKind kind, const PortalDocument& portal, std::string place) {
  Step step;
  step.kind = kind;
  step.place = std::move(place);
  step.portal = portal;
  return step;
}

struct Parts {
  std::vector<Step> make_way, open, listen, change, groups, leave, close, release;
};

Result<void> plan_volumes(const Document& running, const Document& desired, Parts& parts) {
  const NameIndex running_volumes(running.volumes);
  const NameIndex desired_volumes(desired.volumes);
  for (size_t i = 0; i < desired.volumes.size(); ++i) {
    const VolumeDocument& volume = desired.volumes[i];
    const VolumeDocument* now = running_volumes.find(volume.name);
    if (now != nullptr && *now == volume) continue;
    const std::string place = fmt::format("volumes[{}]", i);
    if (now == nullptr) {
      TRY(check_path_free(running, volume, place));
      parts.open.push_back(volume_step(StepKind::open_volume, volume, place));
      continue;
    }
    TRY(check_fixed(*now, volume, place));
    if (volume.size_bytes != now->size_bytes) {
      parts.change.push_back(volume_step(StepKind::resize_volume, *now, place));
      parts.change.back().size_bytes = volume.size_bytes;
    }
    if (volume.write_cache != now->write_cache) {
      parts.change.push_back(volume_step(StepKind::set_write_cache, *now, place));
      parts.change.back().volume.size_bytes = volume.size_bytes;
      parts.change.back().write_cache = volume.write_cache;
    }
    if (rpc::medium_of(volume) != rpc::medium_of(*now)) {
      parts.change.push_back(volume_step(StepKind::change_medium, *now, place));
      parts.change.back().medium = rpc::medium_of(volume);
    }
    if (!rpc::is_cdrom(volume) && volume.store != now->store) {
      parts.change.push_back(volume_step(StepKind::set_credentials, *now, place));
      parts.change.back().store = volume.store;
    }
    if (volume.key_shared != now->key_shared) {
      // A key is safe from hosts before another volume opens with it, and until the last other one is closed.
      std::vector<Step>& part = volume.key_shared ? parts.make_way : parts.release;
      part.push_back(volume_step(StepKind::set_key_shared, *now, place));
      part.back().key_shared = volume.key_shared;
    }
  }
  for (const VolumeDocument& volume : running.volumes) {
    if (desired_volumes.find(volume.name) == nullptr)
      parts.close.push_back(volume_step(StepKind::close_volume, volume, ""));
  }
  return {};
}

void plan_portals(const Document& running, const Document& desired, Parts& parts) {
  for (size_t i = 0; i < desired.portals.size(); ++i) {
    const PortalDocument& portal = desired.portals[i];
    if (!listens_in(running, portal))
      parts.listen.push_back(portal_step(StepKind::add_portal, portal, fmt::format("portals[{}]", i)));
  }
  for (const PortalDocument& portal : running.portals) {
    if (listens_in(desired, portal)) continue;
    const bool in_the_way = std::any_of(parts.listen.begin(), parts.listen.end(), [&](const Step& next) {
      return stands_in_the_way(portal, next.portal);
    });
    (in_the_way ? parts.make_way : parts.leave).push_back(portal_step(StepKind::remove_portal, portal, ""));
  }
}

// They stand before publish: no host sees a new volume by a way that it does not have.
void plan_groups(const Step& publish, Parts& parts) {
  const auto& running = publish.before->groups;
  const auto& desired = publish.after->groups;
  const auto add = [&](const std::string& name, std::string place) {
    Step step = publish;
    step.kind = StepKind::set_group;
    step.group = name;
    step.place = std::move(place);
    parts.groups.push_back(std::move(step));
  };
  const NameIndex running_groups(running);
  const NameIndex desired_groups(desired);
  for (size_t i = 0; i < desired.size(); ++i) {
    const rpc::GroupDocument* now = running_groups.find(desired[i].name);
    if (now == nullptr || *now != desired[i]) add(desired[i].name, fmt::format("groups[{}]", i));
  }
  for (const rpc::GroupDocument& group : running) {
    if (desired_groups.find(group.name) == nullptr) add(group.name, "");
  }
}

std::string in_drive(const std::string& medium) { return medium.empty() ? "empty" : medium; }

std::string what_is_open(const VolumeDocument& volume) {
  if (rpc::is_cdrom(volume)) return "CD-ROM drive, " + in_drive(rpc::medium_of(volume));
  const std::string path = path_of(volume);
  if (volume.store.kind == "scsi") return fmt::format("the SCSI device {} as it is", path);
  return fmt::format("{}, {}-byte blocks, {}{}{}{}",
                     volume.size_bytes == 0 ? "all of the device" : json::print_size(volume.size_bytes),
                     volume.block_bytes, volume.encrypted ? "encrypted, " : "", volume.store.kind,
                     path.empty() ? "" : " ", path);
}

rpc::StepReport describe_group(const Step& step) {
  const rpc::GroupDocument* group = NameIndex(step.after->groups).find(step.group);
  if (group == nullptr) return {"remove group", step.group, "its volumes are optimized by every way"};
  std::string ways;
  for (const rpc::PortGroupDocument& access : group->access)
    ways += fmt::format("{} {}{}, ", access.group_tag, access.state, access.preferred ? " preferred" : "");
  return {"set group", step.group,
          fmt::format("{}{} volumes{}", ways, group->volumes.size(),
                      group->explicit_changes ? ", hosts may change it" : "")};
}

}  // namespace

Step inverse(const Step& step) {
  Step back = step;
  switch (step.kind) {
    case StepKind::open_volume: back.kind = StepKind::close_volume; break;
    case StepKind::close_volume: back.kind = StepKind::open_volume; break;
    case StepKind::resize_volume: std::swap(back.size_bytes, back.volume.size_bytes); break;
    case StepKind::set_write_cache: std::swap(back.write_cache, back.volume.write_cache); break;
    case StepKind::change_medium:
      back.medium = rpc::medium_of(step.volume);
      back.volume.store.options.erase("path");
      if (!step.medium.empty()) back.volume.store.options["path"] = step.medium;
      break;
    case StepKind::set_credentials: std::swap(back.store, back.volume.store); break;
    case StepKind::set_key_shared: std::swap(back.key_shared, back.volume.key_shared); break;
    case StepKind::add_portal: back.kind = StepKind::remove_portal; break;
    case StepKind::remove_portal: back.kind = StepKind::add_portal; break;
    case StepKind::set_group:
    case StepKind::publish: std::swap(back.before, back.after); break;
  }
  return back;
}

rpc::StepReport describe(const Step& step) {
  const std::string portal = fmt::format("{} port {}", step.portal.address, step.portal.port);
  switch (step.kind) {
    case StepKind::open_volume: return {"open volume", step.volume.name, what_is_open(step.volume)};
    case StepKind::close_volume: return {"close volume", step.volume.name, "its data stays in the store"};
    case StepKind::resize_volume:
      return {"resize volume", step.volume.name,
              fmt::format("{} -> {}", json::print_size(step.volume.size_bytes),
                          json::print_size(step.size_bytes))};
    case StepKind::set_write_cache:
      return {"set write cache", step.volume.name, step.write_cache ? "on" : "off"};
    case StepKind::change_medium:
      return {"change medium", step.volume.name,
              fmt::format("{} -> {}", in_drive(rpc::medium_of(step.volume)), in_drive(step.medium))};
    case StepKind::set_credentials:
      return {"set credentials", step.volume.name, "from the next login to the other array on"};
    case StepKind::set_key_shared:
      return {"set key shared", step.volume.name,
              step.key_shared ? "hosts cannot erase its key" : "hosts may erase its key"};
    case StepKind::add_portal: return {"add portal", step.portal.name, portal};
    case StepKind::remove_portal: return {"remove portal", step.portal.name, portal};
    case StepKind::set_group: return describe_group(step);
    case StepKind::publish:
      return {"publish", "",
              fmt::format("{} targets, {} hosts, {} mappings", step.after->targets.size(),
                          step.after->hosts.size(), step.after->mappings.size())};
  }
  return {};
}

Result<Plan> make_plan(const Document& running, const Document& desired) {
  return make_plan(std::make_shared<const Document>(running), std::make_shared<const Document>(desired));
}

Result<Plan> make_plan(std::shared_ptr<const Document> running, std::shared_ptr<const Document> desired) {
  Plan plan;
  if (*running == *desired) return plan;
  Parts parts;
  TRY(plan_volumes(*running, *desired, parts));
  plan_portals(*running, *desired, parts);
  // First what may fail and is taken back without a trace; then the switch; then what cannot fail.
  Step publish;
  publish.before = std::move(running);
  publish.after = std::move(desired);
  std::vector<Step> switches = {publish};
  plan_groups(publish, parts);
  for (std::vector<Step>* part : {&parts.make_way, &parts.open, &parts.listen, &parts.change, &parts.groups,
                                  &switches, &parts.leave, &parts.close, &parts.release}) {
    plan.steps.insert(plan.steps.end(), part->begin(), part->end());
  }
  return plan;
}

void DrawnIdentities::remember(KeptIdentity kept) {
  kept.store = rpc::without_credentials(std::move(kept.store));
  std::erase_if(kept_, [&kept](const KeptIdentity& each) { return each.volume == kept.volume; });
  if (kept_.size() == capacity) kept_.erase(kept_.begin());
  kept_.push_back(std::move(kept));
}

const rpc::IdentityDocument* DrawnIdentities::find(const VolumeDocument& volume) const {
  const auto found = std::ranges::find(kept_, volume.name, &KeptIdentity::volume);
  if (found == kept_.end()) return nullptr;
  // A drive is the same whatever lies in it.
  const bool same_store = found->store == rpc::without_credentials(volume.store) ||
                          (rpc::is_cdrom(volume) && found->store.kind == volume.store.kind);
  return same_store ? &found->identity : nullptr;
}

namespace {

// One text for one identity, so that equal ones compare equal. The document was checked: parsing cannot fail.
void make_canonical(rpc::IdentityDocument& identity) {
  if (const auto naa = NaaName::parse(identity.naa, "")) identity.naa = hex_of(naa->bytes());
  Eui64 eui64;
  if (parse_hex(identity.eui64, eui64, "")) identity.eui64 = hex_of(eui64);
  if (const auto uuid = parse_uuid(identity.uuid, "")) identity.uuid = uuid_text(*uuid);
}

bool complete(const rpc::IdentityDocument& identity) {
  return !identity.naa.empty() && !identity.eui64.empty() && !identity.uuid.empty() &&
         !identity.serial.empty();
}

void fill_from(rpc::IdentityDocument& identity, const rpc::IdentityDocument& source) {
  if (identity.naa.empty()) identity.naa = source.naa;
  if (identity.eui64.empty()) identity.eui64 = source.eui64;
  if (identity.uuid.empty()) identity.uuid = source.uuid;
  if (identity.serial.empty()) identity.serial = source.serial;
}

}  // namespace

Completed complete_identities(Document& desired, const Document& running, const DrawnIdentities& kept,
                              const std::function<Uuid()>& draw) {
  Completed completed;
  const NameIndex running_volumes(running.volumes);
  for (VolumeDocument& volume : desired.volumes) {
    const VolumeDocument* now = running_volumes.find(volume.name);
    // What runs was completed when it came.
    if (now != nullptr && now->identity && now->identity == volume.identity) continue;
    const auto as_it_was = volume.identity;
    const rpc::IdentityDocument* known =
        now != nullptr && now->identity ? &*now->identity : kept.find(volume);
    if (!volume.identity) volume.identity = known != nullptr ? *known : rpc::IdentityDocument{};
    rpc::IdentityDocument& identity = *volume.identity;
    make_canonical(identity);
    if (known != nullptr) fill_from(identity, *known);
    if (!complete(identity)) {
      rpc::IdentityDocument fresh;
      const Uuid seed = draw();
      fresh.naa = hex_of(make_naa(seed));
      fresh.eui64 = hex_of(make_eui64(seed));
      fresh.serial = make_serial(seed);
      fresh.uuid = uuid_text(make_uuid(draw()));
      fill_from(identity, fresh);
      completed.drawn.push_back({volume.name, identity});
    }
    completed.changed = completed.changed || as_it_was != volume.identity;
  }
  return completed;
}

}  // namespace ashlar::engine
