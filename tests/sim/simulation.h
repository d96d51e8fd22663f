// One seed from beginning to end: an array and its hosts under misfortune, then a quiet phase in which everything must be
// answered, everything is read, and everything is taken down.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "sim/array.h"
#include "sim/checker.h"
#include "sim/host.h"
#include "sim/nemesis.h"
#include "sim/path_host.h"
#include "sim/plant.h"
#include "sim/scenario.h"

namespace ashlar::simulation {

struct Report {
  std::optional<std::string> violation;
  uint64_t trace_hash = 0;
  uint64_t events = 0;
  uint64_t sectors_checked = 0;
  uint64_t misfortunes = 0;
  uint64_t engines = 0;
  loop::Nanoseconds simulated{0};
  HostCounters hosts;
  std::string text() const;
};

class Simulation final : ArrayWatcher, SimulatedHost::Watcher {
 public:
  struct Options {
    uint64_t seed = 1;
    std::string planted;  ///< the name of a planted bug, or empty
    bool paths = false;   ///< a host that reaches the volumes by several paths, by both protocols
    std::FILE* trace = nullptr;
  };
  explicit Simulation(const Options& options);
  ~Simulation();
  /// Once. After a violation the objects of the run are in no state to be destroyed: keep the Simulation for ever.
  Report run();

 private:
  void engine_died() override { checker_.fence_all(); }
  void power_was_lost() override { checker_.power_lost(); }
  void volume_grew(uint32_t volume, uint64_t bytes) override;
  void violation(const std::string& what) override;
  bool ok() const { return !violation_; }
  /// Runs until `predicate` holds; past `limit` that is a violation, with `what`.
  void wait_for(const std::function<bool()>& predicate, loop::Nanoseconds limit, const char* what);
  void set_mode(SimulatedHost::Mode mode);
  std::unique_ptr<SimulatedHost> make_host(uint32_t number);
  void verify(const char* what);
  void disturb();
  void wind_up();
  Report report() const;

  const Scenario scenario_;
  loop::SimWorld world_;
  Checker checker_;
  block::Registry registry_;
  std::unique_ptr<Plant> plant_;
  std::unique_ptr<Array> array_;
  std::vector<std::unique_ptr<SimulatedHost>> hosts_;
  std::unique_ptr<Nemesis> nemesis_;
  std::optional<std::string> violation_;
};

}  // namespace ashlar::simulation
