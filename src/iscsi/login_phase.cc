// The login phase of a connection: LoginMachine decides, this sends, and makes the session when it is over.
#include "base/log.h"
#include "iscsi/server_impl.h"

namespace ashlar::iscsi {

using namespace wire::iscsi;

void Connection::send_login_response(LoginResponse response, ConstBytes text) {
  // StatSN starts where the host expects it to: at the ExpStatSN of its first request (RFC 7143 11.12.9).
  uint8_t* header = append_pdu(static_cast<uint32_t>(text.size()), text);
  if (header == nullptr) return;
  response.numbers.stat_sn = status_sequence_++;
  response.numbers.exp_cmd_sn = last_login_.cmd_sn;
  response.numbers.max_cmd_sn = last_login_.cmd_sn;
  if (session_ != nullptr) {
    response.numbers.exp_cmd_sn = session_->window.expected();
    response.numbers.max_cmd_sn = session_->window.maximum(static_cast<uint32_t>(session_->commands.size()));
    response.tsih = session_->tsih;
  }
  response.encode(header);
}

void Connection::login_request(const uint8_t* header, ConstBytes data) {
  if (final_response_.has_value())
    return close("login.refused", "a PDU came while the login was being completed");
  const bool first = !login_->begun();
  last_login_ = LoginRequest::decode(header);
  if (first && last_login_.tsih != 0) {
    if (lives_elsewhere(header, data)) return;
    find_session_to_join();
  }
  if (first) status_sequence_ = last_login_.exp_stat_sn;
  login_->hold_back(server_.sources.held_back(source_, server_.loop.now()));
  LoginOutcome outcome = login_->apply(last_login_, data);
  if (login_->proof_failed()) server_.tell_proof(source_, false);
  if (outcome.close) {
    send_login_response(outcome.response, bytes_of(outcome.text));
    return flush_then_close("login.refused", outcome.reason);
  }
  if (!outcome.finished) return send_login_response(outcome.response, bytes_of(outcome.text));
  if (login_->joins()) {
    final_response_.emplace(outcome.response, std::move(outcome.text));
    return join_session();
  }
  if (server_.sessions.size() >= server_.most_sessions()) {
    final_response_.emplace(outcome.response, "");
    return refuse_login(LoginStatus::out_of_resources,
                        fmt::format("{} sessions are open (max_sessions)", server_.sessions.size()));
  }
  if (login_->authentication() != "none") server_.tell_proof(source_, true);
  final_response_.emplace(outcome.response, std::move(outcome.text));
  start_session();
}

void Connection::start_session() {
  session_ = std::make_shared<Session>(server_.new_session_id(), server_.new_tsih(), last_login_.cmd_sn,
                                       server_.settings().queue_depth);
  server_.sessions.push_back(session_);
  session_->connections.push_back(this);
  session_->discovery = login_->discovery();
  session_->initiator = login_->initiator();
  session_->isid = login_->isid();
  session_->authentication = login_->authentication();
  session_->target = login_->target();
  session_->view = login_->view();
  session_->portal_group_tag = login_->portal_group_tag();
  session_->parameters = login_->parameters();
  session_->began = server_.loop.now();
  if (session_->discovery) return complete_login({});
  // One I_T nexus at a time: an older session of the same initiator port ends first, with all its tasks, on whatever shard
  // it lives (RFC 7143 6.3.5). This connection may be gone when that is done.
  server_.reinstate(*this, [this, alive = std::weak_ptr<bool>(alive_)](SessionCounts counts) {
    if (!alive.expired() && phase_ == Phase::login) complete_login(counts);
  });
}

// The snapshot may have changed since the login began. Null: the target is not for this host any more, or not here.
std::shared_ptr<const Target> Connection::usable_target(const Session& session) const {
  const auto found = server_.directory->targets.find(session.target->name);
  if (found == server_.directory->targets.end() || !found->second->served_by(portal_)) return nullptr;
  const bool let_in = found->second->view_of(session.initiator, stream_->peer().address) != nullptr;
  return let_in ? found->second : nullptr;
}

// A bound that an administrator has set; null when there is room.
const char* Connection::full(SessionCounts counts) const {
  const auto over = [](uint32_t count, uint32_t bound) { return bound != 0 && count > bound; };
  if (over(counts.of_target, session_->target->max_sessions))
    return "as many sessions are open as the target takes (max_sessions)";
  if (over(counts.of_host, session_->view->max_sessions))
    return "as many sessions are open as the host may have (max_sessions)";
  return nullptr;
}

void Connection::refuse_login(LoginStatus status, const std::string& reason) {
  LoginResponse response = final_response_->first;
  response.status = status;
  response.transit = false;
  response.data_segment_length = 0;
  final_response_.reset();
  send_login_response(response, {});
  flush_then_close("login.refused", reason);
}

void Connection::complete_login(SessionCounts counts) {
  Session& session = *session_;
  if (!session.discovery) {
    const std::shared_ptr<const Target> target = usable_target(session);
    if (target == nullptr) return close("login.refused", "the target was taken away during the login");
    session.target = target;
    session.view = target->view_of(session.initiator, stream_->peer().address);
    if (const char* reason = full(counts)) return refuse_login(LoginStatus::out_of_resources, reason);
    unit::Nexus nexus;
    nexus.initiator_name = session.initiator;
    nexus.initiator_port = fmt::format("{},i,0x{}", session.initiator, hex_of(session.isid));
    nexus.target_port = target_port_name(session.target->name, session.portal_group_tag);
    nexus.relative_target_port = session.portal_group_tag;
    nexus.protocol = "iscsi";
    session.nexus = std::make_unique<scsi::NexusState>(server_.domain, std::move(nexus), session.view);
    session.nexus->on_news([&session](uint16_t lun, unit::Attention news) { tell_news(session, lun, news); });
  }
  enter_full_feature();
  if (phase_ != Phase::full_feature) return;
  log_info(
      "iscsi",
      "login target={} initiator={} host={} isid={} tsih={} peer={} portal={} authentication={} digests={}{} shard={}",
      session.discovery ? "(discovery)" : session.target->name, session.initiator,
      session.view ? session.view->host : "", hex_of(session.isid), session.tsih, stream_->peer().text(),
      portal_.name, session.authentication, header_digest_ ? "header" : "-", data_digest_ ? ",data" : "",
      server_.loop.index());
  server_.tell({"session.login", session.target ? session.target->name : "", session.initiator,
                stream_->peer().text(), session.authentication});
}

// The login's last answer, and what begins with it.
void Connection::enter_full_feature() {
  text_ = std::make_unique<TextExchange>(
      TextAsker{session_->initiator, session_->target, portal_, stream_->local(), stream_->peer()});
  parameters_ = login_->parameters();
  connection_id_ = login_->connection_id();
  const auto [response, text] = std::move(*final_response_);
  final_response_.reset();
  send_login_response(response, bytes_of(text));
  if (phase_ != Phase::login) return;
  leave_login();
  phase_ = Phase::full_feature;
  login_.reset();
  header_digest_ = parameters_.header_digest;
  data_digest_ = parameters_.data_digest;
  receiver_.set_digests(header_digest_, data_digest_);
  arm_timer(loop::seconds(server_.settings().nop_interval_seconds));
  // What arrived while the older session ended has waited in the stream.
  stream_->resume();
}

}  // namespace ashlar::iscsi
