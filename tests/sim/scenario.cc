#include "sim/scenario.h"

#include <fmt/format.h>

#include <algorithm>

namespace ashlar::simulation {
namespace {

using loop::microseconds;
using loop::milliseconds;
using loop::Nanoseconds;
using loop::seconds;
using loop::SimRandom;

void draw_network(SimRandom& random, loop::SimNetwork::Settings& network) {
  network.latency_max = random.between(microseconds(30), microseconds(600));
  network.slow_chance = random.chance(0.3) ? 0.02 : 0.002;
  network.slow_max = random.between(milliseconds(1), milliseconds(60));
  network.window_min_bytes = random.chance(0.2) ? 2048 : 32 * 1024;
  network.window_max_bytes = network.window_min_bytes * 8;
  network.short_receive = network.short_send = random.chance(0.3) ? 0.2 : 0.02;
  network.split_chance = random.chance(0.3) ? 0.4 : 0.05;
  network.cut_chance = random.chance(0.2) ? 0.0005 : 0;
  network.refuse_chance = random.chance(0.2) ? 0.1 : 0;
}

void draw_disk(SimRandom& random, loop::SimDisk::Settings& disk) {
  disk.direct = !random.chance(0.15);
  disk.zero_range = !random.chance(0.2);
  disk.punch_hole = !random.chance(0.1);
  disk.rotational = random.chance(0.1);
  disk.write_max = random.between(microseconds(100), milliseconds(2));
  disk.sync_max = random.between(milliseconds(1), milliseconds(8));
  disk.slow_chance = random.chance(0.3) ? 0.02 : 0.002;
  disk.split_chance = random.chance(0.5) ? 0.3 : 0.05;
}

VolumePlan draw_volume(SimRandom& random, uint32_t number) {
  VolumePlan volume;
  volume.name = fmt::format("volume-{}", number);
  volume.path = fmt::format("/srv/volume-{}", number);
  volume.size_bytes = random.between(4, 24) * 65536;
  volume.block_bytes = random.chance(0.3) ? 4096 : 512;
  volume.write_cache = random.chance(0.4);
  volume.thin = random.chance(0.7);
  volume.block_device = random.chance(0.15);
  return volume;
}

// Each kind of misfortune is in the run or not ("swarm testing"): a run with all of them all the time gets nowhere.
void draw_faults(SimRandom& random, FaultPlan& faults) {
  const auto maybe = [&random](double chance, Nanoseconds least, Nanoseconds most) {
    const Nanoseconds mean = random.between(least, most);
    return random.chance(chance) ? mean : Nanoseconds(0);
  };
  faults.span = random.between(milliseconds(300), milliseconds(1500));
  faults.cut = maybe(0.5, milliseconds(30), milliseconds(500));
  faults.cut_all = maybe(0.2, milliseconds(200), seconds(1));
  faults.partition = maybe(0.2, milliseconds(200), seconds(1));
  faults.kill = maybe(0.4, milliseconds(150), seconds(1));
  faults.power_loss = maybe(0.35, milliseconds(150), seconds(1));
  faults.disk_stall = maybe(0.15, milliseconds(200), seconds(1));
  faults.disk_errors = maybe(0.25, milliseconds(200), seconds(1));
  faults.pause = maybe(0.15, milliseconds(200), seconds(1));
  faults.drop_session = maybe(0.2, milliseconds(100), seconds(1));
  faults.resize = maybe(0.2, milliseconds(200), seconds(1));
  faults.apply = maybe(0.3, milliseconds(50), milliseconds(500));
  faults.sync_errors = random.chance(0.4);
}

}  // namespace

namespace {

// Shorter than what a host waits before it takes a lost write for gone (PathHost): the time in which the array must have given up
// what it got by a connection that is dead.
void draw_path_faults(SimRandom& random, FaultPlan& faults) {
  const auto maybe = [&random](double chance, Nanoseconds least, Nanoseconds most) {
    const Nanoseconds mean = random.between(least, most);
    return random.chance(chance) ? mean : Nanoseconds(0);
  };
  faults = {};
  faults.span = random.between(milliseconds(300), milliseconds(1200));
  faults.block_path = maybe(0.7, milliseconds(60), milliseconds(600));
  faults.access = maybe(0.5, milliseconds(30), milliseconds(300));
  faults.cut = maybe(0.6, milliseconds(20), milliseconds(300));
  faults.cut_all = maybe(0.2, milliseconds(100), milliseconds(600));
  faults.kill = maybe(0.35, milliseconds(200), seconds(1));
  faults.power_loss = maybe(0.25, milliseconds(200), seconds(1));
  faults.disk_stall = maybe(0.2, milliseconds(200), seconds(1));
  faults.pause = maybe(0.2, milliseconds(200), seconds(1));
  faults.drop_session = maybe(0.25, milliseconds(50), milliseconds(600));
  faults.apply = maybe(0.2, milliseconds(50), milliseconds(500));
}

}  // namespace

Scenario::Scenario(uint64_t scenario_seed, bool with_paths) : seed(scenario_seed), paths(with_paths) {
  SimRandom random(loop::mix64(seed ^ 0x7363656e));
  shards = static_cast<uint32_t>(random.between(1, 3));
  hosts = static_cast<uint32_t>(random.between(1, 4));
  depth = static_cast<uint32_t>(random.between(1, 6));
  hot_blocks = static_cast<uint32_t>(random.between(8, 96));
  largest_transfer_bytes = random.chance(0.15) ? 262144 : random.chance(0.5) ? 32768 : 8192;
  abort_chance = random.chance(0.4) ? 0.03 : 0;
  reset_chance = random.chance(0.3) ? 0.004 : 0;
  logout_chance = random.chance(0.3) ? 0.004 : 0;
  think = random.between(microseconds(100), milliseconds(15));
  const uint64_t count = random.between(1, 3);
  for (uint32_t i = 0; i < count; ++i) volumes.push_back(draw_volume(random, i));
  draw_network(random, network);
  draw_disk(random, disk);
  draw_faults(random, faults);
  little_memory = random.chance(0.15);
  const bool all_thin = std::ranges::all_of(
      volumes, [](const VolumePlan& volume) { return volume.thin && !volume.block_device; });
  if (all_thin && random.chance(0.2)) {
    uint64_t bytes = 0;
    for (const VolumePlan& volume : volumes) bytes += volume.size_bytes;
    disk.capacity_bytes = bytes * random.between(3, 8) / 10;
  }
  final_power_cycle = random.chance(0.5);
  final_kill = !final_power_cycle && random.chance(0.4);
  if (!paths) return;
  hosts = 1;
  volumes.resize(1);
  disk.capacity_bytes = UINT64_MAX;
  little_memory = false;
  network.give_up = seconds(4);
  draw_path_faults(random, faults);
}

std::string Scenario::text() const {
  std::string text = fmt::format("seed {}: {} shards, {} hosts x {}, transfers to {}", seed, shards, hosts,
                                 depth, largest_transfer_bytes);
  for (const VolumePlan& volume : volumes) {
    text += fmt::format(", {} {} KiB of {}{}{}{}", volume.name, volume.size_bytes / 1024, volume.block_bytes,
                        volume.write_cache ? " cached" : "", volume.thin ? " thin" : "",
                        volume.block_device ? " block" : "");
  }
  const auto add = [&text](const char* name, Nanoseconds mean) {
    if (mean.count() != 0) text += fmt::format(", {} each {} ms", name, mean / milliseconds(1));
  };
  if (little_memory) text += ", little memory";
  if (disk.capacity_bytes != UINT64_MAX) text += fmt::format(", {} KiB of disk", disk.capacity_bytes / 1024);
  add("cut", faults.cut);
  add("cut all", faults.cut_all);
  add("partition", faults.partition);
  add("kill", faults.kill);
  add("power loss", faults.power_loss);
  add("disk stall", faults.disk_stall);
  add("disk errors", faults.disk_errors);
  add("pause", faults.pause);
  add("drop session", faults.drop_session);
  add("resize", faults.resize);
  add("apply", faults.apply);
  add("block path", faults.block_path);
  add("access", faults.access);
  return text;
}

}  // namespace ashlar::simulation
