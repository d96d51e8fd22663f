// Whole devices as volumes, one each: the disk's own speed, nothing shared.
#include <algorithm>
#include <cstdlib>
#include <map>

#include "json/sizes.h"
#include "storage/folder_path.h"
#include "storage/pools.h"

namespace ashlar::storage {
namespace {

constexpr std::string_view by_id = "/dev/disk/by-id/";
constexpr std::string_view loop_device = "/dev/loop";
constexpr size_t max_devices = 1024;

bool is_stable(const std::string& device) {
  if (device.starts_with(by_id)) return device.size() > by_id.size();
  // A loop device has no other name; /dev/sda may be another disk after the next start.
  return device.starts_with(loop_device) && device.size() > loop_device.size() &&
         device[loop_device.size()] >= '0' && device[loop_device.size()] <= '9';
}

std::string place_of(size_t index) { return fmt::format("devices[{}]", index); }

/// Of two links to one disk udev may like another better than the administrator did.
const DeviceFacts* find_device(const std::vector<DeviceFacts>& all, const std::string& device) {
  char* const found = ::realpath(device.c_str(), nullptr);
  const std::string path = found != nullptr ? found : "";
  std::free(found);
  const auto fits = [&](const DeviceFacts& each) {
    return each.stable_id == device || (!path.empty() && each.path == path);
  };
  const auto each = std::ranges::find_if(all, fits);
  return each != all.end() ? &*each : nullptr;
}

Result<void> check_devices(const api::Pool& pool, const std::vector<DeviceFacts>& all) {
  std::map<std::string, size_t> seen;
  for (size_t i = 0; i < pool.devices.size(); ++i) {
    const std::string& device = pool.devices[i];
    if (!check_path(device) || !is_stable(device))
      return fail(ErrorCode::invalid_argument, place_of(i),
                  "'{}' is no stable name, which is /dev/disk/by-id/...: see `ashlar disk list`", device);
    const DeviceFacts* const facts = find_device(all, device);
    if (facts == nullptr)
      return fail(ErrorCode::invalid_argument, place_of(i), "there is no device {}", device);
    const auto [first, fresh] = seen.emplace(facts->path, i);
    if (!fresh)
      return fail(ErrorCode::invalid_argument, place_of(i), "{} is the same device as {}", device,
                  place_of(first->second));
  }
  return {};
}

Error holds_something(const std::string& place, const std::string& device, const DeviceFacts& facts) {
  return {ErrorCode::busy, place,
          fmt::format("{} ({}) is not empty: {}; if that may go, empty it with `wipefs -a {}`", device,
                      facts.path, facts.holds, facts.path)};
}

class DevicePool final : public PoolDriver {
 public:
  DevicePool(std::vector<std::string> devices, Privileged& privileged)
      : devices_(std::move(devices)), privileged_(privileged) {}

  PoolAbilities abilities() override {
    return {.thick = true,
            .why_no_snapshots =
                "the volumes of a device pool are whole devices, which share no blocks: use a pool of kind "
                "dir on XFS or Btrfs",
            .one_volume_a_device = true};
  }

  Result<PoolUsage> usage() override {
    TRY_ASSIGN(const std::vector<DeviceFacts> all, privileged_.list_devices());
    PoolUsage usage;
    usage.state = "online";
    for (const std::string& device : devices_) {
      const DeviceFacts* const facts = find_device(all, device);
      if (facts == nullptr) {
        usage.state = "missing";
        usage.message += fmt::format("{}{}", usage.message.empty() ? "not there: " : ", ", device);
        continue;
      }
      usage.size_bytes += facts->size_bytes;
      (facts->holds.empty() ? usage.available_bytes : usage.used_bytes) += facts->size_bytes;
    }
    if (usage.state == "online" && usage.available_bytes == 0) {
      usage.state = "full";
      usage.message = "no device is empty: add one to the pool";
    }
    return usage;
  }

  Result<std::string> choose_backing(const api::Volume& volume, uint32_t /*random*/) override {
    if (!volume.device.empty()) {
      TRY(check_ours(volume.device, "device"));
      return volume.device;
    }
    TRY_ASSIGN(const std::vector<DeviceFacts> all, privileged_.list_devices());
    for (const std::string& device : devices_) {
      const DeviceFacts* const facts = find_device(all, device);
      if (facts != nullptr && facts->holds.empty() && facts->size_bytes >= volume.size_bytes) return device;
    }
    return fail(ErrorCode::no_space, "device", "no empty device of the pool has {} or more: add one",
                json::print_size_rounded(volume.size_bytes));
  }

  Result<void> create(const api::Volume& volume) override {
    TRY(check_ours(volume.backing, "backing"));
    TRY_ASSIGN(const DeviceFacts facts, look_at(volume.backing));
    if (!facts.holds.empty()) return std::unexpected(holds_something("device", volume.backing, facts));
    if (volume.size_bytes <= facts.size_bytes) return {};
    return fail(ErrorCode::no_space, "size_bytes", "{} has {}, which is {} less than wanted", volume.backing,
                json::print_size_rounded(facts.size_bytes),
                json::print_size_rounded(volume.size_bytes - facts.size_bytes));
  }

  Result<void> clone(const std::string& from, const std::string& /*to*/) override {
    return fail(ErrorCode::unsupported, from, "{}", abilities().why_no_snapshots);
  }
  // Nothing is wiped: a mistaken delete must not cost what hosts wrote.
  Result<void> remove(const std::string& backing) override { return check_ours(backing, "backing"); }

  Result<void> check_room(uint64_t more_bytes, bool /*thin*/) override {
    TRY_ASSIGN(const std::vector<DeviceFacts> all, privileged_.list_devices());
    uint64_t largest = 0;
    for (const std::string& device : devices_) {
      const DeviceFacts* const facts = find_device(all, device);
      if (facts != nullptr && facts->holds.empty()) largest = std::max(largest, facts->size_bytes);
    }
    if (largest != 0 && more_bytes <= largest) return {};
    if (largest == 0) return fail(ErrorCode::no_space, "pool", "none of its devices is empty: add one");
    return fail(ErrorCode::no_space, "pool", "its largest empty device has {}: {} are missing",
                json::print_size_rounded(largest), json::print_size_rounded(more_bytes - largest));
  }

  EngineStore engine_store(const api::Volume& volume) override {
    return {"block", {{"path", volume.backing}}};
  }

  Result<FoundBacking> find(const std::string& backing) override {
    TRY_ASSIGN(const DeviceFacts facts, look_at(backing));
    return found(backing, facts);
  }

  Result<std::vector<FoundBacking>> list() override {
    TRY_ASSIGN(const std::vector<DeviceFacts> all, privileged_.list_devices());
    std::vector<FoundBacking> there;
    for (const std::string& device : devices_) {
      if (const DeviceFacts* const facts = find_device(all, device)) there.push_back(found(device, *facts));
    }
    return there;
  }

 private:
  static FoundBacking found(const std::string& device, const DeviceFacts& facts) {
    return {device, facts.size_bytes, facts.holds.empty() ? 0 : facts.size_bytes};
  }
  Result<void> check_ours(const std::string& device, const char* field) const {
    if (std::ranges::find(devices_, device) != devices_.end()) return {};
    return fail(ErrorCode::invalid_argument, field, "'{}' is no device of the pool, which has {}", device,
                fmt::join(devices_, ", "));
  }
  Result<DeviceFacts> look_at(const std::string& device) {
    TRY_ASSIGN(const std::vector<DeviceFacts> all, privileged_.list_devices());
    const DeviceFacts* const facts = find_device(all, device);
    if (facts == nullptr)
      return fail(ErrorCode::not_found, device, "the device is not there: is the disk in, and alive?");
    return *facts;
  }

  std::vector<std::string> devices_;
  Privileged& privileged_;
};

}  // namespace

Result<std::unique_ptr<PoolDriver>> open_device_pool(const api::Pool& pool, Privileged& privileged) {
  TRY(check_no_path(pool));
  if (pool.devices.empty() || pool.devices.size() > max_devices)
    return fail(ErrorCode::invalid_argument, "devices", "a device pool has 1 to {} devices, not {}",
                max_devices, pool.devices.size());
  TRY_ASSIGN(const std::vector<DeviceFacts> all, privileged.list_devices());
  TRY(check_devices(pool, all));
  return std::make_unique<DevicePool>(pool.devices, privileged);
}

Result<void> check_devices_free(const api::Pool& pool, const std::vector<std::string>& known_backings,
                                Privileged& privileged) {
  if (pool.kind != "device") return {};
  TRY_ASSIGN(const std::vector<DeviceFacts> all, privileged.list_devices());
  TRY(check_devices(pool, all));
  for (size_t i = 0; i < pool.devices.size(); ++i) {
    const std::string& device = pool.devices[i];
    if (std::ranges::find(known_backings, device) != known_backings.end()) continue;
    const DeviceFacts* const facts = find_device(all, device);
    if (facts != nullptr && !facts->holds.empty())
      return std::unexpected(holds_something(place_of(i), device, *facts));
  }
  return {};
}

}  // namespace ashlar::storage
