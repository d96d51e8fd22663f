// For tests: an array that nobody disturbs but the test, one volume, and hosts that are logged in to it.
#pragma once

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "initiator/login.h"
#include "initiator/scsi_block.h"
#include "layers/layers.h"
#include "sim/array.h"
#include "stores/stores.h"

namespace ashlar::simulation {

constexpr uint8_t reservation_conflict = 0x18;  // a status of SAM-5 5.3.1

class QuietArray final : ArrayWatcher {
 public:
  static constexpr size_t hosts = 3;
  static constexpr const char* volume_path = "/srv/v";

  explicit QuietArray(uint64_t seed) : world(seed), scenario_(quiet(seed)) {
    stores::add_all(registry_);
    layers::add_all(registry_);
    ArrayWatcher& watcher = *this;
    array_ = std::make_unique<Array>(world, scenario_, registry_, "", watcher);
    for (size_t i = 0; i < hosts; ++i)
      processes_.push_back(&world.add_process(fmt::format("host-{}", i), 1, host_pools));
    array_->start();
    log_in();
  }
  QuietArray(const QuietArray&) = delete;
  QuietArray& operator=(const QuietArray&) = delete;
  ~QuietArray() {
    for (size_t i = 0; i < hosts; ++i) loop(i).enter([&] { sessions_[i].reset(); });
    array_->stop();
    world.run_until([this] { return array_->all_gone(); }, loop::seconds(90));
    world.run_for(loop::seconds(2));  // stories that sleep see that their server is gone
  }

  Array& array() { return *array_; }
  loop::SimLoop& loop(size_t host) { return processes_[host]->loop(0); }
  initiator::Session& session(size_t host) { return *sessions_[host]; }
  /// LUN 0 as that host has it now.
  initiator::BlockUnit unit(size_t host) { return {session(host), 0}; }
  static std::string initiator_name(size_t host) { return fmt::format("iqn.2026-11.com.example:h{}", host); }
  static std::string initiator_port(size_t host) {
    return fmt::format("{},i,0x80000000000{}", initiator_name(host), host);
  }

  /// Runs the coroutine that `make` gives on that host to its end, and gives its value.
  template <typename Make>
  auto run(size_t host, Make make) {
    std::optional<decltype(make())> task;
    loop(host).enter([&] { task.emplace(make()); });
    CHECK(world.run_until([&] { return task->done(); }, loop::seconds(100)), "the story does not end");
    return task->take();
  }
  initiator::Answer execute(size_t host, const initiator::Cdb& cdb, ConstBytes out, Bytes in) {
    initiator::BlockUnit there = unit(host);
    return run(host, [&] { return there.execute(cdb, out, in); });
  }

  loop::SimWorld world;

  /// kill -9 of the engine, or the machine loses its power, and what was not synced with it. The hosts know that it is gone.
  void end_engine(bool power) {
    power ? array_->power_off() : array_->kill();
    for (size_t i = 0; i < hosts; ++i) loop(i).enter([&] { sessions_[i]->close("the array is gone"); });
  }
  /// After end_engine(), and what was to be seen to in between.
  void start_engine(bool power) {
    if (power) array_->power_on();
    array_->start();
    log_in();
  }
  /// Every session anew; the attentions of a new one are told.
  void log_in() {
    for (size_t i = 0; i < sessions_.size(); ++i) loop(i).enter([&] { sessions_[i].reset(); });
    sessions_.clear();
    for (size_t i = 0; i < hosts; ++i) sessions_.push_back(log_in(i));
  }

 private:
  static constexpr BufferPool::Sizes host_pools{.small = 16, .medium = 4, .large = 1};

  void engine_died() override {}
  void power_was_lost() override {}
  void volume_grew(uint32_t, uint64_t) override {}
  void violation(const std::string& what) override { ADD_FAILURE() << what; }

  static Scenario quiet(uint64_t seed) {
    Scenario scenario(seed);
    scenario.volumes.resize(1);
    scenario.volumes[0] = {.name = "v", .path = volume_path, .size_bytes = 65536};
    scenario.disk = {};
    scenario.network = {};
    scenario.faults = {};
    scenario.little_memory = false;
    return scenario;
  }
  std::unique_ptr<initiator::Session> log_in(size_t host) {
    initiator::LoginOptions options;
    options.endpoint = array_->portal();
    options.initiator_name = initiator_name(host);
    options.isid = {0x80, 0, 0, 0, 0, static_cast<uint8_t>(host)};
    options.target_name = Array::target_name;
    for (int attempt = 0; attempt < 100; ++attempt) {
      auto session = run(host, [&] { return initiator::login(loop(host), options); });
      if (session) {
        initiator::BlockUnit there(**session, 0);
        EXPECT_TRUE(run(host, [&] { return there.become_ready(); }));
        return std::move(*session);
      }
      world.run_for(loop::milliseconds(20));
    }
    CHECK(false, "host {} finds no array", host);
  }

  Scenario scenario_;
  block::Registry registry_;
  std::unique_ptr<Array> array_;
  std::vector<loop::SimProcess*> processes_;
  std::vector<std::unique_ptr<initiator::Session>> sessions_;
};

}  // namespace ashlar::simulation
