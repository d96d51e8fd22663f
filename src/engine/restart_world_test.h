// For tests: one engine after another on one machine's disk, and hosts that log in for a command.
#pragma once

#include <gtest/gtest.h>

#include <optional>
#include <string>

#include "engine/engine_world_test.h"

namespace ashlar::engine {

class RestartTest : public testing::Test {
 protected:
  void SetUp() override { restart(); }
  /// Another `boot`: the machine had no power in between.
  void restart(const std::string& boot = "boot 1") {
    world.stop();
    EngineOptions options;
    options.state_folder = "/srv";
    options.boot_id = boot;
    options.commands_per_shard = EngineWorld::few_commands;
    world.enter([&] { world.engine = std::make_unique<Engine>(world.array, world.registry, options); });
    world.run([this] { return world.engine->start(); });
    document.volumes[0].identity = identity;
    const auto applied = world.apply(document);
    ASSERT_TRUE(applied) << applied.error().text();
    if (!applied->drawn.empty()) identity = applied->drawn[0].identity;
  }
  /// What `make` does to LUN 0, in a session of its own of that host.
  template <typename Make>
  initiator::Answer with(const char* host, Make make) {
    auto session = world.log_in(host);
    CHECK(session.has_value());
    initiator::BlockUnit unit(**session, 0);
    world.run_as_host([&] { return unit.become_ready(); });
    const initiator::Answer answer = world.run_as_host([&] { return make(unit); });
    world.leave(std::move(*session));
    return answer;
  }

  EngineWorld world;
  rpc::Document document = demo_document();
  std::optional<rpc::IdentityDocument> identity;
};

}  // namespace ashlar::engine
