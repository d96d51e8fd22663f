// The array under test: a machine, its disk, and one engine after another on it.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/engine.h"
#include "loop/sim_world.h"
#include "sim/scenario.h"

namespace ashlar::simulation {

/// Told what the rest of the simulation must know.
class ArrayWatcher {
 public:
  /// Nothing of the engine's that was under way can touch the disk any more.
  virtual void engine_died() = 0;
  virtual void power_was_lost() = 0;
  /// The volume has that many bytes from now on.
  virtual void volume_grew(uint32_t volume, uint64_t bytes) = 0;
  virtual void violation(const std::string& what) = 0;

 protected:
  ~ArrayWatcher() = default;
};

class Array {
 public:
  /// `planted_layer`: a layer kind to put under every volume, or empty.
  Array(loop::SimWorld& world, const Scenario& scenario, const block::Registry& registry,
        std::string planted_layer, ArrayWatcher& watcher);
  ~Array();

  static constexpr const char* target_name = "iqn.2026-11.io.ashlar:sim";
  loop::Endpoint portal() const { return {machine_.addresses[0], 3260}; }
  /// Two ports a protocol in a scenario with paths, in target port groups 1 and 2.
  static constexpr const char* subsystem_name = "nqn.2026-11.io.ashlar:sim";
  loop::Endpoint portal(bool nvme, uint16_t group) const {
    return {machine_.addresses[0], static_cast<uint16_t>((nvme ? 4419 : 3259) + group)};
  }
  /// States of the two groups, for every volume.
  void change_access(std::string first, std::string second);
  loop::SimMachine& machine() { return machine_; }
  /// The file that keeps who is registered with that volume.
  std::string reservations_path(uint32_t volume) const;

  /// Starts a process and an engine in it, which applies the document until it succeeds.
  void start();
  void kill();
  void power_off();
  void power_on();
  /// Clean stop of the engine that runs.
  void stop();
  bool running() const { return current_ != nullptr; }
  bool serving() const { return current_ != nullptr && current_->serving; }
  /// Every engine ever started has been taken down.
  bool all_gone() const;
  loop::SimProcess* process() { return current_ == nullptr ? nullptr : current_->process; }

  // Requests to the door of the engine that runs; nothing when none serves.
  void drop_a_session(uint64_t which);
  void resize(uint32_t volume, uint64_t bytes);
  void apply_again(bool with_extra_volume);

 private:
  struct Life {
    loop::SimProcess* process = nullptr;
    std::unique_ptr<engine::Engine> engine;
    loop::Event ending;
    bool serving = false;
    bool gone = false;
    uint32_t calls = 0;  // of stories below, that hold the engine
  };
  struct Volume {
    uint64_t bytes;
    std::optional<uint64_t> growing_to;  // a resize that was not answered: either size may be in force
  };

  rpc::Document document(bool grown) const;
  void add_paths(rpc::Document& document) const;
  rpc::VolumeDocument volume_document(uint32_t number, bool grown) const;
  void end(Life& life);
  void settle(bool grown);
  loop::Task<void> live(Life& life);
  loop::Task<void> serve(Life& life);
  loop::Task<void> drop_story(Life& life, uint64_t which);
  loop::Task<void> resize_story(Life& life, uint32_t volume, uint64_t bytes);
  loop::Task<void> apply_story(Life& life);

  loop::SimWorld& world_;
  const Scenario& scenario_;
  const block::Registry& registry_;
  const std::string planted_layer_;
  ArrayWatcher& watcher_;
  loop::SimMachine& machine_;
  std::vector<Volume> volumes_;
  bool extra_volume_ = false;
  std::string access_[2] = {"optimized", "optimized"};
  uint32_t boots_ = 1;
  std::vector<std::unique_ptr<Life>> lives_;
  Life* current_ = nullptr;
};

}  // namespace ashlar::simulation
