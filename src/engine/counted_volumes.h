// Volumes whose counters are read.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "engine/volumes.h"

namespace ashlar::engine {

/// A volume whose counters a worker reads: there are hundreds, and they may be read on every thread. A volume that is closed
/// meanwhile waits for its last owner, which this is until its frame on shard 0 ends.
struct Counted {
  std::string name;
  std::shared_ptr<unit::UnitShared> shared;
  std::shared_ptr<block::Store> store;
};

/// Those of `volumes` whose name is wanted.
template <typename Wanted>
std::vector<Counted> counted(const Volumes& volumes, const Wanted& wanted) {
  std::vector<Counted> all;
  for (const auto& [name, unit] : volumes.all())
    if (wanted(name)) all.push_back({name, unit.shared, unit.shared->store});
  return all;
}

}  // namespace ashlar::engine
