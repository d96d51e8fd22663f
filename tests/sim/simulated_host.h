// What the simulation asks of a host, whichever way it reaches the array.
#pragma once

#include <string>

#include "loop/sim_random.h"
#include "sim/checker.h"
#include "sim/scenario.h"

namespace ashlar::simulation {

struct HostCounters {
  uint64_t logins = 0, failed_logins = 0, good = 0, rejected = 0, failed = 0, unknown = 0, aborts = 0,
           resets = 0, timeouts = 0;
  uint64_t retries = 0, failovers = 0, held = 0;  ///< of hosts with paths
  void add(const HostCounters& other);
};

class SimulatedHost {
 public:
  enum class Mode : uint8_t {
    work,    ///< commands at random
    rest,    ///< none; sessions stay
    verify,  ///< host 0 reads everything, once
    retire,  ///< logs out and ends
  };
  class Watcher {
   public:
    virtual void violation(const std::string& what) = 0;

   protected:
    ~Watcher() = default;
  };

  virtual ~SimulatedHost() = default;
  virtual void start() = 0;
  virtual void set_mode(Mode mode) = 0;
  virtual bool busy() const = 0;
  virtual bool verified() const = 0;
  virtual bool retired() const = 0;
  virtual const HostCounters& counters() const = 0;
  virtual std::string describe() const = 0;
};

/// Where a command goes.
struct Place {
  uint32_t volume;
  uint32_t block_bytes;
  uint64_t lba;
  uint32_t blocks;
  uint64_t first_sector() const { return lba * (block_bytes / sector_bytes); }
  uint32_t sectors() const { return blocks * (block_bytes / sector_bytes); }
  uint32_t bytes() const { return blocks * block_bytes; }
};
/// Mostly small, mostly where others are.
Place draw_place(loop::SimRandom& random, const Scenario& scenario, const Checker& checker);

}  // namespace ashlar::simulation
