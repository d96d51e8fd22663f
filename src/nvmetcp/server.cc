#include "nvmetcp/server.h"

#include "nvmetcp/server_impl.h"

namespace ashlar::nvmetcp {

Server::Server(loop::Loop& loop, nvme::Domain& domain, Group& group, EventSink events, uint16_t command_count)
    : impl_(std::make_unique<Impl>(loop, domain, group, std::move(events), command_count)) {}
Server::~Server() = default;

Server::Impl::Impl(loop::Loop& loop_, nvme::Domain& domain_, Group& group_, EventSink events_,
                   uint16_t command_count)
    : loop(loop_),
      domain(domain_),
      group(group_),
      events(std::move(events_)),
      receive_buffer(receive_buffer_bytes),
      chunks(chunks_prepared, chunks_maximum),
      commands(command_count) {}

Server::Impl::~Impl() {
  loop.withdraw(*this);
  bury_dead();
  CHECK(connections.empty(), "server destroyed with {} connections", connections.size());
}

void Server::serve(std::unique_ptr<loop::Stream> stream, const nvme::Port& port) {
  impl_->admit(std::move(stream), port);
}

size_t Server::connections() const { return impl_->connections.size(); }
Server::TlsCounts Server::tls_counts() const { return impl_->tls; }

Connection* Server::Impl::admit(std::unique_ptr<loop::Stream> stream, const nvme::Port& port) {
  if (stopping) return nullptr;
  if (connections.size() >= settings().most_connections) {
    if (refused_lines.allow(static_cast<uint64_t>(loop.now().nanoseconds))) {
      log_warning("nvmetcp", "connection refused: {} connections are open peer={} suppressed={}",
                  connections.size(), stream->peer().text(), refused_lines.suppressed());
    }
    return nullptr;
  }
  // A flood of connections that never say Connect must not keep honest hosts out: the oldest makes room.
  if (half_open >= settings().most_half_open) {
    for (Connection& connection : connections) {
      if (!connection.half_open()) continue;
      connection.close(
          "login.refused",
          "too many connections wait for their Connect or their host's proof, this is the oldest");
      break;
    }
  }
  auto* connection = new Connection(*this, std::move(stream), port);
  connections.push_back(*connection);
  return connection;
}

void Server::Impl::adopt(std::unique_ptr<loop::LooseStream> loose, const nvme::Port& port,
                         const Agreed& agreed, const std::vector<uint8_t>& said) {
  if (stopping) return;
  Connection* connection = admit(loose->adopt(loop), port);
  if (connection != nullptr) connection->resume(agreed, said);
}

void Server::Impl::bury(Connection& connection) {
  if (dead_.empty()) loop.post(*this);
  dead_.push_back(&connection);
}

void Server::Impl::bury_dead() {
  for (Connection* connection : std::exchange(dead_, {})) {
    connections.remove(*connection);
    delete connection;
  }
}

void Server::Impl::run() {
  bury_dead();
  if (stopping && connections.empty() && stopped) std::exchange(stopped, nullptr)();
}

namespace {

// Closes by force what has not drained in time. Owns itself.
loop::Task<void> close_late(Server::Impl& impl, loop::Nanoseconds grace, std::shared_ptr<bool> alive) {
  const loop::Instant deadline = impl.loop.now() + grace;
  while (*alive && impl.loop.now() < deadline) co_await loop::sleep_for(loop::milliseconds(20));
  if (!*alive) co_return;
  for (Connection& connection : impl.connections)
    connection.close("session.dropped", "the engine stops and the grace is over");
}

}  // namespace

void Server::stop(loop::Nanoseconds grace, std::move_only_function<void()> stopped) {
  auto alive = std::make_shared<bool>(true);
  impl_->stopping = true;
  impl_->stopped = [alive, stopped = std::move(stopped)]() mutable {
    *alive = false;
    stopped();
  };
  if (impl_->connections.empty()) {
    std::move_only_function<void()> all_gone = std::exchange(impl_->stopped, nullptr);
    all_gone();
    return;
  }
  for (Connection& connection : impl_->connections) connection.drain();
  close_late(*impl_, grace, alive).detach();
}

}  // namespace ashlar::nvmetcp
