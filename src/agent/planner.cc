#include "agent/planner.h"

#include <algorithm>
#include <iterator>
#include <map>

#include "agent/compile.h"
#include "agent/interruptions.h"
#include "api/lists.h"
#include "json/sizes.h"

namespace ashlar::agent {

using api::Configuration;
using api::Snapshot;
using api::Volume;
using Kind = StorageWork::Kind;

std::string backing_key(const std::string& pool, const std::string& backing) { return pool + "\n" + backing; }

std::map<std::string, StorageWork> backings_of(const Configuration& configuration) {
  std::map<std::string, StorageWork> all;
  const auto add = [&all](const std::string& pool, const std::string& backing) {
    if (!backing.empty())
      all.emplace(backing_key(pool, backing), StorageWork{Kind::remove, pool, backing, {}, {}});
  };
  const auto add_snapshots = [&](const std::vector<Snapshot>& snapshots, const std::vector<Volume>& volumes) {
    for (const Snapshot& each : snapshots) {
      if (const Volume* volume = api::find_named(volumes, each.volume)) add(volume->pool, each.backing);
    }
  };
  for (const Volume& each : configuration.volumes) add(each.pool, each.backing);
  add_snapshots(configuration.snapshots, configuration.volumes);
  for (const api::DeletedVolume& each : configuration.recycle_bin) {
    add(each.volume.pool, each.volume.backing);
    add_snapshots(each.snapshots, {each.volume});
  }
  return all;
}

std::set<std::string> units_of(const Configuration& configuration) {
  std::set<std::string> all;
  for (const Volume& each : configuration.volumes) all.insert(each.identity.uuid);
  for (const api::DeletedVolume& each : configuration.recycle_bin) all.insert(each.volume.identity.uuid);
  all.erase("");
  return all;
}

namespace {

Result<void> refuse_change(bool differs, const Volume& volume, const char* field, const char* advice) {
  if (!differs) return {};
  return fail(ErrorCode::unsupported, fmt::format("volumes/{}/{}", volume.name, field),
              "is fixed when the volume is created; {}", advice);
}

Result<void> check_fixed(const Volume& now, const Volume& next) {
  constexpr auto anew = "make a new volume and copy the data";
  TRY(refuse_change(now.pool != next.pool, next, "pool", anew));
  TRY(refuse_change(now.kind != next.kind, next, "kind", anew));
  TRY(refuse_change(now.device != next.device, next, "device", anew));
  TRY(refuse_change(now.block_bytes != next.block_bytes, next, "block_bytes", anew));
  TRY(refuse_change(now.physical_block_bytes != next.physical_block_bytes, next, "physical_block_bytes",
                    anew));
  TRY(refuse_change(now.thin != next.thin, next, "thin", anew));
  constexpr auto again = "delete the volume, which leaves the device as it is, and make it again";
  TRY(refuse_change(now.allow != next.allow, next, "allow", again));
  TRY(refuse_change(now.timeout_seconds != next.timeout_seconds, next, "timeout_seconds", again));
  TRY(refuse_change(now.encrypted != next.encrypted, next, "encrypted", anew));
  TRY(refuse_change(now.key_id != next.key_id, next, "key_id", anew));
  return refuse_change(now.identity != next.identity, next, "identity", "hosts know the volume by it");
}

bool same_credentials(const api::Pool& a, const api::Pool& b) {
  return a.chap == b.chap && a.dhchap == b.dhchap && a.tls_key == b.tls_key;
}

/// Collects the steps of one change.
class Planner {
 public:
  Planner(const Configuration& before, const Configuration& after, const Moment& moment)
      : before_(before),
        after_(after),
        moment_(moment),
        owned_before_(backings_of(before)),
        owned_after_(backings_of(after)) {}

  Result<Planned> run() {
    planned_.plan.differences = api::differences_of(before_, after_);
    if (!planned_.plan.changed()) return std::move(planned_);
    TRY(pools());
    for (const Volume& each : after_.volumes) TRY(volume(each));
    for (const Snapshot& each : after_.snapshots) TRY(snapshot(each));
    planned_.work.engine = serving_differs(before_, after_);
    engine_steps();
    removals();
    planned_.plan.interruptions = find_interruptions(before_, after_, planned_.work, moment_.sessions);
    const bool loses = !planned_.work.shrinks.empty() || restores_;
    planned_.plan.destroys_data = loses || !planned_.work.after.empty();
    planned_.plan.needs_force = planned_.plan.destroys_data || !planned_.plan.interruptions.empty();
    return std::move(planned_);
  }

 private:
  void step(std::string kind, std::string resource, std::string detail, std::string undo) {
    planned_.plan.steps.push_back({std::move(kind), std::move(resource), std::move(detail), std::move(undo)});
  }

  Result<void> pools() {
    for (const api::Pool& next : after_.pools) {
      const api::Pool* now = api::find_named(before_.pools, next.name);
      if (now == nullptr) {
        step("add pool", "pools/" + next.name, next.kind + (next.path.empty() ? "" : ", " + next.path),
             "the pool is forgotten");
        continue;
      }
      const bool used =
          std::ranges::any_of(before_.volumes, [&](const Volume& each) { return each.pool == next.name; }) ||
          std::ranges::any_of(before_.recycle_bin,
                              [&](const api::DeletedVolume& each) { return each.volume.pool == next.name; });
      // By another name the other array would not know that it is us, and keep what a lost session of ours sent it.
      const char* const fixed = now->kind != next.kind             ? "kind"
                                : now->path != next.path           ? "path"
                                : now->initiator != next.initiator ? "initiator"
                                : now->host_nqn != next.host_nqn   ? "host_nqn"
                                                                   : nullptr;
      if (used && fixed != nullptr) {
        return fail(ErrorCode::unsupported, fmt::format("pools/{}/{}", next.name, fixed),
                    "cannot change while volumes, or deleted ones, are in the pool");
      }
      if (!same_credentials(*now, next))
        step("set credentials", "pools/" + next.name, "from the next login to the other array on",
             "those before, from the next login on");
    }
    return {};
  }

  bool is_fresh(const std::string& pool, const std::string& backing) const {
    return moment_.fresh_backings.contains(backing_key(pool, backing));
  }

  Result<void> volume(const Volume& next) {
    const Volume* now = api::find_named(before_.volumes, next.name);
    if (now == nullptr) return new_volume(next);
    TRY(check_fixed(*now, next));
    if (now->medium != next.medium) medium(next, now->medium);
    if (now->backing != next.backing) restore(*now, next);
    const bool reopened =
        now->read_only != next.read_only || now->removable != next.removable || now->layers != next.layers;
    if (reopened || now->backing != next.backing) planned_.work.reopen.insert(next.name);
    if (now->size_bytes == next.size_bytes || now->backing != next.backing) return {};
    const std::string detail =
        fmt::format("{} -> {}", json::print_size(now->size_bytes), json::print_size(next.size_bytes));
    if (next.size_bytes > now->size_bytes) {
      step("grow", "volumes/" + next.name, detail, "shrink it again");
      return {};
    }
    planned_.work.shrinks.push_back({next.name, now->size_bytes, next.size_bytes});
    step("shrink", "volumes/" + next.name, detail + ": what lies past the new end is lost", "");
    return {};
  }

  // What is put in must be there; the engine reads it, and nothing of the array's becomes its owner.
  void medium(const Volume& next, const std::string& before) {
    const auto named = [](const std::string& name) { return name.empty() ? std::string("empty") : name; };
    if (!next.medium.empty()) planned_.work.before.push_back({Kind::adopt, next.pool, next.medium, {}, {}});
    step("change medium", "volumes/" + next.name, fmt::format("{} -> {}", named(before), named(next.medium)),
         "put back what was in");
  }

  Result<void> new_volume(const Volume& next) {
    if (api::is_cdrom(next)) {
      medium(next, "");
      return {};
    }
    const std::string key = backing_key(next.pool, next.backing);
    const std::string resource = "volumes/" + next.name;
    if (owned_before_.contains(key)) {
      step("recover", resource, "out of the recycle bin", "it goes back there");
      return {};
    }
    const std::string detail = fmt::format("{}, {}, {}-byte blocks, {}in pool {}",
                                           json::print_size(next.size_bytes), next.thin ? "thin" : "thick",
                                           next.block_bytes, next.encrypted ? "encrypted, " : "", next.pool);
    if (!is_fresh(next.pool, next.backing)) {
      planned_.work.before.push_back({Kind::adopt, next.pool, next.backing, {}, next});
      step("adopt storage", resource, fmt::format("{} in pool {}", next.backing, next.pool),
           "it is left as it is");
      return {};
    }
    if (next.origin.empty()) {
      planned_.work.before.push_back({Kind::create, next.pool, next.backing, {}, next});
      step("create storage", resource, detail, "remove it");
      return {};
    }
    const Snapshot* origin = api::find_named(before_.snapshots, next.origin);
    if (origin == nullptr)
      return fail(ErrorCode::not_found, resource + "/origin", "there is no snapshot '{}'", next.origin);
    const Volume* source = api::find_named(before_.volumes, origin->volume);
    if (source != nullptr && source->key_id != next.key_id)
      return fail(ErrorCode::unsupported, resource + "/encrypted",
                  "must be as it is of volume '{}', whose snapshot this is a clone of", source->name);
    planned_.work.before.push_back({Kind::clone, next.pool, next.backing, origin->backing, {}});
    step("clone", resource, fmt::format("of snapshot {}", next.origin), "remove it");
    return {};
  }

  // The volume gets a new backing, a clone of a snapshot; the old one goes when the new generation is in force.
  void restore(const Volume& now, const Volume& next) {
    restores_ = true;
    std::string from = next.origin;
    for (const Snapshot& each : before_.snapshots) {
      if (each.name == next.origin) from = each.backing;
    }
    planned_.work.before.push_back({Kind::clone, next.pool, next.backing, from, {}});
    step("restore", "volumes/" + next.name,
         fmt::format("to snapshot {}: what was written to {} since then is lost", next.origin, now.name),
         "keep what is there");
  }

  Result<void> snapshot(const Snapshot& next) {
    const Snapshot* now = api::find_named(before_.snapshots, next.name);
    const Volume& volume = *api::find_named(after_.volumes, next.volume);
    if (now != nullptr && now->backing == next.backing) return {};
    if (owned_before_.contains(backing_key(volume.pool, next.backing)))
      return {};  // comes back with its volume
    if (!is_fresh(volume.pool, next.backing)) {
      planned_.work.before.push_back({Kind::adopt, volume.pool, next.backing, {}, {}});
      return {};
    }
    const Volume* source = api::find_named(before_.volumes, next.volume);
    if (source == nullptr) {
      return fail(ErrorCode::unsupported, "snapshots/" + next.name,
                  "cannot be made together with its volume: make the volume first");
    }
    planned_.work.before.push_back({Kind::clone, volume.pool, next.backing, source->backing, {}});
    step("snapshot", "snapshots/" + next.name, fmt::format("of volume {}", next.volume), "remove it");
    return {};
  }

  static bool serving_differs(const Configuration& a, const Configuration& b) {
    return a.volumes != b.volumes || a.hosts != b.hosts || a.host_groups != b.host_groups ||
           a.portals != b.portals || a.targets != b.targets || a.maps != b.maps || a.groups != b.groups ||
           shared_keys(a) != shared_keys(b) || credentials_differ(a, b);
  }

  // New and gone pools have no volumes that stay.
  static bool credentials_differ(const Configuration& a, const Configuration& b) {
    return std::ranges::any_of(b.pools, [&a](const api::Pool& next) {
      const api::Pool* now = api::find_named(a.pools, next.name);
      return now != nullptr && !same_credentials(*now, next);
    });
  }

  void engine_steps() {
    if (!planned_.work.engine) return;
    for (const std::string& each : planned_.work.reopen)
      step("reopen", "volumes/" + each, "it is away for a moment", "open it as it was");
    step("serve", "",
         fmt::format("{} volumes, {} hosts, {} targets, {} maps", after_.volumes.size(), after_.hosts.size(),
                     after_.targets.size(), after_.maps.size()),
         "serve what was served before");
  }

  void removals() {
    for (const auto& [key, work] : owned_before_) {
      if (owned_after_.contains(key)) continue;
      planned_.work.after.push_back(work);
      step("delete storage", fmt::format("pools/{}", work.pool), work.backing, "");
    }
    const std::set<std::string> before = units_of(before_), after = units_of(after_);
    std::ranges::set_difference(before, after, std::back_inserter(planned_.work.gone));
    const std::set<std::string> needed = needed_keys(after_);
    for (const std::string& key : needed_keys(before_)) {
      if (needed.contains(key)) continue;
      planned_.work.keys_gone.insert(key);
      step("destroy key", "", key, "");
    }
    for (const api::DeletedVolume& each : after_.recycle_bin) {
      if (api::find_named(before_.recycle_bin, each.name) == nullptr)
        step("recycle", "volumes/" + each.volume.name,
             fmt::format("can be recovered until {}", each.purge_at), "it comes back");
    }
  }

  const Configuration& before_;
  const Configuration& after_;
  const Moment& moment_;
  const std::map<std::string, StorageWork> owned_before_, owned_after_;
  Planned planned_;
  bool restores_ = false;
};

}  // namespace

Result<Planned> make_plan(const Configuration& before, const Configuration& after, const Moment& moment) {
  return Planner(before, after, moment).run();
}

}  // namespace ashlar::agent
