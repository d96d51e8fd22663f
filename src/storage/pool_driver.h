// What a kind of pool can do. `dir`, `device`, `memory`, `null` and `scsi` today; md, LVM, DRBD and RBD later, behind the same page.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "api/resources.h"
#include "base/result.h"

namespace ashlar::storage {

/// What a pool kind offers; what it does not is refused with the reason, before anything is done.
struct PoolAbilities {
  bool thin = false, thick = false;
  bool snapshots = false;
  std::string
      why_no_snapshots;  ///< "/srv/p0 is ext4, which cannot share blocks between files: use XFS or Btrfs"
  bool resize = false;
  bool one_volume_a_device = false;
};

struct PoolUsage {
  uint64_t size_bytes = 0;       ///< 0: not limited
  uint64_t used_bytes = 0;       ///< by anything
  uint64_t available_bytes = 0;  ///< that a volume could still take
  std::string state;             ///< "online", "missing", "read_only", "full"
  std::string message;           ///< a sentence when the state is not "online"
};

/// What the engine is given to serve a volume (rpc/document.h, StoreDocument).
struct EngineStore {
  std::string kind;
  std::map<std::string, std::string> options;
};

/// A backing that was found in a pool, whether or not a volume is known for it.
struct FoundBacking {
  std::string backing;
  uint64_t size_bytes = 0, allocated_bytes = 0;
};

/// One pool. Calls may block and come from any thread, one change at a time. Names of backings are the driver's to choose, are
/// unique for ever in the pool, and stay in the configuration.
class PoolDriver {
 public:
  virtual ~PoolDriver() = default;
  virtual PoolAbilities abilities() = 0;
  virtual Result<PoolUsage> usage() = 0;

  /// A name for a new volume's storage: "db1-1f3a90c2.img". Makes nothing. A device pool: volume.device, else its first device
  /// that holds nothing; whether another volume has that one already, and nobody wrote to it yet, is the caller's to check.
  virtual Result<std::string> choose_backing(const api::Volume& volume, uint32_t random) = 0;
  /// Empty storage of size_bytes. Doing it again for the same backing is fine while it is empty.
  virtual Result<void> create(const api::Volume& volume) = 0;
  /// `to` becomes a copy of `from` that shares its blocks, as of one moment, also while the engine writes to `from`.
  virtual Result<void> clone(const std::string& from, const std::string& to) = 0;
  /// Gone, and its space with it. Doing it again is fine. A device keeps its content, and create() refuses it until that is wiped.
  virtual Result<void> remove(const std::string& backing) = 0;
  /// Would `size_bytes` more fit? no_space says how much is missing. Thin storage: is there such a size at all?
  virtual Result<void> check_room(uint64_t more_bytes, bool thin) = 0;
  virtual EngineStore engine_store(const api::Volume& volume) = 0;
  /// not_found: the storage of a volume is not there. Kinds without storage of their own (memory, null) find all, of size 0.
  virtual Result<FoundBacking> find(const std::string& backing) = 0;
  /// Files that look like backings; devices that are there, with allocated_bytes 0 when they hold nothing; of memory and null
  /// none.
  virtual Result<std::vector<FoundBacking>> list() = 0;
};

/// The root helper's client (storage/helper.h), or the same verbs done by this process.
class Privileged;

/// invalid_argument names the field ("path", "devices[1]"). Looks at the disk: the folder or the devices must be there. What is
/// on devices does not matter here, since a volume's device holds what hosts wrote to it. `privileged` must outlive the driver.
Result<std::unique_ptr<PoolDriver>> open_pool(const api::Pool& pool, Privileged& privileged);

/// For a pool that is new or gets new devices: busy names the first device that holds something ("devices[1]") and is none of
/// `known_backings`, those of the volumes that are configured. Fine for other kinds.
Result<void> check_devices_free(const api::Pool& pool, const std::vector<std::string>& known_backings,
                                Privileged& privileged);
std::vector<std::string> pool_kinds();

}  // namespace ashlar::storage
