// The array and its pools: their drivers, the devices that are free, the room that is left.
#include <algorithm>

#include "agent/array.h"
#include "api/lists.h"
#include "json/sizes.h"

namespace ashlar::agent {
namespace {

using api::Configuration;

bool same_place(const api::Pool& a, const api::Pool& b) {
  return a.name == b.name && a.kind == b.kind && a.path == b.path && a.devices == b.devices;
}

}  // namespace

Result<std::shared_ptr<storage::PoolDriver>> Array::driver_of(const api::Pool& wanted) {
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [pool, driver] : drivers_) {
      if (same_place(pool, wanted)) return driver;
    }
  }
  Result<std::unique_ptr<storage::PoolDriver>> opened = storage::open_pool(wanted, *parts_.privileged);
  if (!opened) {
    Error error = std::move(opened).error();
    error.place = fmt::format("pools/{}/{}", wanted.name, error.place);
    return std::unexpected(std::move(error));
  }
  std::shared_ptr<storage::PoolDriver> driver = std::move(*opened);
  const std::lock_guard lock(mutex_);
  drivers_.emplace_back(wanted, driver);
  return driver;
}

// No folder has no name: refused by every helper that is there.
bool Array::helper_answers() const {
  const auto answer = parts_.privileged->folder_facts("");
  return answer || answer.error().code != ErrorCode::closed;
}

Result<std::shared_ptr<storage::PoolDriver>> Array::driver_in(const Configuration& configuration,
                                                              const std::string& name) {
  const api::Pool* found = api::find_named(configuration.pools, name);
  if (found == nullptr) return fail(ErrorCode::not_found, "pools/" + name, "there is no pool '{}'", name);
  return driver_of(*found);
}

Result<std::shared_ptr<storage::PoolDriver>> Array::pool(const std::string& name) {
  const std::shared_ptr<const View> now = view();
  if (const api::Pool* found = api::find_named(now->configuration.pools, name)) return driver_of(*found);
  // One that went with its volumes, whose storage is yet to be deleted.
  const std::lock_guard lock(mutex_);
  const auto known = std::ranges::find(drivers_, name, [](const auto& each) { return each.first.name; });
  if (known != drivers_.end()) return known->second;
  return fail(ErrorCode::not_found, "pools/" + name, "there is no pool '{}'", name);
}

// Those of pools that were only tried, by dry runs and refused changes.
void Array::forget_drivers() {
  const std::shared_ptr<const View> now = view();
  std::set<std::string> needed;
  for (const state::Afterwork& each : generations_->afterwork()) needed.insert(each.pool);
  const std::lock_guard lock(mutex_);
  std::erase_if(drivers_, [&](const auto& each) {
    const api::Pool* found = api::find_named(now->configuration.pools, each.first.name);
    return found == nullptr ? !needed.contains(each.first.name) : !same_place(*found, each.first);
  });
}

// A pool that was there before may be away: that must not stop the work on all others. A device that holds something is not
// taken over by a slip of the finger.
Result<void> Array::check_new_pools(const Configuration& next) {
  const std::shared_ptr<const View> before = view();
  for (const api::Pool& pool : next.pools) {
    const api::Pool* now = api::find_named(before->configuration.pools, pool.name);
    if (now != nullptr && same_place(*now, pool)) continue;
    std::vector<std::string> known;
    for (const api::Volume& each : before->configuration.volumes) {
      if (each.pool == pool.name) known.push_back(each.backing);
    }
    TRY(storage::check_devices_free(pool, known, *parts_.privileged));
    TRY(driver_of(pool));
  }
  return {};
}

// An empty device that no volume has: nobody may have written to one that was given out a moment ago.
Result<std::string> Array::choose_device(const Configuration& next, const api::Volume& volume) {
  TRY_ASSIGN(const auto driver, driver_in(next, volume.pool));
  std::set<std::string> taken;
  for (const Configuration* all : {&next, &view()->configuration}) {
    for (const api::Volume& each : all->volumes) taken.insert({each.backing, each.device});
    for (const api::DeletedVolume& each : all->recycle_bin) taken.insert(each.volume.backing);
  }
  TRY_ASSIGN(const std::vector<storage::FoundBacking> devices, driver->list());
  for (const storage::FoundBacking& each : devices) {
    if (each.allocated_bytes == 0 && each.size_bytes >= volume.size_bytes && !taken.contains(each.backing))
      return each.backing;
  }
  return fail(ErrorCode::no_space, fmt::format("volumes/{}/device", volume.name),
              "no device of pool {} that is empty and no volume's has {} or more: add one", volume.pool,
              json::print_size_rounded(volume.size_bytes));
}

// Storage that is named, not made here (an import, a device): its size may be left out, for it is what it is.
Result<void> Array::find_adopted_sizes(Configuration& next) {
  for (api::Volume& each : next.volumes) {
    if (each.size_bytes != 0 || api::find_named(next.pools, each.pool) == nullptr) continue;
    if (api::find_named(view()->configuration.volumes, each.name) != nullptr) continue;
    TRY_ASSIGN(const auto driver, driver_in(next, each.pool));
    const std::string backing = each.backing.empty() ? each.device : each.backing;
    if (backing.empty()) continue;
    Result<storage::FoundBacking> found = driver->find(backing);
    if (!found)
      return fail(found.error().code, fmt::format("volumes/{}/size_bytes", each.name), "{}",
                  found.error().message);
    each.size_bytes = found->size_bytes;
  }
  return {};
}

Result<void> Array::check_room(const Configuration& next) {
  const Configuration& before = view()->configuration;
  std::map<std::pair<std::string, bool>, uint64_t> more;  // by pool, thin or not
  for (const api::Volume& each : next.volumes) {
    const api::Volume* now = api::find_named(before.volumes, each.name);
    const uint64_t had = now == nullptr ? 0 : now->size_bytes;
    const bool came_back =
        now == nullptr && std::ranges::any_of(before.recycle_bin, [&](const api::DeletedVolume& deleted) {
          return deleted.volume.pool == each.pool && deleted.volume.backing == each.backing;
        });
    if (each.size_bytes > had && !came_back) more[{each.pool, each.thin}] += each.size_bytes - had;
  }
  for (const auto& [key, bytes] : more) {
    TRY_ASSIGN(const auto driver, driver_in(next, key.first));
    TRY(driver->check_room(bytes, key.second));
  }
  return {};
}

}  // namespace ashlar::agent
