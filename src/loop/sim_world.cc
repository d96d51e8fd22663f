#include "loop/sim_world.h"

#include <algorithm>
#include <string_view>

namespace ashlar::loop {

const char* name_of(SimEvent event) {
  static constexpr const char* names[] = {"turn",      "wake",     "mailbox", "deliver", "acknowledge",
                                          "notify",    "connect",  "accept",  "reset",   "disk_effect",
                                          "disk_done", "blocking", "machine", "harness"};
  return names[static_cast<size_t>(event)];
}

SimMachine::SimMachine(SimWorld& world, std::string machine_name, uint32_t machine_index, uint64_t seed)
    : name(std::move(machine_name)), index(machine_index), disk(world, *this, seed) {
  addresses.push_back(fmt::format("10.0.{}.{}", (index + 1) / 256, (index + 1) % 256));
}

SimWorld::SimWorld(uint64_t seed) : seed_(seed), random_(seed), network_(*this, mix64(seed ^ 0x6e6574)) {
  now_.nanoseconds = 1'000'000'000;  // zero is nobody's uptime: bugs that take it for "never" would hide
}

SimWorld::~SimWorld() {
  queue_.clear();
  processes_.clear();
}

SimMachine& SimWorld::machine(const std::string& name) {
  std::unique_ptr<SimMachine>& place = machines_[name];
  if (!place) {
    const auto index = static_cast<uint32_t>(machines_.size() - 1);
    place = std::make_unique<SimMachine>(*this, name, index, mix64(seed_ ^ 0x6469736b) + index);
  }
  return *place;
}

SimProcess& SimWorld::add_process(std::string name, SimMachine& machine, uint32_t shard_count,
                                  const BufferPool::Sizes& pools) {
  CHECK(machine.powered, "{} has no power", machine.name);
  const auto index = static_cast<uint32_t>(processes_.size());
  const uint64_t seed = mix64(seed_ ^ 0x70726f63) + index;
  processes_.push_back(
      std::make_unique<SimProcess>(*this, machine, std::move(name), index, shard_count, pools, seed));
  return *processes_.back();
}

void SimWorld::at(Instant when, SimEvent kind, uint64_t subject, Action action) {
  queue_.push_back(Pending{std::max(when, now_), sequence_++, kind, subject, std::move(action)});
  std::push_heap(queue_.begin(), queue_.end());
}

bool SimWorld::step() {
  if (queue_.empty()) return false;
  std::pop_heap(queue_.begin(), queue_.end());
  Pending event = std::move(queue_.back());
  queue_.pop_back();
  now_ = event.when;
  ++sequence_run_;
  trace(event.kind, event.subject);
  event.action();
  return true;
}

bool SimWorld::run_until(const std::function<bool()>& predicate, Nanoseconds limit) {
  const Instant end = now_ + limit;
  while (!predicate()) {
    if (queue_.empty() || queue_.front().when > end) {
      now_ = end;
      return predicate();
    }
    step();
  }
  return true;
}

void SimWorld::run_for(Nanoseconds span) {
  run_until([] { return false; }, span);
}

void SimWorld::crash(SimProcess& process) {
  if (!process.live_) return;
  note("crash " + process.name());
  network_.process_died(process, /*tell_peers=*/true);
  process.machine().disk.process_died(process);
  process.live_ = false;
}

void SimWorld::power_off(SimMachine& machine) {
  note("power off " + machine.name);
  for (const auto& process : processes_) {
    if (&process->machine() != &machine || !process->live_) continue;
    network_.process_died(*process, /*tell_peers=*/false);
    machine.disk.process_died(*process);
    process->live_ = false;
  }
  machine.disk.power_lost();
  machine.powered = false;
}

void SimWorld::power_on(SimMachine& machine) {
  note("power on " + machine.name);
  machine.powered = true;
  network_.machine_returned(machine);
}

void SimWorld::trace(SimEvent kind, uint64_t subject) {
  trace_hash_ = mix64(trace_hash_ ^ mix64(static_cast<uint64_t>(now_.nanoseconds)) ^
                      (subject << 8 | static_cast<uint64_t>(kind)));
  if (trace_file_ != nullptr) {
    fmt::print(trace_file_, "{:>15.9f} {} {:x}\n", static_cast<double>(now_.nanoseconds) * 1e-9,
               name_of(kind), subject);
  }
}

void SimWorld::note(const std::string& line) {
  uint64_t hash = 0;
  for (const char character : line) hash = mix64(hash ^ static_cast<uint8_t>(character));
  trace_hash_ = mix64(trace_hash_ ^ hash);
  if (trace_file_ != nullptr)
    fmt::print(trace_file_, "{:>15.9f} {}\n", static_cast<double>(now_.nanoseconds) * 1e-9, line);
}

}  // namespace ashlar::loop
