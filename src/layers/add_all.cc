#include "layers/layers.h"

namespace ashlar::layers {

void add_all(block::Registry& registry) {
  registry.add_layer("readonly", {}, stack_readonly);
  registry.add_layer("stats", {}, stack_stats);
  registry.add_layer("fault",
                     {{"operations", false,
                       "which: comma-separated of read, write, flush, discard, write_zeroes, find_extent"},
                      {"rate_per_million", false, "how many of a million are struck"},
                      {"nth", false, "the one that is struck by its number"},
                      {"error", false, "medium_error, no_space, aborted, device_failed or none"},
                      {"torn", false, "true: a struck write leaves half of itself"},
                      {"hang", false, "true: struck requests wait until they are released"},
                      {"delay_ms", false, "how long a struck request waits"},
                      {"seed", false, "of the chance"}},
                     stack_fault);
}

}  // namespace ashlar::layers
