// Volumes in the engine's memory, gone when it ends: for trying things out.
#include <sys/sysinfo.h>

#include <algorithm>
#include <cerrno>

#include "storage/pools.h"

namespace ashlar::storage {
namespace {

constexpr char no_snapshots[] =
    "the volumes of a memory pool live in the engine's memory, which has no snapshots: use a pool of kind dir";

class MemoryPool final : public PoolDriver {
 public:
  PoolAbilities abilities() override {
    return {.thin = true, .why_no_snapshots = no_snapshots, .resize = true};
  }

  Result<PoolUsage> usage() override {
    struct sysinfo memory{};
    if (::sysinfo(&memory) != 0)
      return std::unexpected(error_of_errno(errno, "memory", "its size cannot be told"));
    PoolUsage usage;
    usage.size_bytes = uint64_t{memory.totalram} * memory.mem_unit;
    usage.available_bytes = (uint64_t{memory.freeram} + memory.bufferram) * memory.mem_unit;
    usage.used_bytes = usage.size_bytes - std::min(usage.size_bytes, usage.available_bytes);
    usage.state = "online";
    return usage;
  }

  Result<std::string> choose_backing(const api::Volume& volume, uint32_t random) override {
    return backing_name(volume, random);
  }
  Result<void> create(const api::Volume& /*volume*/) override { return {}; }
  Result<void> clone(const std::string& from, const std::string& /*to*/) override {
    return fail(ErrorCode::unsupported, from, "{}", no_snapshots);
  }
  Result<void> remove(const std::string& /*backing*/) override { return {}; }
  // Memory is taken page by page as hosts write; when there is none the engine answers that the medium is full.
  Result<void> check_room(uint64_t /*more_bytes*/, bool thin) override {
    if (thin) return {};
    return fail(ErrorCode::unsupported, "thin", "a memory pool reserves nothing: make the volume thin");
  }
  EngineStore engine_store(const api::Volume& /*volume*/) override { return {"memory", {}}; }
  Result<FoundBacking> find(const std::string& backing) override { return FoundBacking{backing}; }
  Result<std::vector<FoundBacking>> list() override { return std::vector<FoundBacking>{}; }
};

}  // namespace

Result<std::unique_ptr<PoolDriver>> open_memory_pool(const api::Pool& pool, Privileged& /*privileged*/) {
  TRY(check_no_path(pool));
  TRY(check_no_devices(pool));
  return std::make_unique<MemoryPool>();
}

}  // namespace ashlar::storage
