#include "sim/simulated_host.h"

#include <algorithm>

namespace ashlar::simulation {

void HostCounters::add(const HostCounters& other) {
  logins += other.logins;
  failed_logins += other.failed_logins;
  good += other.good;
  rejected += other.rejected;
  failed += other.failed;
  unknown += other.unknown;
  aborts += other.aborts;
  resets += other.resets;
  timeouts += other.timeouts;
  retries += other.retries;
  failovers += other.failovers;
  held += other.held;
}

Place draw_place(loop::SimRandom& random, const Scenario& scenario, const Checker& checker) {
  Place place{};
  place.volume = static_cast<uint32_t>(random.below(scenario.volumes.size()));
  place.block_bytes = scenario.volumes[place.volume].block_bytes;
  const uint64_t all = checker.sectors_of(place.volume) * sector_bytes / place.block_bytes;
  const uint64_t most = std::min<uint64_t>(scenario.largest_transfer_bytes / place.block_bytes, all);
  place.blocks = static_cast<uint32_t>(random.chance(0.7) ? random.between(1, std::min<uint64_t>(8, most))
                                                          : random.between(1, most));
  const uint64_t range = random.chance(0.7) ? std::min<uint64_t>(scenario.hot_blocks, all) : all;
  place.lba = std::min(random.below(range), all - place.blocks);
  return place;
}

}  // namespace ashlar::simulation
