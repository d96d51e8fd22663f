// From what is to what is wished for: the steps, in order, and whom they would disturb. Pure: no disk, no engine, no clock.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "api/configuration.h"
#include "api/plan.h"
#include "base/result.h"
#include "rpc/status.h"

namespace ashlar::agent {

/// One thing to do to a pool.
struct StorageWork {
  enum class Kind : uint8_t { create, clone, adopt, remove };
  Kind kind = Kind::create;
  std::string pool, backing;
  std::string from;    ///< clone: what it is a copy of
  api::Volume volume;  ///< create
  bool operator==(const StorageWork&) const = default;
};

struct Shrink {
  std::string volume;
  uint64_t from_bytes = 0, to_bytes = 0;
  bool operator==(const Shrink&) const = default;
};

/// What carries a plan out. `before` is undone by removing what it made; `after` is done, at least once, when the new
/// generation is in force.
struct Work {
  std::vector<StorageWork> before;
  std::vector<Shrink> shrinks;
  std::set<std::string> reopen;  ///< volumes that the engine must let go of and open anew
  std::vector<StorageWork> after;
  std::vector<std::string>
      gone;  ///< UUIDs of volumes that are in no recycle bin either: nobody has them back
  std::set<std::string> keys_gone;  ///< ids of keys that nothing needs any more; done as `after` is
  bool engine = false;              ///< what the engine serves changes
};

struct Planned {
  api::Plan plan;
  Work work;
};

/// What the planner must know of the moment.
struct Moment {
  std::vector<rpc::SessionStatus> sessions;
  std::set<std::string>
      fresh_backings;  ///< "POOL\nBACKING" whose names were chosen for this change: storage to be made
};

/// `after` is complete (identities, backings, LUNs are drawn) and checked. unsupported: something that is fixed for ever
/// would change (the place names it).
Result<Planned> make_plan(const api::Configuration& before, const api::Configuration& after,
                          const Moment& moment);

/// Every storage that a configuration owns, by backing_key(); `kind` is remove.
std::map<std::string, StorageWork> backings_of(const api::Configuration& configuration);
/// UUIDs of every volume that there is, or that can be had back.
std::set<std::string> units_of(const api::Configuration& configuration);
std::string backing_key(const std::string& pool, const std::string& backing);

}  // namespace ashlar::agent
