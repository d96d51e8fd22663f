// Units of other arrays as volumes, one each: what a device of the pool names is every path to one unit, as URLs.
#include <algorithm>
#include <set>

#include "storage/folder_path.h"
#include "storage/pools.h"

namespace ashlar::storage {
namespace {

constexpr size_t most_units = 256;
constexpr size_t most_paths = 16;
constexpr char no_snapshots_of_units[] =
    "a unit of another array shares no blocks with others here: take the snapshot there";

/// Split at spaces. What a URL must be like in full is the engine's to say, which connects.
Result<std::vector<std::string>> paths_of(const std::string& device, const std::string& place) {
  std::vector<std::string> urls;
  for (size_t at = 0; at < device.size();) {
    const size_t end = std::min(device.find(' ', at), device.size());
    if (end > at) urls.push_back(device.substr(at, end - at));
    at = end + 1;
  }
  if (urls.empty() || urls.size() > most_paths)
    return fail(ErrorCode::invalid_argument, place, "names {} paths: 1 to {} are needed", urls.size(),
                most_paths);
  for (const std::string& url : urls) {
    const bool known = url.starts_with("iscsi://") || url.starts_with("nvme-tcp://");
    const bool plain = std::ranges::all_of(url, [](char c) { return c > ' ' && c < 0x7f && c != ','; });
    if (!known || !plain)
      return fail(
          ErrorCode::invalid_argument, place,
          "'{}' is no path: iscsi://ADDRESS/IQN/LUN or nvme-tcp://ADDRESS/NQN/NAMESPACE, several separated "
          "by spaces",
          url);
  }
  return urls;
}

// "iscsi://backup@192.0.2.7/..."
bool names_user(const std::string& url) {
  const size_t begin = url.find("://") + 3;
  return url.substr(begin, url.find('/', begin) - begin).contains('@');
}

class RemotePool final : public PoolDriver {
 public:
  explicit RemotePool(std::vector<std::string> devices) : devices_(std::move(devices)) {}

  PoolAbilities abilities() override {
    return {.thick = true, .why_no_snapshots = no_snapshots_of_units, .one_volume_a_device = true};
  }
  // Whether a unit answers only the engine finds out: its volume says so.
  Result<PoolUsage> usage() override { return PoolUsage{.state = "online"}; }
  Result<std::string> choose_backing(const api::Volume& volume, uint32_t /*random*/) override {
    TRY(check_ours(volume.device, "device"));
    return volume.device;
  }
  // What it holds is the other array's to know: nothing is made, and nothing is wiped.
  Result<void> create(const api::Volume& volume) override { return check_ours(volume.backing, "backing"); }
  Result<void> clone(const std::string& from, const std::string& /*to*/) override {
    return fail(ErrorCode::unsupported, from, "{}", no_snapshots_of_units);
  }
  Result<void> remove(const std::string& backing) override { return check_ours(backing, "backing"); }
  Result<void> check_room(uint64_t /*more_bytes*/, bool /*thin*/) override { return {}; }
  EngineStore engine_store(const api::Volume& volume) override {
    return {"remote", {{"urls", volume.backing}}};
  }
  Result<FoundBacking> find(const std::string& backing) override { return FoundBacking{backing}; }
  Result<std::vector<FoundBacking>> list() override {
    std::vector<FoundBacking> all;
    for (const std::string& device : devices_) all.push_back({device});
    return all;
  }

 private:
  Result<void> check_ours(const std::string& device, const char* field) const {
    if (std::ranges::find(devices_, device) != devices_.end()) return {};
    return fail(ErrorCode::invalid_argument, field, "'{}' is no unit of the pool, which has {}", device,
                fmt::join(devices_, "; "));
  }
  std::vector<std::string> devices_;
};

}  // namespace

Result<std::unique_ptr<PoolDriver>> open_remote_pool(const api::Pool& pool, Privileged& /*privileged*/) {
  TRY(check_no_path(pool));
  if (pool.devices.empty() || pool.devices.size() > most_units)
    return fail(ErrorCode::invalid_argument, "devices", "a remote pool has 1 to {} units, not {}", most_units,
                pool.devices.size());
  // One path of two units would make two volumes of one.
  std::set<std::string> seen;
  for (size_t i = 0; i < pool.devices.size(); ++i) {
    const std::string place = fmt::format("devices[{}]", i);
    TRY_ASSIGN(const std::vector<std::string> urls, paths_of(pool.devices[i], place));
    for (const std::string& url : urls) {
      if (!seen.insert(url).second)
        return fail(ErrorCode::invalid_argument, place, "{} is listed twice", url);
      if (!pool.chap && names_user(url))
        return fail(ErrorCode::invalid_argument, place,
                    "{} names a CHAP user, and the pool has no `chap` with its secret", url);
    }
  }
  return std::make_unique<RemotePool>(pool.devices);
}

}  // namespace ashlar::storage
