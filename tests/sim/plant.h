// Bugs planted on purpose, to prove that the simulation finds bugs. They sit in wrappers at the seams (a file, a stream, a
// block layer): nothing in src/ knows of them.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "block/store.h"
#include "loop/sim_world.h"

namespace ashlar::simulation {

class Plant {
 public:
  virtual ~Plant() = default;
  /// Before the world runs.
  virtual void install(loop::SimWorld& world, block::Registry& registry) = 0;
  /// The layer kind that every volume is to have; empty for none.
  virtual std::string layer() const { return {}; }
  /// The host with paths holds nothing back for a write that was lost.
  virtual bool forgets_doubts() const { return false; }
};

struct PlantedBug {
  std::string_view name;
  std::string_view what;
  std::unique_ptr<Plant> (*make)(std::string_view name, uint64_t seed);
  bool of_paths = false;    ///< planted in runs with paths
  uint64_t first_seed = 1;  ///< where to look for it: a rare one is not found for a while from the first
};

std::unique_ptr<Plant> make_file_plant(std::string_view name, uint64_t seed);
std::unique_ptr<Plant> make_layer_plant(std::string_view name, uint64_t seed);
std::unique_ptr<Plant> make_stream_plant(std::string_view name, uint64_t seed);
std::unique_ptr<Plant> make_path_plant(std::string_view name, uint64_t seed);

const std::vector<PlantedBug>& planted_bugs();
/// Null for the empty name. A name that is not planted is a bug.
std::unique_ptr<Plant> make_plant(std::string_view name, uint64_t seed);

}  // namespace ashlar::simulation
