#include "sim/array.h"

#include <fmt/format.h>

#include <algorithm>

namespace ashlar::simulation {
namespace {

constexpr BufferPool::Sizes engine_pools{.small = 1024, .medium = 128, .large = 16};
constexpr uint16_t engine_commands =
    1024;  // more than all hosts send at once; an engine is started often here
constexpr BufferPool::Sizes little_pools{.small = 24, .medium = 8, .large = 2};
constexpr int most_applies = 200;
constexpr char state_folder[] = "/var/lib/ashlar";

// The same at every start: hosts must find the same disk again.
rpc::IdentityDocument identity(uint64_t seed, uint32_t number) {
  Uuid uuid;
  loop::SimRandom(loop::mix64(seed) + number).fill(uuid);
  rpc::IdentityDocument document;
  document.naa = hex_of(make_naa(uuid));
  document.eui64 = hex_of(make_eui64(uuid));
  document.uuid = uuid_text(make_uuid(uuid));
  document.serial = make_serial(uuid);
  return document;
}

}  // namespace

Array::Array(loop::SimWorld& world, const Scenario& scenario, const block::Registry& registry,
             std::string planted_layer, ArrayWatcher& watcher)
    : world_(world),
      scenario_(scenario),
      registry_(registry),
      planted_layer_(std::move(planted_layer)),
      watcher_(watcher),
      machine_(world.machine("array")) {
  machine_.disk.settings() = scenario.disk;
  for (const VolumePlan& volume : scenario.volumes) {
    volumes_.push_back(Volume{volume.size_bytes, std::nullopt});
    if (volume.block_device) machine_.disk.add_block_device(volume.path, volume.size_bytes);
  }
}

Array::~Array() { CHECK(all_gone(), "an engine still lives"); }

bool Array::all_gone() const {
  return std::ranges::all_of(lives_, [](const std::unique_ptr<Life>& life) { return life->gone; });
}

std::string Array::reservations_path(uint32_t volume) const {
  return fmt::format("{}/reservations/{}", state_folder, identity(scenario_.seed, volume).uuid);
}

rpc::VolumeDocument Array::volume_document(uint32_t number, bool grown) const {
  const VolumePlan& plan = scenario_.volumes[number];
  rpc::VolumeDocument volume;
  volume.name = plan.name;
  volume.size_bytes =
      grown ? volumes_[number].growing_to.value_or(volumes_[number].bytes) : volumes_[number].bytes;
  volume.block_bytes = plan.block_bytes;
  volume.write_cache = plan.write_cache;
  volume.thin = plan.thin;
  volume.identity = identity(scenario_.seed, number);
  volume.store = {plan.block_device ? "block" : "file", {{"path", plan.path}}};
  if (!planted_layer_.empty()) volume.layers.push_back({planted_layer_, {}});
  return volume;
}

rpc::Document Array::document(bool grown) const {
  rpc::Document document;
  document.hosts.push_back({.name = "everyone", .any = true});
  document.portals.push_back({.name = "portal", .address = machine_.addresses[0], .port = 3260});
  document.targets.push_back({.name = target_name});
  if (scenario_.paths) add_paths(document);
  for (uint32_t i = 0; i < volumes_.size(); ++i) {
    document.volumes.push_back(volume_document(i, grown));
    document.mappings.push_back(
        {"everyone", target_name, document.volumes.back().name, static_cast<uint16_t>(i)});
    if (scenario_.paths)
      document.mappings.push_back(
          {"everyone", subsystem_name, document.volumes.back().name, static_cast<uint16_t>(i)});
  }
  if (scenario_.paths) {
    rpc::GroupDocument group{.name = "all"};
    for (const rpc::VolumeDocument& volume : document.volumes) group.volumes.push_back(volume.name);
    for (uint16_t i = 0; i < 2; ++i)
      group.access.push_back({.group_tag = static_cast<uint16_t>(i + 1), .state = access_[i]});
    document.groups.push_back(std::move(group));
  }
  if (extra_volume_) {
    rpc::VolumeDocument extra;
    extra.name = "extra";
    extra.size_bytes = 65536;
    extra.identity = identity(scenario_.seed, 99);
    extra.store = {"file", {{"path", "/srv/extra"}}};
    document.volumes.push_back(std::move(extra));
    document.mappings.push_back({"everyone", target_name, "extra", 99});
  }
  return document;
}

void Array::add_paths(rpc::Document& document) const {
  document.targets.push_back({.name = subsystem_name});
  const auto add = [&](const char* name, bool nvme, uint16_t group) {
    const loop::Endpoint at = portal(nvme, group);
    document.portals.push_back({.name = name,
                                .address = at.address,
                                .port = at.port,
                                .group_tag = group,
                                .protocol = nvme ? "nvme-tcp" : "iscsi"});
  };
  add("portal-2", false, 2);
  add("nvme-1", true, 1);
  add("nvme-2", true, 2);
}

void Array::change_access(std::string first, std::string second) {
  access_[0] = std::move(first);
  access_[1] = std::move(second);
  apply_again(extra_volume_);
}

void Array::start() {
  CHECK(current_ == nullptr);
  lives_.push_back(std::make_unique<Life>());
  Life& life = *lives_.back();
  const BufferPool::Sizes& pools = scenario_.little_memory ? little_pools : engine_pools;
  life.process =
      &world_.add_process(fmt::format("engine-{}", lives_.size()), machine_, scenario_.shards, pools);
  current_ = &life;
  life.process->loop(0).enter([&] { live(life).detach(); });
}

// Whatever way it ends, the engine is taken down by its ordinary means; after a crash that is a ghost's business.
loop::Task<void> Array::live(Life& life) {
  engine::EngineOptions options;
  options.state_folder = state_folder;
  options.boot_id = fmt::format("boot {}", boots_);
  options.commands_per_shard = engine_commands;
  life.engine = std::make_unique<engine::Engine>(*life.process, registry_, std::move(options));
  auto starting = life.engine->start();
  co_await starting;
  auto serving = serve(life);
  co_await serving;
  co_await life.ending;
  life.serving = false;
  auto stopping = life.engine->stop(loop::milliseconds(500));
  co_await stopping;
  while (life.calls > 0) co_await loop::sleep_for(loop::milliseconds(1));
  life.engine.reset();
  life.gone = true;
}

// A failing disk may refuse the document for a while; a healthy one may not.
loop::Task<void> Array::serve(Life& life) {
  Error last;
  for (int attempt = 0; attempt < most_applies && !life.ending.is_set(); ++attempt) {
    const bool grown = attempt % 2 == 1;
    rpc::Document wanted = document(grown);
    auto applying = life.engine->apply(std::move(wanted), false);
    const Result<rpc::ApplyReport> applied = co_await applying;
    if (applied && life.process->live()) {
      settle(grown);
      life.serving = true;
      world_.note("engine serves");
      co_return;
    }
    if (!applied) last = applied.error();
    // A full disk has no room for one volume more, however healthy it is: do without it.
    if (!applied && last.code == ErrorCode::no_space) extra_volume_ = false;
    co_await loop::sleep_for(loop::milliseconds(50));
  }
  if (!life.ending.is_set()) watcher_.violation("the document is refused for good: " + last.text());
}

void Array::settle(bool grown) {
  for (uint32_t i = 0; i < volumes_.size(); ++i) {
    Volume& volume = volumes_[i];
    if (grown && volume.growing_to) {
      volume.bytes = *volume.growing_to;
      watcher_.volume_grew(i, volume.bytes);
    }
    volume.growing_to.reset();
  }
}

void Array::end(Life& life) {
  life.process->loop(0).enter([&] { life.ending.set(); });
  current_ = nullptr;
}

void Array::kill() {
  world_.crash(*current_->process);
  watcher_.engine_died();
  end(*current_);
}

void Array::power_off() {
  Life* life = current_;
  world_.power_off(machine_);
  watcher_.engine_died();
  watcher_.power_was_lost();
  if (life != nullptr) end(*life);
}

void Array::power_on() {
  ++boots_;
  world_.power_on(machine_);
}

void Array::stop() { end(*current_); }

void Array::drop_a_session(uint64_t which) {
  if (!serving()) return;
  current_->process->loop(0).enter([&] { drop_story(*current_, which).detach(); });
}

loop::Task<void> Array::drop_story(Life& life, uint64_t which) {
  ++life.calls;
  auto asking = life.engine->sessions();
  const std::vector<rpc::SessionStatus> sessions = co_await asking;
  if (!sessions.empty() && !life.engine->stopping()) {
    auto dropping =
        life.engine->drop_session(sessions[which % sessions.size()].id, "the simulation wants it");
    co_await dropping;
  }
  --life.calls;
}

void Array::resize(uint32_t volume, uint64_t bytes) {
  if (!serving() || scenario_.volumes[volume].block_device || volumes_[volume].growing_to) return;
  volumes_[volume].growing_to = bytes;
  current_->process->loop(0).enter([&] { resize_story(*current_, volume, bytes).detach(); });
}

loop::Task<void> Array::resize_story(Life& life, uint32_t volume, uint64_t bytes) {
  ++life.calls;
  auto resizing = life.engine->resize(scenario_.volumes[volume].name, bytes, false);
  const Result<rpc::VolumeStatus> resized = co_await resizing;
  // Answered by a ghost it means nothing; refused, the old size is still in force or the next start finds out.
  if (life.process->live() && resized) {
    volumes_[volume].bytes = bytes;
    volumes_[volume].growing_to.reset();
    watcher_.volume_grew(volume, bytes);
  }
  --life.calls;
}

void Array::apply_again(bool with_extra_volume) {
  if (!serving()) return;
  const bool resizing =
      std::ranges::any_of(volumes_, [](const Volume& volume) { return volume.growing_to.has_value(); });
  if (resizing) return;
  extra_volume_ = with_extra_volume;
  current_->process->loop(0).enter([&] { apply_story(*current_).detach(); });
}

loop::Task<void> Array::apply_story(Life& life) {
  ++life.calls;
  rpc::Document wanted = document(false);
  auto applying = life.engine->apply(std::move(wanted), false);
  co_await applying;
  --life.calls;
}

}  // namespace ashlar::simulation
