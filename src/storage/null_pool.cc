// Volumes that keep nothing: to measure everything but the storage.
#include "storage/pools.h"

namespace ashlar::storage {
namespace {

constexpr char no_snapshots[] = "the volumes of a null pool keep nothing that a snapshot could hold";

class NullPool final : public PoolDriver {
 public:
  PoolAbilities abilities() override {
    return {.thin = true, .thick = true, .why_no_snapshots = no_snapshots, .resize = true};
  }
  Result<PoolUsage> usage() override {
    // size_bytes 0: not limited. The rest is as large as every reader of JSON can tell exactly.
    return PoolUsage{.available_bytes = (1ull << 53) - 1, .state = "online"};
  }
  Result<std::string> choose_backing(const api::Volume& volume, uint32_t random) override {
    return backing_name(volume, random);
  }
  Result<void> create(const api::Volume& /*volume*/) override { return {}; }
  Result<void> clone(const std::string& from, const std::string& /*to*/) override {
    return fail(ErrorCode::unsupported, from, "{}", no_snapshots);
  }
  Result<void> remove(const std::string& /*backing*/) override { return {}; }
  Result<void> check_room(uint64_t /*more_bytes*/, bool /*thin*/) override { return {}; }
  EngineStore engine_store(const api::Volume& /*volume*/) override { return {"null", {}}; }
  Result<FoundBacking> find(const std::string& backing) override { return FoundBacking{backing}; }
  Result<std::vector<FoundBacking>> list() override { return std::vector<FoundBacking>{}; }
};

}  // namespace

Result<std::unique_ptr<PoolDriver>> open_null_pool(const api::Pool& pool, Privileged& /*privileged*/) {
  TRY(check_no_path(pool));
  TRY(check_no_devices(pool));
  return std::make_unique<NullPool>();
}

}  // namespace ashlar::storage
