// A further connection joins a session (RFC 7143 6.3.3, 6.3.4): it goes to the session's shard, and is one of its connections when
// its login is over.
#include "base/log.h"
#include "iscsi/server_impl.h"

namespace ashlar::iscsi {

using namespace wire::iscsi;

// The TSIH says which shard the session lives on. True: the connection goes there when this receive is done.
bool Connection::lives_elsewhere(const uint8_t* header, ConstBytes data) {
  const uint32_t shard = last_login_.tsih % static_cast<uint32_t>(server_.group.size());
  if (shard == server_.loop.index()) return false;
  Move move{shard, std::vector<uint8_t>(header, header + basic_header_bytes)};
  move.said.insert(move.said.end(), data.begin(), data.end());
  move.said.resize(basic_header_bytes + padded(static_cast<uint32_t>(data.size())));
  move_ = std::move(move);
  return true;
}

void Connection::hand_over() {
  std::unique_ptr<loop::LooseStream> loose = stream_->detach();
  if (loose == nullptr) {
    move_.reset();
    return close("login.refused", "the connection could not be moved to the shard of its session");
  }
  const std::vector<uint8_t> rest = receiver_.take_rest();
  move_->said.insert(move_->said.end(), rest.begin(), rest.end());
  auto arrive = [&group = server_.group, shard = move_->shard, said = std::move(move_->said),
                 portal = portal_, loose = std::move(loose)]() mutable {
    if (group[shard] != nullptr) group[shard]->impl().adopt(std::move(loose), portal, std::move(said));
  };
  server_.loop.shards().send(move_->shard, std::move(arrive));
  leave_login();
  phase_ = Phase::closing;
  server_.loop.cancel(*this);
  server_.loop.withdraw(static_cast<loop::TurnEnd&>(*this));
  finish_close();
}

// Without a session of that name the login is refused as RFC 7143 7.3.1 asks: session does not exist.
void Connection::find_session_to_join() {
  const std::shared_ptr<Session> session = server_.find_session(last_login_.tsih, last_login_.isid);
  if (session == nullptr || session->nexus == nullptr) return;
  login_->join({session->tsih, session->initiator, session->target->name, session->portal_group_tag,
                session->parameters});
}

void Connection::join_session() {
  const std::shared_ptr<Session> session = server_.find_session(last_login_.tsih, last_login_.isid);
  if (session == nullptr || session->nexus == nullptr || session->initiator != login_->initiator())
    return refuse_login(LoginStatus::session_does_not_exist, "the session ended during the login");
  if (usable_target(*session) == nullptr)
    return refuse_login(LoginStatus::not_found, "the target was taken away during the login");
  const uint16_t connection_id = login_->connection_id();
  const auto same = [connection_id](const Connection* each) {
    return each->connection_id() == connection_id;
  };
  const auto older = std::ranges::find_if(session->connections, same);
  const bool replaces = older != session->connections.end();
  if (!replaces && session->connections.size() >= session->parameters.max_connections) {
    return refuse_login(LoginStatus::too_many_connections,
                        fmt::format("the session has {} connections, as agreed (MaxConnections)",
                                    session->connections.size()));
  }
  connection_id_ = connection_id;
  session_ = session;
  Connection* const closing = replaces ? *older : nullptr;
  session->connections.push_back(this);
  // The same CID: an implicit logout of the older connection, whose tasks end first, or may be taken over (RFC 7143 6.3.4).
  if (closing != nullptr) closing->fail("its host logged in again with the same CID");
  server_.call_when_gone(*session, connection_id, *this, [this, alive = std::weak_ptr<bool>(alive_)] {
    if (alive.expired() || phase_ != Phase::login) return;
    enter_full_feature();
    if (phase_ != Phase::full_feature) return;
    log_info("iscsi",
             "connection joined target={} initiator={} tsih={} cid={} connections={} peer={} shard={}",
             session_->target->name, session_->initiator, session_->tsih, connection_id_,
             session_->connections.size(), stream_->peer().text(), server_.loop.index());
    server_.tell({"session.connection_joined", session_->target->name, session_->initiator,
                  stream_->peer().text(), fmt::format("{} connections", session_->connections.size())});
  });
}

}  // namespace ashlar::iscsi
