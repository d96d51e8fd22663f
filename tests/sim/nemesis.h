// Misfortune, on schedule: draws what goes wrong next, and mends it again.
#pragma once

#include <string>

#include "loop/sim_world.h"
#include "sim/array.h"
#include "sim/checker.h"
#include "sim/scenario.h"

namespace ashlar::simulation {

class Nemesis {
 public:
  Nemesis(loop::SimWorld& world, const Scenario& scenario, Array& array, const Checker& checker);
  void start();
  /// Mends all that is broken and does no more harm. The engine runs again when this returns.
  void stop();
  uint64_t misfortunes() const { return count_; }

 private:
  using Deed = void (Nemesis::*)();
  void plan(loop::Nanoseconds mean, const char* name, Deed deed);
  void after(loop::Nanoseconds span, loop::SimWorld::Action action);
  void cut() { world_.network().cut_any(); }
  void cut_all() { world_.network().cut_all(); }
  void partition();
  void kill();
  void lose_power();
  void stall();
  void break_disk();
  void pause();
  void drop_session() { array_.drop_a_session(random_.next()); }
  void resize();
  void block_path();
  void change_access();
  void apply() { array_.apply_again(random_.chance(0.5)); }

  loop::SimWorld& world_;
  const Scenario& scenario_;
  Array& array_;
  const Checker& checker_;
  loop::SimRandom random_;
  bool active_ = false;
  bool disk_was_broken_ = false;
  uint64_t count_ = 0;
};

}  // namespace ashlar::simulation
