// For tests: the one desired state, over a world with one of each.
#pragma once

#include "agent/completion.h"
#include "agent/world_test.h"
#include "api/lists.h"

namespace ashlar::agent {

class ArrayTest : public FurnishedArray {
 protected:
  void snapshot_db1() {
    world.must_change([](api::Configuration& next) { next.snapshots.push_back({.name = "db1@a"}); });
  }
  static void restore_db1(api::Configuration& next) {
    api::Volume& volume = *api::find_named(next.volumes, "db1");
    volume.backing = std::string(new_backing);
    volume.origin = "db1@a";
  }
  void log_in() { world.engine.set_sessions({session_of(1, "web1", initiator_name, target_name)}); }
};

}  // namespace ashlar::agent
