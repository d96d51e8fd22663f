// For tests: an array of two shards with one volume in memory, and two hosts that reach for a block of it.
#pragma once

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <optional>
#include <set>

#include "base/bytes.h"
#include "engine/engine.h"
#include "initiator/login.h"
#include "initiator/scsi_block.h"
#include "layers/layers.h"
#include "loop/sim_world.h"
#include "stores/stores.h"

namespace ashlar::simulation {

constexpr uint32_t block_bytes = 512;
constexpr size_t hands = 2;

/// What stands in the block: a count, and who wrote it.
inline std::vector<uint8_t> block_of(uint64_t count, size_t hand) {
  std::vector<uint8_t> block(block_bytes);
  store_be64(block.data(), count);
  store_be64(&block[8], hand);
  return block;
}

/// The environment's number of rounds, or `usual`.
inline uint64_t rounds_of(const char* variable, uint64_t usual) {
  const char* const asked = std::getenv(variable);
  return asked == nullptr ? usual : std::strtoull(asked, nullptr, 10);
}

class HandoverArray : public testing::Test {
 protected:
  static constexpr BufferPool::Sizes pools{.small = 256, .medium = 32, .large = 16};
  static constexpr char target[] = "iqn.2026-11.io.ashlar:sim";

  template <typename Make>
  auto run(loop::SimLoop& loop, Make make) {
    std::optional<decltype(make())> task;
    loop.enter([&] { task.emplace(make()); });
    CHECK(world.run_until([&] { return task->done(); }, loop::seconds(100)), "the story does not end");
    return task->take();
  }
  HandoverArray() : array(world.add_process("array", 2, pools)) {
    stores::add_all(registry);
    layers::add_all(registry);
    for (size_t i = 0; i < hands; ++i)
      hosts.push_back(&world.add_process(fmt::format("host-{}", i), 1, pools));
    array.loop(0).enter(
        [&] { engine = std::make_unique<engine::Engine>(array, registry, engine::EngineOptions{}); });
    run(array.loop(0), [&] { return start(*engine); });
  }
  rpc::Document document() const {
    rpc::Document made;
    rpc::VolumeDocument volume;
    volume.name = "v";
    volume.size_bytes = 1 << 20;
    volume.store = {"memory", {}};
    made.volumes.push_back(volume);
    made.hosts.push_back({.name = "all", .any = true});
    made.portals.push_back({.name = "p", .address = array.machine().addresses[0]});
    made.targets.push_back({.name = target});
    made.mappings.push_back({.host = "all", .target = target, .volume = "v"});
    return made;
  }
  void apply(const rpc::Document& wanted) {
    const auto applied = run(array.loop(0), [&] { return engine->apply(wanted, false); });
    CHECK(applied.has_value(), "{}", applied.error().text());
  }
  /// To be called when no host is connected any more.
  void stop_engine() {
    run(array.loop(0), [&] { return stop(*engine); });
    world.run_for(loop::seconds(1));
    array.loop(0).enter([&] { engine.reset(); });
  }
  std::unique_ptr<initiator::Session> log_in(size_t host) {
    initiator::LoginOptions options;
    options.endpoint = {array.machine().addresses[0], 3260};
    options.initiator_name = fmt::format("iqn.2026-11.com.example:h{}", host);
    options.target_name = target;
    auto session = run(hosts[host]->loop(0), [&] { return initiator::login(hosts[host]->loop(0), options); });
    CHECK(session.has_value());
    initiator::BlockUnit unit(**session, 0);
    EXPECT_TRUE(run(hosts[host]->loop(0), [&] { return unit.become_ready(); }));
    return std::move(*session);
  }
  std::vector<rpc::SessionStatus> sessions_of_engine() {
    return run(array.loop(0), [&] { return engine->sessions(); });
  }
  /// COMPARE AND WRITE of one block, and what is sent with it.
  static initiator::Cdb compare_and_write() {
    initiator::Cdb cdb{0x89};
    cdb[13] = 1;
    return cdb;
  }
  static std::vector<uint8_t> expected_and_wanted(std::vector<uint8_t> expected,
                                                  const std::vector<uint8_t>& wanted) {
    expected.insert(expected.end(), wanted.begin(), wanted.end());
    return expected;
  }

  loop::SimWorld world{1};
  loop::SimProcess& array;
  std::vector<loop::SimProcess*> hosts;
  block::Registry registry;
  std::unique_ptr<engine::Engine> engine;

 private:
  static loop::Task<bool> start(engine::Engine& engine) {
    auto starting = engine.start();
    co_await starting;
    co_return true;
  }
  static loop::Task<bool> stop(engine::Engine& engine) {
    auto stopping = engine.stop(loop::seconds(1));
    co_await stopping;
    co_return true;
  }
};

}  // namespace ashlar::simulation
