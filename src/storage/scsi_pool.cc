// SCSI devices of this machine as volumes, one each, which hands their commands through: no blocks, so no size.
#include <sys/stat.h>

#include <algorithm>
#include <set>

#include "storage/folder_path.h"
#include "storage/pools.h"

namespace ashlar::storage {
namespace {

constexpr size_t most_scsi_devices = 256;
constexpr char no_snapshots_of_devices[] =
    "a SCSI device that is passed through has no blocks that could be shared: back it up from a host";

// Whether it is a SCSI device, and answers, only the engine finds out.
bool is_there(const std::string& device) {
  struct stat there{};
  return ::stat(device.c_str(), &there) == 0 && (S_ISCHR(there.st_mode) || S_ISBLK(there.st_mode));
}

class ScsiPool final : public PoolDriver {
 public:
  explicit ScsiPool(std::vector<std::string> devices) : devices_(std::move(devices)) {}

  PoolAbilities abilities() override {
    return {.thick = true, .why_no_snapshots = no_snapshots_of_devices, .one_volume_a_device = true};
  }
  Result<PoolUsage> usage() override {
    PoolUsage usage{.state = "online"};
    for (const std::string& device : devices_) {
      if (is_there(device)) continue;
      usage.state = "missing";
      usage.message += fmt::format("{}{}", usage.message.empty() ? "not there: " : ", ", device);
    }
    return usage;
  }
  Result<std::string> choose_backing(const api::Volume& volume, uint32_t /*random*/) override {
    TRY(check_ours(volume.device, "device"));
    return volume.device;
  }
  Result<void> create(const api::Volume& volume) override {
    TRY(check_ours(volume.backing, "backing"));
    TRY(find(volume.backing));
    return {};
  }
  Result<void> clone(const std::string& from, const std::string& /*to*/) override {
    return fail(ErrorCode::unsupported, from, "{}", no_snapshots_of_devices);
  }
  Result<void> remove(const std::string& backing) override { return check_ours(backing, "backing"); }
  Result<void> check_room(uint64_t /*more_bytes*/, bool /*thin*/) override { return {}; }
  EngineStore engine_store(const api::Volume& volume) override {
    EngineStore store{"scsi", {{"path", volume.backing}}};
    if (!volume.allow.empty()) store.options["allow"] = fmt::format("{}", fmt::join(volume.allow, ","));
    if (volume.timeout_seconds != 0)
      store.options["timeout_seconds"] = std::to_string(volume.timeout_seconds);
    return store;
  }
  Result<FoundBacking> find(const std::string& backing) override {
    if (is_there(backing)) return FoundBacking{backing};
    return fail(ErrorCode::not_found, backing,
                "the device is not there: is it switched on, and its module loaded?");
  }
  Result<std::vector<FoundBacking>> list() override {
    std::vector<FoundBacking> there;
    for (const std::string& device : devices_) {
      if (is_there(device)) there.push_back({device});
    }
    return there;
  }

 private:
  Result<void> check_ours(const std::string& device, const char* field) const {
    if (std::ranges::find(devices_, device) != devices_.end()) return {};
    return fail(ErrorCode::invalid_argument, field, "'{}' is no device of the pool, which has {}", device,
                fmt::join(devices_, ", "));
  }
  std::vector<std::string> devices_;
};

}  // namespace

Result<std::unique_ptr<PoolDriver>> open_scsi_pool(const api::Pool& pool, Privileged& /*privileged*/) {
  TRY(check_no_path(pool));
  if (pool.devices.empty() || pool.devices.size() > most_scsi_devices)
    return fail(ErrorCode::invalid_argument, "devices", "a scsi pool has 1 to {} devices, not {}",
                most_scsi_devices, pool.devices.size());
  std::set<std::string> seen;
  for (size_t i = 0; i < pool.devices.size(); ++i) {
    const std::string& device = pool.devices[i];
    const std::string place = fmt::format("devices[{}]", i);
    if (!check_path(device) || !device.starts_with("/dev/"))
      return fail(ErrorCode::invalid_argument, place,
                  "'{}' is no device: /dev/sg3, /dev/tape/by-id/... (see lsscsi -g)", device);
    if (!is_there(device)) return fail(ErrorCode::invalid_argument, place, "there is no device {}", device);
    if (!seen.insert(device).second)
      return fail(ErrorCode::invalid_argument, place, "{} is listed twice", device);
  }
  return std::make_unique<ScsiPool>(pool.devices);
}

}  // namespace ashlar::storage
