#include "sim/simulation.h"

#include <fmt/format.h>

#include <algorithm>

#include "layers/layers.h"
#include "stores/stores.h"

namespace ashlar::simulation {
namespace {

constexpr BufferPool::Sizes host_pools{.small = 16, .medium = 4, .large = 1};
// A command timeout, its abort, a partition given up by TCP, a login, all one after the other: still well under this.
constexpr loop::Nanoseconds longest_answer = loop::seconds(90);

}  // namespace

Simulation::Simulation(const Options& options)
    : scenario_(options.seed, options.paths), world_(options.seed) {
  world_.print_trace(options.trace);
  world_.network().settings() = scenario_.network;
  stores::add_all(registry_);
  layers::add_all(registry_);
  plant_ = make_plant(options.planted, scenario_.seed);
  if (plant_) plant_->install(world_, registry_);
  ArrayWatcher& array_watcher = *this;
  array_ =
      std::make_unique<Array>(world_, scenario_, registry_, plant_ ? plant_->layer() : "", array_watcher);
  for (const VolumePlan& volume : scenario_.volumes) checker_.add_volume(volume.size_bytes / sector_bytes);
  for (uint32_t i = 0; i < scenario_.hosts; ++i) {
    hosts_.push_back(make_host(i));
  }
  nemesis_ = std::make_unique<Nemesis>(world_, scenario_, *array_, checker_);
}

Simulation::~Simulation() = default;

std::unique_ptr<SimulatedHost> Simulation::make_host(uint32_t number) {
  SimulatedHost::Watcher& watcher = *this;
  const uint32_t shards = scenario_.paths ? 1 + scenario_.shards % 2 : 1;
  loop::SimProcess& process = world_.add_process(fmt::format("host-{}", number), shards, host_pools);
  if (!scenario_.paths)
    return std::make_unique<Host>(process, number, scenario_, checker_, array_->portal(), watcher);
  return std::make_unique<PathHost>(process, scenario_, checker_, *array_, watcher,
                                    plant_ && plant_->forgets_doubts());
}

void Simulation::violation(const std::string& what) {
  if (violation_) return;
  violation_ = fmt::format("at {:.6f} s: {}", static_cast<double>(world_.now().nanoseconds) * 1e-9, what);
  world_.note("VIOLATION " + what);
}

void Simulation::volume_grew(uint32_t volume, uint64_t bytes) {
  if (bytes / sector_bytes > checker_.sectors_of(volume)) checker_.grow_volume(volume, bytes / sector_bytes);
}

void Simulation::wait_for(const std::function<bool()>& predicate, loop::Nanoseconds limit, const char* what) {
  if (!ok() || world_.run_until([&] { return !ok() || predicate(); }, limit)) return;
  std::string text = fmt::format("not within {} s: {}", limit / loop::seconds(1), what);
  for (const auto& host : hosts_) text += "; " + host->describe();
  violation(text);
}

void Simulation::set_mode(SimulatedHost::Mode mode) {
  for (const auto& host : hosts_) host->set_mode(mode);
}

void Simulation::verify(const char* what) {
  set_mode(SimulatedHost::Mode::verify);
  wait_for([this] { return hosts_[0]->verified(); }, longest_answer, what);
  set_mode(SimulatedHost::Mode::rest);
  wait_for([this] { return std::ranges::none_of(hosts_, &SimulatedHost::busy); }, longest_answer, what);
}

void Simulation::disturb() {
  array_->start();
  for (const auto& host : hosts_) host->start();
  wait_for([this] { return array_->serving(); }, loop::seconds(20), "the first start");
  set_mode(SimulatedHost::Mode::work);
  nemesis_->start();
  world_.run_until([this] { return !ok(); }, scenario_.faults.span);
  nemesis_->stop();
}

void Simulation::wind_up() {
  set_mode(SimulatedHost::Mode::rest);
  wait_for([this] { return std::ranges::none_of(hosts_, &SimulatedHost::busy); }, longest_answer,
           "every command is answered");
  wait_for([this] { return array_->serving(); }, longest_answer, "the engine serves again");
  verify("the first verification");
  if (ok() && (scenario_.final_power_cycle || scenario_.final_kill)) {
    scenario_.final_power_cycle ? array_->power_off() : array_->kill();
    world_.run_for(loop::milliseconds(10));
    if (scenario_.final_power_cycle) array_->power_on();
    array_->start();
    verify("the verification after the last crash");
  }
  set_mode(SimulatedHost::Mode::retire);
  wait_for([this] { return std::ranges::all_of(hosts_, &SimulatedHost::retired); }, longest_answer,
           "every host logs out");
  wait_for([this] { return array_->serving(); }, longest_answer, "the engine serves at the end");
  if (ok()) array_->stop();
  wait_for([this] { return array_->all_gone(); }, longest_answer, "every engine is taken down");
  wait_for([this] { return world_.network().connections() == 0; }, longest_answer,
           "every connection is closed");
}

Report Simulation::run() {
  disturb();
  if (ok()) wind_up();
  return report();
}

Report Simulation::report() const {
  Report report;
  report.violation = violation_;
  report.trace_hash = world_.trace_hash();
  report.events = world_.events();
  report.sectors_checked = checker_.sectors_checked();
  report.misfortunes = nemesis_->misfortunes();
  report.simulated = world_.now() - loop::Instant{};
  for (const auto& process : world_.processes())
    report.engines += process->name().starts_with("engine") ? 1 : 0;
  for (const auto& host : hosts_) report.hosts.add(host->counters());
  return report;
}

std::string Report::text() const {
  return fmt::format(
      "{:.1f} s simulated, {} events, hash {:016x}, {} engines, {} misfortunes, {} logins ({} failed), commands {} good {} rejected "
      "{} failed {} unknown, {} aborts, {} resets, {} timeouts, {} retries, {} fail-overs, {} held, {} sectors checked{}{}",
      static_cast<double>(simulated.count()) * 1e-9, events, trace_hash, engines, misfortunes, hosts.logins,
      hosts.failed_logins, hosts.good, hosts.rejected, hosts.failed, hosts.unknown, hosts.aborts,
      hosts.resets, hosts.timeouts, hosts.retries, hosts.failovers, hosts.held, sectors_checked,
      violation ? "\n  VIOLATION " : "", violation.value_or(""));
}

}  // namespace ashlar::simulation
