#include "iscsi/server.h"

#include <algorithm>

#include "base/log.h"
#include "iscsi/server_impl.h"

namespace ashlar::iscsi {

Server::Server(loop::Loop& loop, scsi::Domain& domain, Group& group, EventSink events, uint16_t command_count)
    : impl_(std::make_unique<Impl>(loop, domain, group, std::move(events), command_count)) {}
Server::~Server() = default;

Server::Impl::Impl(loop::Loop& loop_, scsi::Domain& domain_, Group& group_, EventSink events_,
                   uint16_t command_count)
    : ConnectionKeeper(loop_, "iscsi"),
      domain(domain_),
      group(group_),
      events(std::move(events_)),
      directory(std::make_shared<Directory>()),
      receive_buffer(receive_buffer_bytes),
      chunks(chunks_prepared, chunks_maximum),
      commands(command_count) {}

Server::Impl::~Impl() { end_keeping(); }

size_t Server::Impl::most_sessions() const {
  const size_t tsihs = 65536 / group.size() - 1;  // 0 is none
  return std::min<size_t>(settings().max_sessions, tsihs);
}

uint16_t Server::Impl::new_tsih() {
  const auto count = static_cast<uint32_t>(group.size());
  for (;;) {
    next_tsih = (next_tsih + 1) % (65536 / count);
    const auto tsih = static_cast<uint16_t>(next_tsih * count + loop.index());
    if (tsih == 0) continue;  // "a new session" on the wire
    if (std::ranges::find(sessions, tsih, &Session::tsih) == sessions.end()) return tsih;
  }
}

std::shared_ptr<Session> Server::Impl::find_session(uint16_t tsih, const std::array<uint8_t, 6>& isid) {
  const auto found = std::ranges::find(sessions, tsih, &Session::tsih);
  const bool same = found != sessions.end() && (*found)->isid == isid && !(*found)->discovery;
  return same ? *found : nullptr;
}

void Server::serve(std::unique_ptr<loop::Stream> stream, const Portal& portal) {
  impl_->admit(std::move(stream), portal);
}

Connection* Server::Impl::admit(std::unique_ptr<loop::Stream> stream, const Portal& portal) {
  const Settings& now = settings();
  if (!lets_in(stream->peer(), {now.max_connections, now.max_half_open, now.max_half_open_per_source}))
    return nullptr;
  auto* connection = new Connection(*this, std::move(stream), portal);
  connections.push_back(*connection);
  return connection;
}

void Server::Impl::adopt(std::unique_ptr<loop::LooseStream> loose, const Portal& portal,
                         std::vector<uint8_t> said) {
  if (stopping) return;
  Connection* connection = admit(loose->adopt(loop), portal);
  if (connection != nullptr) connection->resume_login(said);
}

void Server::Impl::call_when_gone(const Session& session, uint16_t connection_id, const Connection& except,
                                  std::move_only_function<void()> gone) {
  const auto there = [this, session = &session, connection_id, except = &except] {
    for (Connection& each : connections) {
      const bool same = each.session() == session && each.connection_id() == connection_id;
      if (same && &each != except && !each.suspended()) return true;
    }
    return false;
  };
  if (!there()) return gone();
  waiting_for_end.push_back([there, gone = std::move(gone)]() mutable {
    if (there()) return false;
    gone();
    return true;
  });
}

void Server::Impl::tell_proof(const std::string& source, bool succeeded) {
  if (succeeded && !sources.has_failures(source)) return;  // as everywhere
  for (uint32_t shard = 0; shard < group.size(); ++shard) {
    loop.shards().send(shard, [this, shard, source, succeeded] {
      if (group[shard] == nullptr) return;  // the engine has stopped
      Impl& there = group[shard]->impl();
      if (succeeded) {
        there.sources.proof_succeeded(source);
      } else {
        there.sources.proof_failed(source, there.loop.now());
      }
    });
  }
}

void Server::Impl::some_died() {
  // One that is answered may ask for more.
  auto asking = std::exchange(waiting_for_end, {});
  std::erase_if(asking, [](auto& asks) { return asks(); });
  std::ranges::move(asking, std::back_inserter(waiting_for_end));
}

void Server::replace_directory(std::shared_ptr<const Directory> directory) {
  impl_->directory = std::move(directory);
  for (Connection& connection : impl_->connections) {
    Session* session = connection.session();
    // Without a nexus it discovers, or its login still waits for an older session to end and will ask the directory then.
    if (session == nullptr || session->nexus == nullptr || connection.closing()) continue;
    const auto found = impl_->directory->targets.find(session->target->name);
    if (found == impl_->directory->targets.end()) {
      connection.drop("its target was removed");
      continue;
    }
    std::shared_ptr<const unit::HostView> view =
        found->second->view_of(session->initiator, connection.peer().address);
    if (view == nullptr) {
      connection.drop("its host may no longer use the target");
      continue;
    }
    connection.replace_view(found->second, std::move(view));
    if (!found->second->served_by(connection.portal())) {
      const loop::Nanoseconds wait = loop::seconds(impl_->settings().logout_wait_seconds);
      connection.ask_for_logout(wait, wait, "its portal was removed");
    }
  }
}

std::vector<SessionStatus> Server::sessions() const {
  std::vector<SessionStatus> all;
  for (const std::shared_ptr<Session>& session : impl_->sessions) {
    const auto& carriers = session->connections.empty() ? session->suspended : session->connections;
    if (!carriers.empty()) all.push_back(carriers.front()->status());
  }
  return all;
}

bool Server::drop_session(uint64_t id, std::string reason) {
  bool any = false;
  for (Connection& connection : impl_->connections) {
    if (connection.session() == nullptr || connection.session()->id != id || connection.closing()) continue;
    connection.drop(reason);
    any = true;
  }
  return any;
}

void Server::stop(loop::Nanoseconds grace, std::move_only_function<void()> stopped) {
  constexpr loop::Nanoseconds most_logout_wait = loop::seconds(1);
  const loop::Nanoseconds logout_wait = std::min<loop::Nanoseconds>(grace / 4, most_logout_wait);
  for (Connection& connection : impl_->connections) {
    if (connection.half_open()) {
      connection.drain();
    } else {
      // It is drained then, and dropped by the end of the stop, not by a timer of its own.
      connection.ask_for_logout(logout_wait, grace + most_logout_wait, "the engine stops");
    }
  }
  impl_->stop(logout_wait, grace, std::move(stopped));
}

void Server::Impl::close_matching(const std::string& initiator, const std::array<uint8_t, 6>& isid,
                                  const std::string& target, const Connection* except,
                                  std::move_only_function<void()> gone) {
  const auto matches = [initiator, isid, target, except](Connection& connection) {
    const Session* session = connection.session();
    return &connection != except && session != nullptr && !session->discovery &&
           session->initiator == initiator && session->isid == isid && session->target->name == target;
  };
  bool any = false;
  for (Connection& connection : connections) {
    if (!matches(connection)) continue;
    any = true;
    connection.close("session.reinstated", "the same initiator port logged in again");
  }
  if (!any) return gone();
  waiting_for_end.push_back([this, matches, gone = std::move(gone)]() mutable {
    for (Connection& connection : connections) {
      if (matches(connection)) return false;
    }
    gone();
    return true;
  });
}

// Logins that are still being completed count as well: two that come at once must not both be the last one.
SessionCounts Server::Impl::count_sessions(const std::string& target, const std::string& host) {
  SessionCounts counts;
  for (const std::shared_ptr<Session>& session : sessions) {
    if (session->discovery) continue;
    if (session->target->name == target) ++counts.of_target;
    if (session->view->host == host) ++counts.of_host;
  }
  return counts;
}

void Server::Impl::reinstate(Connection& connection, std::move_only_function<void(SessionCounts)> gone) {
  const Session& session = *connection.session();
  struct Gathering {
    size_t left;
    SessionCounts sum;
    std::move_only_function<void(SessionCounts)> gone;
  };
  auto gathering = std::make_shared<Gathering>(Gathering{group.size(), {}, std::move(gone)});
  for (size_t shard = 0; shard < group.size(); ++shard) {
    auto there = [this, shard, gathering, home = loop.index(), initiator = session.initiator,
                  isid = session.isid, target = session.target->name, host = session.view->host,
                  except = &connection] {
      auto answer = [this, shard, gathering, home, target, host] {
        const SessionCounts here = group[shard]->impl().count_sessions(target, host);
        loop.shards().send(home, [gathering, here] {
          gathering->sum.of_target += here.of_target;
          gathering->sum.of_host += here.of_host;
          if (--gathering->left == 0) gathering->gone(gathering->sum);
        });
      };
      group[shard]->impl().close_matching(initiator, isid, target, except, std::move(answer));
    };
    loop.shards().send(static_cast<uint32_t>(shard), std::move(there));
  }
}

void Server::Impl::drop_target_everywhere(const std::string& target, const std::string& reason) {
  for (size_t shard = 0; shard < group.size(); ++shard) {
    loop.shards().send(static_cast<uint32_t>(shard), [this, shard, target, reason] {
      for (Connection& connection : group[shard]->impl().connections) {
        const Session* session = connection.session();
        if (session != nullptr && !session->discovery && session->target->name == target)
          connection.drop(reason);
      }
    });
  }
}

}  // namespace ashlar::iscsi
