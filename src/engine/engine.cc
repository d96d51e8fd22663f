#include "engine/engine.h"

#include <algorithm>
#include <utility>

#include "base/log.h"
#include "json/sizes.h"
#include "loop/on_worker.h"

namespace ashlar::engine {
namespace {

template <typename List>
auto find_named(List& items, const std::string& name) {
  const auto found = std::ranges::find_if(items, [&name](const auto& item) { return item.name == name; });
  return found == items.end() ? nullptr : &*found;
}

// "v1.img" is a file in the state folder. What runs, and what `document` tells, has whole paths.
void resolve_paths(rpc::Document& document, const std::string& folder) {
  if (folder.empty()) return;
  for (rpc::VolumeDocument& volume : document.volumes) {
    const auto path = volume.store.options.find("path");
    if (path == volume.store.options.end() || path->second.empty() || path->second.starts_with('/')) continue;
    path->second = fmt::format("{}/{}", folder, path->second);
  }
}

// A thousand volumes are given back where they were made, on a worker.
template <typename Garbage>
void discard(Garbage garbage) {
  std::move_only_function<void()> work = [gone = std::move(garbage)] {};
  loop::Loop::current().run_blocking(std::move(work), [] {});
}

std::unexpected<Error> stopped() { return fail(ErrorCode::closed, "", "the engine is stopping"); }

}  // namespace

Engine::Engine(loop::Shards& shards, const block::Registry& registry, EngineOptions options)
    : shards_(shards),
      options_(std::move(options)),
      domains_(shards.count()),
      servers_(shards.count()),
      portals_(shards, servers_),
      volumes_(registry),
      turnstile_(options_.most_waiting_changes) {
  if (!options_.state_folder.empty())
    records_ = std::make_unique<UnitRecords>(options_.state_folder, options_.boot_id);
}

Engine::~Engine() {
  CHECK(state_ == State::fresh || state_ == State::stopped, "an engine was destroyed while it serves");
}

void Engine::tell(std::string kind, std::map<std::string, std::string> fields) {
  events_.add(loop::Loop::current().wall_clock().count(), std::move(kind), std::move(fields));
}

// On any shard. Letters of one shard arrive in order, and stop() waits for the last of them.
void Engine::server_event(iscsi::ServerEvent event) {
  std::map<std::string, std::string> fields;
  const auto add = [&fields](const char* name, std::string& value) {
    if (!value.empty()) fields.emplace(name, std::move(value));
  };
  add("target", event.target);
  add("initiator", event.initiator);
  add("peer", event.peer);
  add("detail", event.detail);
  shards_.send(0, [this, kind = std::move(event.kind), fields = std::move(fields)] { tell(kind, fields); });
}

loop::Task<void> Engine::start() {
  CHECK(state_ == State::fresh, "an engine is started once");
  started_ = loop::Loop::current().now();
  std::function<void(loop::Loop&)> make_domain = [this](loop::Loop& loop) {
    domains_[loop.index()] = std::make_unique<scsi::Domain>(loop, domains_, records_.get());
  };
  std::function<void(loop::Loop&)> make_server = [this](loop::Loop& loop) {
    const uint32_t i = loop.index();
    iscsi::Server::EventSink sink = [this](iscsi::ServerEvent event) { server_event(std::move(event)); };
    servers_[i] = std::make_unique<iscsi::Server>(loop, *domains_[i], servers_, std::move(sink));
  };
  // All domains before the first server, and all servers before the first connection: they find each other by their groups.
  auto making_domains = loop::on_every_shard(shards_, std::move(make_domain));
  co_await making_domains;
  domains_[0]->on_access_changed([this](const unit::AccessStates& now) {
    log_info("engine", "access group changed group={} states=\"{}\" by={}", now.group, text_of(now),
             now.changed_by);
    tell("group.changed", {{"group", now.group}, {"states", text_of(now)}, {"initiator", now.changed_by}});
  });
  auto making_servers = loop::on_every_shard(shards_, std::move(make_server));
  co_await making_servers;
  const auto nothing = std::make_shared<const rpc::Document>();
  auto publishing = publish(nothing);
  co_await publishing;
  loop::Loop::current().random({reinterpret_cast<uint8_t*>(&revision_), sizeof revision_});
  revision_ >>= 12;  // 52 bits: a number that every reader of JSON can hold
  state_ = State::serving;
  log_info("engine", "started version={} shards={}", options_.version, shards_.count());
  tell("engine.started", {{"version", options_.version}});
}

loop::Task<Result<rpc::ApplyReport>> Engine::apply(rpc::Document desired, bool dry_run) {
  auto entering = turnstile_.enter();
  const Result<void> entered = co_await entering;
  CO_TRY(entered);
  const Turnstile::Pass pass(turnstile_);
  MakeDocument make = [this, desired = std::move(desired)]() mutable {
    resolve_paths(desired, options_.state_folder);
    return std::move(desired);
  };
  auto putting = put_in_force(std::move(make), dry_run);
  co_return co_await putting;
}

loop::Task<Result<rpc::ApplyReport>> Engine::amend(uint64_t base, rpc::Amendment amendment, bool dry_run) {
  auto entering = turnstile_.enter();
  const Result<void> entered = co_await entering;
  CO_TRY(entered);
  const Turnstile::Pass pass(turnstile_);
  if (base != revision_)
    co_return fail(ErrorCode::stale, "base", "is {}, and revision {} is in force", base, revision_);
  MakeDocument make = [this, amendment = std::move(amendment)]() mutable {
    resolve_paths(amendment.changed, options_.state_folder);
    rpc::Document desired = *running_;
    rpc::amend(desired, std::move(amendment));
    return desired;
  };
  auto putting = put_in_force(std::move(make), dry_run);
  co_return co_await putting;
}

// On a worker: copying, checking and comparing a thousand volumes takes milliseconds, for which hosts of this shard would wait. What
// is read here stays as it is meanwhile, for it is this change's turn.
loop::Task<Result<Engine::Change>> Engine::work_out(MakeDocument desired) {
  loop::Loop& here = loop::Loop::current();
  auto work = [this, &here, make = std::move(desired)]() mutable -> Result<Change> {
    Change change{.desired = make(), .completed = {}, .plan = {}};
    TRY(rpc::check_document(change.desired));
    const std::function<Uuid()> draw = [&here] { return here.random_uuid(); };
    change.completed = complete_identities(change.desired, *running_, options_.identities, draw);
    if (change.completed.changed)
      TRY(rpc::check_document(change.desired));  // what was filled in must be unique too
    TRY_ASSIGN(change.plan, make_plan(*running_, change.desired));
    return change;
  };
  auto working = loop::on_worker(here, std::move(work));
  co_return co_await working;
}

// It is its turn.
loop::Task<Result<rpc::ApplyReport>> Engine::put_in_force(MakeDocument desired, bool dry_run) {
  if (state_ != State::serving) co_return stopped();
  auto working_out = work_out(std::move(desired));
  Result<Change> change = co_await working_out;
  if (!change) co_return std::unexpected(std::move(change).error());
  if (state_ != State::serving) co_return stopped();

  rpc::ApplyReport report;
  report.dry_run = dry_run;
  report.changed = !change->plan.steps.empty();
  for (const Step& step : change->plan.steps) report.steps.push_back(describe(step));
  if (!dry_run && report.changed) {
    auto running = run_plan(*change);
    const Result<void> outcome = co_await running;
    CO_TRY(outcome);
    report.drawn = change->completed.drawn;
  }
  report.revision = revision_;
  discard(std::move(*change));
  co_return report;
}

loop::Task<Result<void>> Engine::run_plan(const Change& change) {
  auto keeping = keep(change.completed.drawn, change.desired);
  const Result<void> kept = co_await keeping;
  CO_TRY(kept);
  auto running = run_steps(*this, change.plan.steps);
  const Result<void> outcome = co_await running;
  if (!outcome) {
    tell("document.refused", {{"error", outcome.error().text()}});
    co_return std::unexpected(outcome.error());
  }
  ++applied_;
  log_info("engine", "document applied steps={} volumes={} targets={} hosts={} portals={}",
           change.plan.steps.size(), running_->volumes.size(), running_->targets.size(),
           running_->hosts.size(), running_->portals.size());
  tell("document.applied", {{"steps", std::to_string(change.plan.steps.size())}});
  co_return outcome;
}

// Before the plan runs: a host must never see an identity that a crash would make us forget.
loop::Task<Result<void>> Engine::keep(const std::vector<rpc::DrawnIdentity>& drawn,
                                      const rpc::Document& desired) {
  if (drawn.empty()) co_return Result<void>{};
  for (const rpc::DrawnIdentity& each : drawn) {
    const auto volume = std::ranges::find(desired.volumes, each.volume, &rpc::VolumeDocument::name);
    options_.identities.remember({each.volume, volume->store, each.identity});
  }
  if (!options_.keep_identities) co_return Result<void>{};
  auto keeping = options_.keep_identities(options_.identities.all());
  co_return co_await keeping;
}

loop::Task<Result<void>> Engine::run(Step step) {
  const loop::Endpoint endpoint{step.portal.address, step.portal.port};
  switch (step.kind) {
    case StepKind::open_volume: {
      auto opening = open_volume(step.volume, step.place);
      co_return co_await opening;
    }
    case StepKind::close_volume: {
      auto closing = volumes_.close(step.volume.name);
      co_await closing;
      domains_[0]->forget_access(step.volume.name);
      tell("volume.closed", {{"volume", step.volume.name}});
      break;
    }
    case StepKind::resize_volume: {
      auto resizing = resize_volume(step.volume.name, step.size_bytes);
      co_return co_await resizing;
    }
    case StepKind::set_write_cache: {
      unit::LogicalUnit& unit = *volumes_.find(step.volume.name)->on_shard[0];
      auto configuring = domains_[0]->configure_write_cache(step.volume.name, unit, step.write_cache);
      co_return co_await configuring;
    }
    case StepKind::add_portal: {
      auto opening = portals_.open(portal_of(step.portal));
      const Result<void> outcome = co_await opening;
      if (outcome) tell("portal.listening", {{"portal", step.portal.name}, {"endpoint", endpoint.text()}});
      co_return outcome;
    }
    case StepKind::remove_portal: {
      auto closing = portals_.close(endpoint);
      co_await closing;
      tell("portal.closed", {{"portal", step.portal.name}, {"endpoint", endpoint.text()}});
      break;
    }
    case StepKind::set_group: {
      auto setting = set_group(std::move(step));
      co_await setting;
      break;
    }
    case StepKind::publish: {
      auto publishing = publish(step.after);
      co_await publishing;
      break;
    }
  }
  co_return Result<void>{};
}

loop::Task<Result<void>> Engine::open_volume(rpc::VolumeDocument volume, std::string place) {
  auto opening = volumes_.open(volume, std::move(place));
  const Result<void> outcome = co_await opening;
  CO_TRY(outcome);
  tell("volume.opened", {{"volume", volume.name}});
  if (records_ == nullptr) co_return outcome;
  unit::LogicalUnit& unit = *volumes_.find(volume.name)->on_shard[0];
  auto recalling = records_->recall(unit.identity().uuid);
  unit::Recalled kept = co_await recalling;
  if (kept.reservations.lost) tell("volume.reservations_lost", {{"volume", volume.name}});
  domains_[0]->recall(volume.name, unit, std::move(kept));
  co_return outcome;
}

loop::Task<void> Engine::set_group(Step step) {
  scsi::Domain::AccessGroup group = access_group(step, volumes_);
  const std::string states = text_of(group.states);
  const bool gone = group.gone;
  auto setting = domains_[0]->set_access(std::move(group));
  co_await setting;
  log_info("engine", "access group set group={} states=\"{}\"", step.group, states);
  tell("group.changed", {{"group", step.group}, {"states", gone ? "" : states}});
}

loop::Task<void> Engine::publish(std::shared_ptr<const rpc::Document> document) {
  auto build = [this, document] {
    return build_directory(*document, volumes_, options_.settings, directory_.get());
  };
  auto building = loop::on_worker(loop::Loop::current(), std::move(build));
  std::shared_ptr<const iscsi::Directory> previous = co_await building;
  previous.swap(directory_);
  std::function<void(loop::Loop&)> replace = [this](loop::Loop& loop) {
    servers_[loop.index()]->replace_directory(directory_);
  };
  auto replacing = loop::on_every_shard(shards_, std::move(replace));
  co_await replacing;
  auto renaming = portals_.rename(portals_of(*document));
  co_await renaming;
  ++revision_;
  // What is over is taken apart on a worker, too; now, while every unit that its views name is still open, so that none ends there.
  auto take_apart = [views = std::move(previous), before = std::exchange(running_, document)]() mutable {
    views.reset();
    before.reset();
    return true;
  };
  auto taking_apart = loop::on_worker(loop::Loop::current(), std::move(take_apart));
  co_await taking_apart;
}

loop::Task<Result<void>> Engine::resize_volume(std::string name, uint64_t size_bytes) {
  auto resizing = volumes_.resize(name, size_bytes);
  const Result<void> outcome = co_await resizing;
  if (!outcome) co_return outcome;
  domains_[0]->raise_everywhere(name, unit::Attention::capacity_changed, nullptr);
  tell("volume.resized", {{"volume", name}, {"size_bytes", std::to_string(size_bytes)}});
  co_return outcome;
}

loop::Task<Result<rpc::VolumeStatus>> Engine::resize(std::string name, uint64_t size_bytes, bool shrink) {
  auto entering = turnstile_.enter();
  const Result<void> entered = co_await entering;
  CO_TRY(entered);
  const Turnstile::Pass pass(turnstile_);
  if (state_ != State::serving) co_return stopped();
  const rpc::VolumeDocument* volume = find_named(running_->volumes, name);
  if (volume == nullptr) co_return fail(ErrorCode::not_found, name, "there is no volume of that name");
  auto desired = std::make_shared<rpc::Document>(*running_);
  find_named(desired->volumes, name)->size_bytes = size_bytes;
  Result<void> checked = size_bytes == 0 ? fail(ErrorCode::invalid_argument, "size", "must be more than 0")
                                         : rpc::check_document(*desired);
  if (!checked) {
    checked.error().place = "size";
    co_return std::unexpected(std::move(checked).error());
  }
  const uint64_t now = volumes_.find(name)->shared->size_bytes.load(std::memory_order_relaxed);
  if (size_bytes < now && !shrink) {
    co_return fail(
        ErrorCode::already_exists, "size",
        "{} is less than the {} it has: what lies past the new end would be lost; say so (shrink) if meant",
        json::print_size(size_bytes), json::print_size(now));
  }
  if (size_bytes != now) {
    auto resizing = resize_volume(name, size_bytes);
    const Result<void> outcome = co_await resizing;
    CO_TRY(outcome);
  }
  if (volume->size_bytes != 0) running_ = std::move(desired);
  ++revision_;
  co_return volume_status(*find_named(running_->volumes, name), Registrations::each);
}

void Engine::take_pool_level(const rpc::PoolLevelParams& level) {
  if (state_ != State::serving) return;
  for (const rpc::PoolVolume& each : level.volumes) {
    const unit::OpenUnit* unit = volumes_.find(each.name);
    if (unit == nullptr) continue;
    unit::PoolFigures figures{.size_bytes = level.size_bytes,
                              .available_bytes = level.available_bytes,
                              .used_bytes = each.used_bytes.value_or(0),
                              .used_known = each.used_bytes.has_value(),
                              .threshold_bytes = level.threshold_bytes};
    if (domains_[0]->take_pool_level(each.name, *unit->on_shard[0], figures)) {
      tell("volume.threshold",
           {{"volume", each.name}, {"available_bytes", std::to_string(level.available_bytes)}});
    }
  }
}

loop::Task<Result<void>> Engine::drop_session(uint64_t id, std::string reason) {
  const uint64_t shard = id >> 48;
  bool dropped = false;
  if (shard < shards_.count() && state_ == State::serving) {
    std::function<bool()> drop = [&] { return servers_[shard]->drop_session(id, reason); };
    auto dropping = loop::call_on(static_cast<uint32_t>(shard), std::move(drop));
    dropped = co_await dropping;
  }
  if (!dropped) co_return fail(ErrorCode::not_found, "id", "there is no session {}", id);
  log_info("engine", "session dropped id={} reason={}", id, reason);
  co_return Result<void>{};
}

loop::Task<Result<void>> Engine::clear_reservations(std::string volume) {
  auto entering = turnstile_.enter();
  const Result<void> entered = co_await entering;
  CO_TRY(entered);
  const Turnstile::Pass pass(turnstile_);
  if (state_ != State::serving) co_return stopped();
  if (find_named(running_->volumes, volume) == nullptr)
    co_return fail(ErrorCode::not_found, volume, "there is no volume of that name");
  auto clearing = domains_[0]->clear_reservations(volume);
  if (co_await clearing != unit::ReservationStatus::good)
    co_return fail(ErrorCode::io_error, volume,
                   "the change cannot be written to the state folder: see the log");
  log_warning("engine", "reservations of volume {} were cleared by the administrator", volume);
  tell("volume.reservations_cleared", {{"volume", volume}});
  co_return Result<void>{};
}

loop::Task<void> Engine::stop_servers(loop::Nanoseconds grace) {
  loop::Event all_stopped;
  uint32_t left = shards_.count();
  for (uint32_t i = 0; i < shards_.count(); ++i) {
    std::move_only_function<void()> there = [this, i, grace, &left, &all_stopped] {
      std::move_only_function<void()> stopped_here = [this, &left, &all_stopped] {
        shards_.send(0, [&left, &all_stopped] {
          if (--left == 0) all_stopped.set();
        });
      };
      servers_[i]->stop(grace, std::move(stopped_here));
    };
    shards_.send(i, std::move(there));
  }
  co_await all_stopped;
}

loop::Task<void> Engine::stop(loop::Nanoseconds grace) {
  CHECK(state_ == State::serving, "an engine is stopped once, after it was started");
  state_ = State::stopping;
  log_info("engine", "stopping grace_seconds={}", grace / loop::seconds(1));
  tell("engine.stopping", {});
  auto entering = turnstile_.enter(true);
  co_await entering;
  const Turnstile::Pass pass(turnstile_);
  auto closing_portals = portals_.close_all();
  co_await closing_portals;
  auto stopping_servers = stop_servers(grace);
  co_await stopping_servers;
  // Servers go on their own shards and in a later turn than their last word; domains after all of them.
  std::function<void(loop::Loop&)> forget_server = [this](loop::Loop& loop) {
    servers_[loop.index()].reset();
  };
  std::function<void(loop::Loop&)> forget_domain = [this](loop::Loop& loop) {
    domains_[loop.index()].reset();
  };
  auto forgetting_servers = loop::on_every_shard(shards_, std::move(forget_server));
  co_await forgetting_servers;
  auto forgetting_domains = loop::on_every_shard(shards_, std::move(forget_domain));
  co_await forgetting_domains;
  directory_.reset();
  while (!volumes_.all().empty()) {
    const std::string name = volumes_.all().begin()->first;
    auto closing = volumes_.close(name);
    co_await closing;
  }
  state_ = State::stopped;
  log_info("engine", "stopped");
}

}  // namespace ashlar::engine
