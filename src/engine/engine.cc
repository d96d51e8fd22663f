// The life of the engine: what it is made of on every shard, from start() to stop().
#include "engine/engine.h"

#include "base/log.h"
#include "engine/rewrite_events.h"
#include "initiator/remote_store.h"

namespace ashlar::engine {

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
  auto noting = note_power_on();
  co_await noting;
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
  domains_[0]->on_rewrite([this](const std::string& volume, const unit::RewriteEvent& event) {
    tell(kind_of(event), fields_of(volume, event));
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
    servers_[i] = std::make_unique<iscsi::Server>(loop, *domains_[i], servers_, std::move(sink),
                                                  options_.commands_per_shard);
    nvmetcp::Server::EventSink nvme_sink = [this](nvmetcp::ServerEvent event) {
      server_event({std::move(event.kind), std::move(event.target), std::move(event.initiator),
                    std::move(event.peer), std::move(event.detail)});
    };
    nvme_servers_[i] = std::make_unique<nvmetcp::Server>(loop, *nvme_domains_[i], nvme_servers_,
                                                         std::move(nvme_sink), options_.commands_per_shard);
  };
  auto making = loop::on_every_shard(shards_, std::move(make_server));
  co_await making;
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
