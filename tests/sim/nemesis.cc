#include "sim/nemesis.h"

#include <algorithm>

namespace ashlar::simulation {

using loop::milliseconds;
using loop::Nanoseconds;
using loop::seconds;

namespace {

// Mostly short, now and then long: a fault that lasts decides what the run is about.
Nanoseconds draw_span(loop::SimRandom& random, Nanoseconds usual, Nanoseconds longest) {
  return random.chance(0.15) ? random.between(usual, longest) : random.between(Nanoseconds(1000), usual);
}

}  // namespace

Nemesis::Nemesis(loop::SimWorld& world, const Scenario& scenario, Array& array, const Checker& checker)
    : world_(world),
      scenario_(scenario),
      array_(array),
      checker_(checker),
      random_(loop::mix64(scenario.seed ^ 0x6e656d65)) {}

void Nemesis::after(Nanoseconds span, loop::SimWorld::Action action) {
  world_.after(span, loop::SimEvent::harness, 0, std::move(action));
}

void Nemesis::plan(Nanoseconds mean, const char* name, Deed deed) {
  if (mean.count() == 0) return;
  const Nanoseconds wait = random_.between(mean / 10, mean * 2);
  after(wait, [this, mean, name, deed] {
    if (!active_) return;
    ++count_;
    world_.note(name);
    (this->*deed)();
    plan(mean, name, deed);
  });
}

void Nemesis::start() {
  active_ = true;
  const FaultPlan& faults = scenario_.faults;
  plan(faults.cut, "cut", &Nemesis::cut);
  plan(faults.cut_all, "cut all", &Nemesis::cut_all);
  plan(faults.partition, "partition", &Nemesis::partition);
  plan(faults.kill, "kill", &Nemesis::kill);
  plan(faults.power_loss, "power loss", &Nemesis::lose_power);
  plan(faults.disk_stall, "disk stall", &Nemesis::stall);
  plan(faults.disk_errors, "disk errors", &Nemesis::break_disk);
  plan(faults.pause, "pause", &Nemesis::pause);
  plan(faults.drop_session, "drop session", &Nemesis::drop_session);
  plan(faults.resize, "resize", &Nemesis::resize);
  plan(faults.apply, "apply", &Nemesis::apply);
  plan(faults.block_path, "block path", &Nemesis::block_path);
  plan(faults.access, "access", &Nemesis::change_access);
}

void Nemesis::stop() {
  active_ = false;
  world_.network().heal();
  world_.network().settings().cut_chance = 0;
  world_.network().settings().refuse_chance = 0;
  if (scenario_.paths) array_.change_access("optimized", "non_optimized");
  loop::SimDisk& disk = array_.machine().disk;
  disk.settings().read_error = disk.settings().write_error = disk.settings().sync_error =
      disk.settings().zero_error = 0;
  disk.stall(world_.now());
  if (loop::SimProcess* process = array_.process()) process->pause(world_.now());
  if (!array_.machine().powered) array_.power_on();
  // A device that failed stays failed until it is opened again.
  if (array_.running() && disk_was_broken_) array_.kill();
  if (!array_.running()) array_.start();
}

void Nemesis::partition() {
  std::vector<const loop::SimMachine*> clients;
  for (const auto& [name, machine] : world_.machines()) {
    if (machine.get() != &array_.machine()) clients.push_back(machine.get());
  }
  const loop::SimMachine& client = *clients[random_.below(clients.size())];
  const uint64_t way = random_.below(3);
  if (way != 0) world_.network().block(client, array_.machine(), true);
  if (way != 1) world_.network().block(array_.machine(), client, true);
  after(draw_span(random_, milliseconds(300), seconds(25)), [this, &client] {
    world_.network().block(client, array_.machine(), false);
    world_.network().block(array_.machine(), client, false);
  });
}

void Nemesis::kill() {
  if (!array_.running()) return;
  array_.kill();
  after(draw_span(random_, milliseconds(50), seconds(3)), [this] {
    if (active_ && array_.machine().powered && !array_.running()) array_.start();
  });
}

void Nemesis::lose_power() {
  if (!array_.machine().powered) return;
  array_.power_off();
  after(draw_span(random_, milliseconds(100), seconds(3)), [this] {
    if (!active_) return;
    array_.power_on();
    if (!array_.running()) array_.start();
  });
}

void Nemesis::stall() {
  const Nanoseconds longest = scenario_.paths ? milliseconds(600) : seconds(20);
  array_.machine().disk.stall(world_.now() + draw_span(random_, milliseconds(300), longest));
}

void Nemesis::break_disk() {
  disk_was_broken_ = true;
  loop::SimDisk::Settings& settings = array_.machine().disk.settings();
  settings.read_error = random_.chance(0.5) ? 0.1 : 0;
  settings.write_error = random_.chance(0.5) ? 0.05 : 0;
  settings.zero_error = random_.chance(0.5) ? 0.1 : 0;
  settings.sync_error = scenario_.faults.sync_errors ? 0.2 : 0;
  after(draw_span(random_, milliseconds(50), milliseconds(500)), [this] {
    loop::SimDisk::Settings& again = array_.machine().disk.settings();
    again.read_error = again.write_error = again.zero_error = again.sync_error = 0;
    // Whoever runs this array replaces the engine when a device has failed for good.
    if (active_ && random_.chance(0.7)) kill();
  });
}

void Nemesis::pause() {
  if (loop::SimProcess* process = array_.process())
    process->pause(world_.now() +
                   draw_span(random_, milliseconds(200), scenario_.paths ? milliseconds(900) : seconds(8)));
}

void Nemesis::block_path() {
  const loop::Endpoint place =
      array_.portal(random_.chance(0.5), static_cast<uint16_t>(random_.between(1, 2)));
  const uint64_t way = random_.below(3);
  world_.network().block(place, way != 0, way != 1);
  after(draw_span(random_, milliseconds(400), milliseconds(2500)),
        [this, place] { world_.network().block(place, false, false); });
}

void Nemesis::change_access() {
  static constexpr const char* states[] = {"optimized", "optimized",   "non_optimized",
                                           "standby",   "unavailable", "transitioning"};
  array_.change_access(states[random_.below(std::size(states))], states[random_.below(std::size(states))]);
}

void Nemesis::resize() {
  const auto volume = static_cast<uint32_t>(random_.below(scenario_.volumes.size()));
  const uint64_t bytes = checker_.sectors_of(volume) * sector_bytes;
  if (bytes < 4 << 20) array_.resize(volume, bytes + random_.between(1, 4) * 65536);
}

}  // namespace ashlar::simulation
