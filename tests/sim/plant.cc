#include "sim/plant.h"

#include <algorithm>

#include "base/check.h"

namespace ashlar::simulation {

const std::vector<PlantedBug>& planted_bugs() {
  static const std::vector<PlantedBug> bugs = {
      {"sync-lies", "a sync answers at once and does nothing", make_file_plant},
      {"durable-dropped", "durable writes go down as ordinary ones", make_file_plant},
      {"write-misplaced", "now and then a write lands 512 bytes further on", make_file_plant},
      {"write-lost", "now and then a write answers and does nothing", make_file_plant},
      {"write-torn", "now and then only the first half of a write lands", make_file_plant},
      {"read-stale", "now and then a read gives what was there before the last write", make_file_plant},
      {"read-misplaced", "now and then a read comes from 512 bytes before", make_file_plant},
      {"error-swallowed", "a write that failed is reported as done", make_file_plant},
      {"zeroes-ignored", "now and then holes are not punched and ranges not zeroed", make_file_plant},
      {"early-good", "a write answers before it has reached the disk", make_file_plant},
      {"zombie-write", "now and then a write fails, and lands later all the same", make_file_plant},
      {"flush-lost", "a flush is answered without going down", make_layer_plant},
      {"request-forgotten", "now and then a request is never answered", make_layer_plant},
      {"completed-twice", "now and then a request is completed twice", make_layer_plant},
      {"wrong-volume", "now and then a read is served from another volume", make_layer_plant},
      {"data-flipped", "now and then a bit flips in what a read sends", make_stream_plant},
      {"abort-unheard", "ABORT TASK is answered 'complete' and the task goes on", make_stream_plant},
      {"error-answered-good", "CHECK CONDITION goes out as GOOD", make_stream_plant},
      {"doubts-forgotten", "a host does not wait until a lost write can come no more", make_path_plant, true,
       240},
      {"path-write-lost", "a target forgets a write now and then", make_path_plant, true},
  };
  return bugs;
}

std::unique_ptr<Plant> make_plant(std::string_view name, uint64_t seed) {
  if (name.empty()) return nullptr;
  const auto found = std::ranges::find(planted_bugs(), name, &PlantedBug::name);
  CHECK(found != planted_bugs().end(), "no planted bug of the name {}", name);
  return found->make(name, seed);
}

}  // namespace ashlar::simulation
