// Runs seeds in child processes, so that a CHECK that fires, or a run that never ends, is a finding like any other.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

namespace ashlar::simulation {

struct Finding {
  uint64_t seed = 0;
  bool failed = false;
  std::string text;  ///< what the run reported, or how its process died
};

struct RunOptions {
  uint64_t first = 1;
  uint64_t seeds = 1;
  uint32_t jobs = 1;
  std::string planted;
  bool paths = false;
  bool stop_at_failure = true;  ///< of any seed
  uint32_t seconds_per_seed = 60;
};

/// Calls `found` for each seed that is over, in no particular order. Returns how many failed.
uint64_t run_seeds(const RunOptions& options, const std::function<void(const Finding&)>& found);

}  // namespace ashlar::simulation
