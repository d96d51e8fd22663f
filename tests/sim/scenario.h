// What one seed means: the array, its volumes, its hosts, and which misfortunes will come how often.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "loop/sim_disk.h"
#include "loop/sim_network.h"

namespace ashlar::simulation {

struct VolumePlan {
  std::string name;
  std::string path;
  uint64_t size_bytes = 0;
  uint32_t block_bytes = 512;
  bool write_cache = false;
  bool thin = true;
  bool block_device = false;
};

/// Mean spans between misfortunes of a kind; zero: never in this run.
struct FaultPlan {
  loop::Nanoseconds span{0};  ///< how long faults come at all; the quiet phase follows
  loop::Nanoseconds cut{0}, cut_all{0}, partition{0}, kill{0}, power_loss{0}, disk_stall{0}, disk_errors{0},
      pause{0};
  loop::Nanoseconds drop_session{0}, resize{0}, apply{0};
  loop::Nanoseconds block_path{0}, access{0};  ///< of a run with paths
  bool sync_errors = false;
};

struct Scenario {
  /// `paths`: hosts reach the volumes by several paths, and what may fail is drawn for that.
  explicit Scenario(uint64_t seed, bool paths = false);
  std::string text() const;  ///< for people
  /// Whether the unit offers logical block provisioning (LBPME).
  bool can_unmap(uint32_t volume) const { return disk.punch_hole && volumes[volume].thin; }

  uint64_t seed;
  bool paths = false;
  uint32_t shards = 1;
  uint32_t hosts = 1;
  uint32_t depth = 1;        ///< commands at once, of each host
  uint32_t hot_blocks = 64;  ///< most commands meet here
  uint32_t largest_transfer_bytes = 65536;
  double abort_chance = 0, reset_chance = 0, logout_chance = 0;
  loop::Nanoseconds think{0};  ///< the most that a host waits between commands
  std::vector<VolumePlan> volumes;
  loop::SimNetwork::Settings network;
  loop::SimDisk::Settings disk;
  FaultPlan faults;
  bool little_memory = false;      ///< the engine's pools are too small for all that is asked at once
  bool final_power_cycle = false;  ///< verify, lose the power, verify again
  bool final_kill = false;         ///< or kill -9 in between
};

}  // namespace ashlar::simulation
