#include "nvmetcp/server.h"

#include "nvmetcp/server_impl.h"

namespace ashlar::nvmetcp {

Server::Server(loop::Loop& loop, nvme::Domain& domain, Group& group, EventSink events, uint16_t command_count)
    : impl_(std::make_unique<Impl>(loop, domain, group, std::move(events), command_count)) {}
Server::~Server() = default;

Server::Impl::Impl(loop::Loop& loop_, nvme::Domain& domain_, Group& group_, EventSink events_,
                   uint16_t command_count)
    : ConnectionKeeper(loop_, "nvmetcp"),
      domain(domain_),
      group(group_),
      events(std::move(events_)),
      receive_buffer(receive_buffer_bytes),
      chunks(chunks_prepared, chunks_maximum),
      commands(command_count) {}

Server::Impl::~Impl() { end_keeping(); }

void Server::serve(std::unique_ptr<loop::Stream> stream, const nvme::Port& port) {
  impl_->admit(std::move(stream), port);
}

size_t Server::connections() const { return impl_->connections.size(); }
Server::TlsCounts Server::tls_counts() const { return impl_->tls; }

Connection* Server::Impl::admit(std::unique_ptr<loop::Stream> stream, const nvme::Port& port) {
  const nvme::Settings& now = settings();
  if (!lets_in(stream->peer(), {now.most_connections, now.most_half_open, now.most_half_open_per_source}))
    return nullptr;
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

void Server::stop(loop::Nanoseconds grace, std::move_only_function<void()> stopped) {
  impl_->stop({}, grace, std::move(stopped));
}

}  // namespace ashlar::nvmetcp
