#include "storage/pool_driver.h"

#include <algorithm>
#include <array>

#include "json/fields.h"
#include "storage/folder_path.h"
#include "storage/pools.h"

namespace ashlar::storage {
namespace {

struct PoolKind {
  std::string_view name;
  Result<std::unique_ptr<PoolDriver>> (*open)(const api::Pool&, Privileged&);
};
constexpr std::array kinds = {PoolKind{"dir", open_dir_pool},       PoolKind{"device", open_device_pool},
                              PoolKind{"memory", open_memory_pool}, PoolKind{"null", open_null_pool},
                              PoolKind{"scsi", open_scsi_pool},     PoolKind{"remote", open_remote_pool}};
constexpr size_t max_stem_bytes = 128;

}  // namespace

std::string backing_name(const api::Volume& volume, uint32_t random) {
  std::string stem = volume.name.substr(0, max_stem_bytes);
  for (char& c : stem) {
    if (!check_file_name("a" + std::string(1, c))) c = '_';
  }
  if (stem.empty() || !check_file_name(stem)) stem.insert(0, "v");
  return fmt::format("{}-{:08x}", stem, random);
}

Result<void> check_no_path(const api::Pool& pool) {
  if (pool.path.empty()) return {};
  return fail(ErrorCode::invalid_argument, "path", "a pool of kind {} has none", pool.kind);
}

Result<void> check_no_devices(const api::Pool& pool) {
  if (pool.devices.empty()) return {};
  return fail(ErrorCode::invalid_argument, "devices", "a pool of kind {} has none", pool.kind);
}

Result<std::unique_ptr<PoolDriver>> open_pool(const api::Pool& pool, Privileged& privileged) {
  std::vector<std::string_view> known;
  for (const PoolKind& kind : kinds) {
    if (kind.name == pool.kind) return kind.open(pool, privileged);
    known.push_back(kind.name);
  }
  return fail(ErrorCode::invalid_argument, "kind", "there is no kind of pool '{}'{}", pool.kind,
              json::advice(pool.kind, known));
}

std::vector<std::string> pool_kinds() {
  std::vector<std::string> names;
  for (const PoolKind& kind : kinds) names.emplace_back(kind.name);
  return names;
}

}  // namespace ashlar::storage
