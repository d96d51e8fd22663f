// An engine and a host in one simulated world, for the tests of this room.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <optional>

#include "engine/engine.h"
#include "initiator/login.h"
#include "initiator/scsi_block.h"
#include "layers/layers.h"
#include "loop/sim_world.h"
#include "stores/stores.h"

namespace ashlar::engine {

constexpr char demo_target[] = "iqn.2026-11.io.ashlar:demo";
constexpr char demo_host[] = "iqn.2026-11.com.example:h1";

inline rpc::VolumeDocument file_volume(const std::string& name, uint64_t bytes = 1 << 20) {
  rpc::VolumeDocument volume;
  volume.name = name;
  volume.size_bytes = bytes;
  volume.store = {"file", {{"path", name + ".img"}}};
  return volume;
}

/// Volume `demo`, mapped to any host as LUN 0 of the demo target, at 10.0.0.1:3260.
inline rpc::Document demo_document() {
  rpc::Document document;
  document.volumes = {file_volume("demo")};
  document.hosts.push_back({.name = "all", .any = true});
  document.portals.push_back({.name = "p", .address = "10.0.0.1"});
  document.targets.push_back({.name = demo_target});
  document.mappings.push_back({.host = "all", .target = demo_target, .volume = "demo"});
  return document;
}

template <typename T>
struct ValueOfTask;
template <typename T>
struct ValueOfTask<loop::Task<T>> {
  using Type = T;
};
/// What the coroutine that a `Make` makes gives.
template <typename Make>
using ValueOf = typename ValueOfTask<std::invoke_result_t<Make&>>::Type;

class EngineWorld {
 public:
  static constexpr uint16_t few_commands = 512;  ///< an engine is started often here
  static constexpr BufferPool::Sizes pools{.small = 64, .medium = 32, .large = 16};

  explicit EngineWorld(uint32_t shards = 2, uint64_t seed = 1)
      : world(seed),
        array(world.add_process("array", shards, pools)),
        host(world.add_process("host", 1, pools)) {
    stores::add_all(registry);
    layers::add_all(registry);
    EngineOptions options;
    options.state_folder = "/srv";
    options.most_waiting_changes = 2;
    options.commands_per_shard = few_commands;
    enter([&] { engine = std::make_unique<Engine>(array, registry, options); });
    run([this] { return engine->start(); });
  }
  ~EngineWorld() {
    if (engine == nullptr) return;
    stop();
  }
  void stop() {
    if (!engine->stopping()) {
      run([this] { return engine->stop(loop::seconds(5)); });
    }
    world.run_for(loop::seconds(1));
    enter([&] { engine.reset(); });
  }

  /// Runs `work` as if in a turn of shard 0.
  void enter(const std::function<void()>& work) { array.loop(0).enter(work); }
  /// Runs the coroutine that `make` gives on shard 0 to its end, and gives its value.
  template <typename Make>
  ValueOf<Make> run(Make make) {
    return run_on(array.loop(0), make);
  }
  template <typename Make>
  ValueOf<Make> run_as_host(Make make) {
    return run_on(host.loop(0), make);
  }

  Result<rpc::ApplyReport> apply(const rpc::Document& document, bool dry_run = false) {
    return run([&] { return engine->apply(document, dry_run); });
  }
  rpc::EngineStatus status() {
    return run([this] { return engine->status(); });
  }
  Result<std::unique_ptr<initiator::Session>> log_in(const std::string& name = demo_host,
                                                     uint16_t port = 3260) {
    initiator::LoginOptions options;
    options.endpoint = {"10.0.0.1", port};
    options.initiator_name = name;
    options.target_name = demo_target;
    return run_as_host([&] { return initiator::login(host.loop(0), options); });
  }
  void leave(std::unique_ptr<initiator::Session> session) {
    host.loop(0).enter([&] { session.reset(); });
    world.run_for(loop::seconds(1));
  }
  std::vector<std::string> event_kinds() {
    std::vector<std::string> kinds;
    for (const rpc::Event& event : engine->events().since(0).events) kinds.push_back(event.kind);
    return kinds;
  }

  loop::SimWorld world;
  loop::SimProcess& array;
  loop::SimProcess& host;
  block::Registry registry;
  std::unique_ptr<Engine> engine;

 private:
  template <typename Make>
  ValueOf<Make> run_on(loop::SimLoop& loop, Make& make) {
    std::optional<loop::Task<ValueOf<Make>>> task;
    loop.enter([&] { task.emplace(make()); });
    CHECK(world.run_until([&] { return task->done(); }, loop::seconds(1000)), "the story does not end");
    if constexpr (!std::is_void_v<ValueOf<Make>>) return task->take();
  }
};

}  // namespace ashlar::engine
