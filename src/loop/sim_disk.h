// The simulated disk of one machine: files by path that survive the processes, latencies, faults, and what a crash leaves.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "loop/file.h"
#include "loop/sim_image.h"
#include "loop/sim_random.h"
#include "loop/time.h"

namespace ashlar::loop {

class SimLoop;
class SimProcess;
class SimWorld;
struct SimFlight;
struct SimMachine;

/// A file or block device on a simulated disk.
struct SimInode {
  std::string path;
  SimContent content;
  bool block_device = false;
  uint64_t locked_by = 0;  ///< the open file that holds the lock; 0: none
  const SimProcess* locked_in = nullptr;
};

class SimDisk {
 public:
  struct Settings {
    Nanoseconds read_min = microseconds(20), read_max = microseconds(200);
    Nanoseconds write_min = microseconds(20), write_max = microseconds(300);
    Nanoseconds sync_min = microseconds(100), sync_max = milliseconds(4);
    double slow_chance = 0.005;  ///< an operation takes up to slow_max more
    Nanoseconds slow_max = milliseconds(50);
    double split_chance = 0.25;      ///< a read or write takes effect in two steps
    bool direct = true;              ///< O_DIRECT works here
    uint32_t alignment_bytes = 512;  ///< of offsets and lengths, and of memory when direct
    bool zero_range = true;
    bool punch_hole = true;
    bool rotational = false;
    uint64_t capacity_bytes = UINT64_MAX;  ///< space for all files; past it ENOSPC
    // Faults, each the chance of one operation of its verb. The operation then did all, part or nothing of its work.
    double read_error = 0, write_error = 0, sync_error = 0, zero_error = 0;
  };

  SimDisk(SimWorld& world, SimMachine& machine, uint64_t seed);
  Settings& settings() { return settings_; }
  SimRandom& random() { return random_; }
  SimWorld& world() { return world_; }
  SimMachine& machine() { return machine_; }

  /// Makes a block device; its size is fixed.
  void add_block_device(const std::string& path, uint64_t size_bytes);
  /// The file of that path, or null. For looking at from outside.
  std::shared_ptr<SimInode> find(const std::string& path) const;
  /// No operation completes before `until`.
  void stall(Instant until) { stalled_until_ = until; }
  uint64_t allocated_bytes() const;

  // For loops, files and the world.
  Result<std::unique_ptr<File>> open(SimLoop& loop, const std::string& path, const OpenOptions& options);
  Result<void> remove(SimLoop& loop, const std::string& path);
  void process_died(SimProcess& process);
  void power_lost();
  uint64_t next_sequence() { return ++sequence_; }
  Nanoseconds latency(FileVerb verb);

  void take_off(const std::shared_ptr<SimFlight>& flight);
  void land(const SimFlight& flight);

 private:
  SimWorld& world_;
  SimMachine& machine_;
  SimRandom random_;
  Settings settings_;
  Instant stalled_until_;
  uint64_t sequence_ = 0;
  uint64_t next_open_ = 1;
  std::map<std::string, std::shared_ptr<SimInode>> files_;
  std::map<uint64_t, std::shared_ptr<SimFlight>> flights_;  // by order of submission
};

}  // namespace ashlar::loop
