#include "engine/portals.h"

#include <algorithm>

#include "base/log.h"

namespace ashlar::engine {

// One listener of one portal on one shard.
class Portals::Entrance final : public loop::Acceptor {
 public:
  /// One of the two servers is null.
  Entrance(iscsi::Server* server, nvmetcp::Server* nvme_server, ServedPortal portal,
           std::shared_ptr<Counter> counter)
      : served(std::move(portal)), server_(server), nvme_server_(nvme_server), counter_(std::move(counter)) {}

  Result<void> open(loop::Loop& loop) {
    loop::ListenOptions options;
    options.shared_port = loop.shards().count() > 1;
    TRY_ASSIGN(listener_, loop.listen(served.portal.endpoint, options, *this));
    return {};
  }

  ServedPortal served;

 private:
  void accepted(std::unique_ptr<loop::Stream> stream) override {
    counter_->accepted.fetch_add(1, std::memory_order_relaxed);
    if (nvme_server_ != nullptr) return nvme_server_->serve(std::move(stream), port_of(served));
    server_->serve(std::move(stream), served.portal);
  }
  iscsi::Server* server_;
  nvmetcp::Server* nvme_server_;
  std::shared_ptr<Counter> counter_;
  std::unique_ptr<loop::Listener> listener_;
};

namespace {

class Nobody final : public loop::Acceptor {
  void accepted(std::unique_ptr<loop::Stream> /*stream*/) override {}
};

/// What to mend, of a portal that cannot listen.
Error unable(Error error, const loop::Endpoint& endpoint, const std::string& place) {
  if (error.code == ErrorCode::busy) {
    return {error.code, place + ".port",
            fmt::format("another process listens at {}: choose another port, or end it", endpoint.text())};
  }
  if (error.code == ErrorCode::invalid_argument) {
    return {error.code, place + ".address",
            fmt::format("no interface of this machine has the address {} (`ip address` shows them): {}",
                        endpoint.address, error.message)};
  }
  return error;
}

}  // namespace

nvme::Port port_of(const ServedPortal& served) {
  return {served.portal.name, served.portal.endpoint, served.portal.group_tag, served.tls};
}

Portals::Portals(loop::Shards& shards, const iscsi::Server::Group& servers,
                 const nvmetcp::Server::Group& nvme_servers)
    : shards_(shards), servers_(servers), nvme_servers_(nvme_servers), on_shard_(shards.count()) {}

Portals::~Portals() { CHECK(open_.empty(), "{} portals were left open", open_.size()); }

uint64_t Portals::accepted(const loop::Endpoint& endpoint) const {
  const auto found = open_.find(endpoint.text());
  return found == open_.end() ? 0 : found->second->accepted.load(std::memory_order_relaxed);
}

// A shared port would be shared with a second engine as well, and hosts' sessions be dealt out between the two. So it is asked
// for alone first.
Result<void> Portals::is_free(const iscsi::Portal& portal) {
  if (shards_.count() == 1) return {};
  Nobody nobody;
  TRY_ASSIGN(const std::unique_ptr<loop::Listener> alone,
             loop::Loop::current().listen(portal.endpoint, {}, nobody));
  return {};
}

loop::Task<Result<void>> Portals::open(ServedPortal served, std::string place) {
  const iscsi::Portal& portal = served.portal;
  const std::string name = portal.endpoint.text();
  CHECK(!open_.contains(name), "portal {} opened twice", name);
  const Result<void> free = is_free(portal);
  if (!free) co_return std::unexpected(unable(free.error(), portal.endpoint, place));
  auto counter = std::make_shared<Counter>();
  std::vector<Result<void>> outcomes(shards_.count());
  std::function<void(loop::Loop&)> listen = [&](loop::Loop& loop) {
    const uint32_t i = loop.index();
    auto entrance =
        std::make_unique<Entrance>(served.nvme_tcp ? nullptr : servers_[i].get(),
                                   served.nvme_tcp ? nvme_servers_[i].get() : nullptr, served, counter);
    outcomes[loop.index()] = entrance->open(loop);
    if (outcomes[loop.index()]) on_shard_[loop.index()].emplace(name, std::move(entrance));
  };
  auto listening = loop::on_every_shard(shards_, std::move(listen));
  co_await listening;
  open_.emplace(name, std::move(counter));
  const auto failed =
      std::ranges::find_if(outcomes, [](const Result<void>& outcome) { return !outcome.has_value(); });
  if (failed == outcomes.end()) {
    log_info("engine", "portal listening name={} endpoint={}", portal.name, name);
    co_return Result<void>{};
  }
  auto closing = close(portal.endpoint);
  co_await closing;
  co_return std::unexpected(unable(failed->error(), portal.endpoint, place));
}

loop::Task<void> Portals::close(loop::Endpoint endpoint) {
  const std::string name = endpoint.text();
  open_.erase(name);
  std::function<void(loop::Loop&)> forget = [this, &name](loop::Loop& loop) {
    on_shard_[loop.index()].erase(name);
  };
  auto closing = loop::on_every_shard(shards_, std::move(forget));
  co_await closing;
  log_info("engine", "portal closed endpoint={}", name);
}

loop::Task<void> Portals::close_all() {
  open_.clear();
  std::function<void(loop::Loop&)> forget = [this](loop::Loop& loop) { on_shard_[loop.index()].clear(); };
  auto closing = loop::on_every_shard(shards_, std::move(forget));
  co_await closing;
}

loop::Task<void> Portals::rename(std::vector<ServedPortal> portals) {
  std::function<void(loop::Loop&)> rename_here = [this, &portals](loop::Loop& loop) {
    for (const ServedPortal& each : portals) {
      const auto found = on_shard_[loop.index()].find(each.portal.endpoint.text());
      if (found != on_shard_[loop.index()].end()) found->second->served = each;
    }
  };
  auto renaming = loop::on_every_shard(shards_, std::move(rename_here));
  co_await renaming;
}

}  // namespace ashlar::engine
