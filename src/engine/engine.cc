#include "engine/engine.h"

#include <algorithm>

#include "base/log.h"
#include "initiator/remote_store.h"
#include "loop/on_worker.h"

namespace ashlar::engine {
namespace {

std::vector<Uuid> draw_uuids(size_t count) {
  std::vector<Uuid> random(count);
  for (Uuid& each : random) each = loop::Loop::current().random_uuid();
  return random;
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

}  // namespace

std::unexpected<Error> Engine::stopped() { return fail(ErrorCode::closed, "", "the engine is stopping"); }

Engine::Engine(loop::Shards& shards, const block::Registry& registry, EngineOptions options)
    : shards_(shards),
      options_(std::move(options)),
      domains_(shards.count()),
      servers_(shards.count()),
      nvme_domains_(shards.count()),
      nvme_servers_(shards.count()),
      portals_(shards, servers_, nvme_servers_),
      keys_(options_.state_folder.empty() ? nullptr : std::make_unique<VolumeKeys>(options_.state_folder)),
      volumes_(registry, keys_.get()),
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
  // All domains before the first server, and all servers before the first connection: they find each other by their groups.
  auto making_domains = loop::on_every_shard(shards_, std::move(make_domain));
  co_await making_domains;
  domains_[0]->on_access_changed([this](const unit::AccessStates& now) {
    log_info("engine", "access group changed group={} states=\"{}\" by={}", now.group, text_of(now),
             now.changed_by);
    tell("group.changed", {{"group", now.group}, {"states", text_of(now)}, {"initiator", now.changed_by}});
  });
  auto making_servers = make_servers();
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

loop::Task<void> Engine::make_servers() {
  std::function<void(loop::Loop&)> make_domain = [this](loop::Loop& loop) {
    const uint32_t i = loop.index();
    nvme_domains_[i] = std::make_unique<nvme::Domain>(loop, nvme_domains_, *domains_[i]);
  };
  auto making_domains = loop::on_every_shard(shards_, std::move(make_domain));
  co_await making_domains;
  std::function<void(loop::Loop&)> make_server = [this](loop::Loop& loop) {
    const uint32_t i = loop.index();
    iscsi::Server::EventSink sink = [this](iscsi::ServerEvent event) { server_event(std::move(event)); };
    servers_[i] = std::make_unique<iscsi::Server>(loop, *domains_[i], servers_, std::move(sink));
    nvmetcp::Server::EventSink nvme_sink = [this](nvmetcp::ServerEvent event) {
      server_event({std::move(event.kind), std::move(event.target), std::move(event.initiator),
                    std::move(event.peer), std::move(event.detail)});
    };
    nvme_servers_[i] =
        std::make_unique<nvmetcp::Server>(loop, *nvme_domains_[i], nvme_servers_, std::move(nvme_sink));
  };
  auto making = loop::on_every_shard(shards_, std::move(make_server));
  co_await making;
}

loop::Task<Result<rpc::ApplyReport>> Engine::apply(rpc::Document desired, bool dry_run) {
  auto entering = turnstile_.enter();
  const Result<void> entered = co_await entering;
  CO_TRY(entered);
  const Turnstile::Pass pass(turnstile_);
  std::vector<Uuid> random = draw_uuids(uuids_to_draw(desired.volumes));
  Wish wish = [&desired, &folder = options_.state_folder](const rpc::Document&) -> Result<rpc::Document> {
    resolve_paths(desired, folder);
    TRY(rpc::check_document(desired));
    return std::move(desired);
  };
  auto putting = put_in_force(std::move(wish), std::move(random), dry_run);
  co_return co_await putting;
}

loop::Task<Result<rpc::ApplyReport>> Engine::amend(uint64_t base, rpc::Amendment amendment, bool dry_run) {
  resolve_paths(amendment.changed, options_.state_folder);
  auto entering = turnstile_.enter();
  const Result<void> entered = co_await entering;
  CO_TRY(entered);
  const Turnstile::Pass pass(turnstile_);
  if (base != revision_)
    co_return fail(ErrorCode::stale, "base", "is {}, and revision {} is in force", base, revision_);
  std::vector<Uuid> random = draw_uuids(uuids_to_draw(amendment.changed.volumes));
  Wish wish = [&amendment](const rpc::Document& running) -> Result<rpc::Document> {
    rpc::Document desired = running;
    rpc::amend(desired, std::move(amendment));
    TRY(rpc::check_document(desired));
    return desired;
  };
  auto putting = put_in_force(std::move(wish), std::move(random), dry_run);
  co_return co_await putting;
}

// It is its turn. Whatever takes longer the more is served is done by a worker, or each change would hold up those who read and
// write on this shard.
loop::Task<Result<rpc::ApplyReport>> Engine::put_in_force(Wish wish, std::vector<Uuid> random, bool dry_run) {
  if (state_ != State::serving) co_return stopped();
  auto working = loop::on_worker(loop::Loop::current(), [this, &wish, &random] {
    return work_out(running_, wish, options_.identities, std::move(random));
  });
  Result<Proposal> proposal = co_await working;
  CO_TRY(proposal);
  auto carrying = carry_out(*proposal, dry_run);
  Result<rpc::ApplyReport> report = co_await carrying;
  auto freeing = loop::on_worker(loop::Loop::current(), [&proposal] {
    const Proposal over = std::move(*proposal);
    return true;
  });
  co_await freeing;
  co_return report;
}

loop::Task<Result<rpc::ApplyReport>> Engine::carry_out(Proposal& proposal, bool dry_run) {
  const size_t steps = proposal.plan.steps.size();
  rpc::ApplyReport report;
  report.dry_run = dry_run;
  report.changed = steps != 0;
  report.revision = revision_;
  report.steps = std::move(proposal.reports);
  if (dry_run || steps == 0) co_return report;

  auto keeping = keep(proposal);
  const Result<void> kept = co_await keeping;
  CO_TRY(kept);
  auto running = run_steps(*this, std::move(proposal.plan.steps));
  const Result<void> outcome = co_await running;
  if (!outcome) {
    tell("document.refused", {{"error", outcome.error().text()}});
    co_return std::unexpected(outcome.error());
  }
  report.drawn = proposal.drawn;
  report.revision = revision_;
  ++applied_;
  log_info("engine", "document applied steps={} volumes={} targets={} hosts={} portals={}", steps,
           running_->volumes.size(), running_->targets.size(), running_->hosts.size(),
           running_->portals.size());
  tell("document.applied", {{"steps", std::to_string(steps)}});
  co_return report;
}

// Before the plan runs: a host must never see an identity that a crash would make us forget.
loop::Task<Result<void>> Engine::keep(const Proposal& proposal) {
  if (proposal.drawn.empty()) co_return Result<void>{};
  for (const rpc::DrawnIdentity& each : proposal.drawn) {
    const rpc::VolumeDocument* volume = find_volume(*proposal.desired, each.volume);
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
    case StepKind::change_medium: {
      auto changing = change_medium(std::move(step));
      co_return co_await changing;
    }
    case StepKind::set_key_shared: co_return volumes_.share_key(step.volume.name, step.key_shared);
    case StepKind::add_portal: {
      auto opening = portals_.open(served_portal(step.portal), step.place);
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
  if (const std::string failure = volumes_.key_failure(volume.name); !failure.empty())
    tell("volume.key_lost", {{"volume", volume.name}, {"error", failure}});
  if (records_ == nullptr) co_return outcome;
  unit::LogicalUnit& unit = *volumes_.find(volume.name)->on_shard[0];
  auto recalling = records_->recall(unit.identity().uuid);
  unit::Recalled kept = co_await recalling;
  if (kept.reservations.lost) tell("volume.reservations_lost", {{"volume", volume.name}});
  const std::string rewrite = kept.rewrite;
  domains_[0]->recall(volume.name, unit, std::move(kept));
  if (!rewrite.empty())
    domains_[0]->resume_rewrite(volume.name, volumes_.find(volume.name)->on_shard[0], rewrite);
  co_return outcome;
}

// The new one is opened first, so that a path that is wrong changes nothing.
loop::Task<Result<void>> Engine::change_medium(Step step) {
  const std::string name = step.volume.name, place = step.place + ".store.options.path";
  scsi::Domain& home = *domains_[0];
  std::shared_ptr<block::Medium> medium;
  if (!step.medium.empty()) {
    auto opening = volumes_.open_medium(name, step.medium);
    Result<std::shared_ptr<block::Medium>> opened = co_await opening;
    if (!opened) co_return fail(opened.error().code, place, "{}", opened.error().text());
    medium = std::move(*opened);
  }
  const scsi::Domain::Tray tray = home.tray_of(name);
  if (tray.prevented && !tray.open && !rpc::medium_of(step.volume).empty()) {
    auto asking = home.request_eject(name);
    co_await asking;
    tell("volume.eject_requested", {{"volume", name}});
    co_return fail(
        ErrorCode::busy, place,
        "a host keeps the medium in drive '{}' (PREVENT ALLOW MEDIUM REMOVAL), and was asked to let go of it now: try "
        "again, or force it",
        name);
  }
  auto withdrawing = home.withdraw_medium(name);
  co_await withdrawing;
  auto changing = volumes_.change_medium(name, std::move(medium));
  co_await changing;
  auto offering = home.offer_medium(name, !step.medium.empty());
  co_await offering;
  log_info("engine", "medium changed volume={} path={}", name, step.medium);
  tell("volume.medium_changed", {{"volume", name}, {"medium", step.medium}});
  co_return Result<void>{};
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
  // Nothing else changes volumes_ meanwhile: it is this change's turn.
  struct Directories {
    std::shared_ptr<const iscsi::Directory> iscsi;
    std::shared_ptr<const nvme::Directory> nvme;
  };
  auto building = loop::on_worker(loop::Loop::current(), [this, &document] {
    return Directories{
        build_directory(*document, volumes_, options_.settings, directory_.get()),
        build_nvme_directory(*document, volumes_, options_.nvme_settings, nvme_directory_.get())};
  });
  Directories before = co_await building;
  std::swap(before.iscsi, directory_);
  std::swap(before.nvme, nvme_directory_);
  std::function<void(loop::Loop&)> replace = [this](loop::Loop& loop) {
    servers_[loop.index()]->replace_directory(directory_);
    nvme_domains_[loop.index()]->replace_directory(nvme_directory_);
  };
  auto replacing = loop::on_every_shard(shards_, std::move(replace));
  co_await replacing;
  auto renaming = portals_.rename(portals_of(*document));
  co_await renaming;
  running_ = std::move(document);
  ++revision_;
  // Volumes that go are still open: nothing of theirs ends with it.
  auto freeing = loop::on_worker(loop::Loop::current(), [&before] {
    before = {};
    return true;
  });
  co_await freeing;
}

loop::Task<Result<void>> Engine::drop_session(uint64_t id, std::string reason) {
  const uint64_t shard = id >> 48;
  bool dropped = false;
  if ((id & nvme_session) != 0) {
    if (state_ == State::serving)
      dropped = nvme_domains_[0]->drop_controller(static_cast<uint16_t>(id), reason);
  } else if (shard < shards_.count() && state_ == State::serving) {
    std::function<bool()> drop = [&] { return servers_[shard]->drop_session(id, reason); };
    auto dropping = loop::call_on(static_cast<uint32_t>(shard), std::move(drop));
    dropped = co_await dropping;
  }
  if (!dropped) co_return fail(ErrorCode::not_found, "id", "there is no session {}", id);
  log_info("engine", "session dropped id={} reason={}", id, reason);
  co_return Result<void>{};
}

loop::Task<void> Engine::stop_servers(loop::Nanoseconds grace) {
  loop::Event all_stopped;
  uint32_t left = 2 * shards_.count();
  for (uint32_t i = 0; i < shards_.count(); ++i) {
    std::move_only_function<void()> there = [this, i, grace, &left, &all_stopped] {
      const auto stopped_here = [this, &left, &all_stopped] {
        shards_.send(0, [&left, &all_stopped] {
          if (--left == 0) all_stopped.set();
        });
      };
      servers_[i]->stop(grace, stopped_here);
      nvme_servers_[i]->stop(grace, stopped_here);
    };
    shards_.send(i, std::move(there));
  }
  co_await all_stopped;
}

loop::Task<void> Engine::forget_on_every_shard(std::function<void(uint32_t)> forget) {
  std::function<void(loop::Loop&)> here = [&forget](loop::Loop& loop) { forget(loop.index()); };
  auto forgetting = loop::on_every_shard(shards_, std::move(here));
  co_await forgetting;
}

// Servers go on their own shards and in a later turn than their last word; domains after all of them, and that which governs last.
loop::Task<void> Engine::forget_servers() {
  std::function<void(uint32_t)> forget_server = [this](uint32_t shard) {
    servers_[shard].reset();
    nvme_servers_[shard].reset();
  };
  auto servers_go = forget_on_every_shard(std::move(forget_server));
  co_await servers_go;
  std::function<void(uint32_t)> forget_nvme = [this](uint32_t shard) { nvme_domains_[shard].reset(); };
  auto nvme_goes = forget_on_every_shard(std::move(forget_nvme));
  co_await nvme_goes;
  std::function<void(uint32_t)> forget_domain = [this](uint32_t shard) { domains_[shard].reset(); };
  auto domains_go = forget_on_every_shard(std::move(forget_domain));
  co_await domains_go;
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
  auto forgetting = forget_servers();
  co_await forgetting;
  directory_.reset();
  nvme_directory_.reset();
  while (!volumes_.all().empty()) {
    const std::string name = volumes_.all().begin()->first;
    auto closing = volumes_.close(name);
    co_await closing;
  }
  auto closing_paths = initiator::remote_paths_closed(shards_);
  co_await closing_paths;
  state_ = State::stopped;
  log_info("engine", "stopped");
}

}  // namespace ashlar::engine
