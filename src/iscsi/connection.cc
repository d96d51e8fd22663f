#include "iscsi/connection.h"

#include "base/log.h"
#include "iscsi/server_impl.h"

namespace ashlar::iscsi {

using namespace wire::iscsi;

namespace {

// How long what is queued may take to leave before the connection is closed all the same.
constexpr loop::Nanoseconds flush_grace = loop::seconds(5);
// A host that does not read its answers gets no more commands read.
constexpr size_t backlog_limit_bytes = 4u << 20;
// Receives of one connection in a turn; then the others have their turn.
constexpr int receives_per_turn = 4;

}  // namespace

Connection::Connection(Server::Impl& server, std::unique_ptr<loop::Stream> stream, Portal portal)
    : server_(server),
      stream_(std::move(stream)),
      portal_(std::move(portal)),
      source_(server.login_began(stream_->peer())),
      receiver_(*this, server.receive_buffer),
      transmit_(server.chunks),
      last_heard_(server.loop.now()) {
  login_ =
      std::make_unique<LoginMachine>(server_.directory, portal_, stream_->local(), stream_->peer(),
                                     [&loop = server_.loop](std::span<uint8_t> out) { loop.random(out); });
  arm_timer(loop::seconds(server_.settings().login_timeout_seconds));
  stream_->watch(*this);
}

Connection::~Connection() {
  server_.loop.cancel(*this);
  server_.loop.withdraw(static_cast<loop::TurnEnd&>(*this));
}

loop::Loop& Connection::loop() { return server_.loop; }

void Connection::arm_timer(loop::Nanoseconds span) { server_.loop.arm_after(*this, span); }

void Connection::readable() {
  if (stopped() || phase_ == Phase::draining) return;
  if (transmit_.backlog_bytes() > backlog_limit_bytes) return;  // writable() goes on with it
  last_heard_ = server_.loop.now();
  ping_unanswered_ = false;
  for (int i = 0; i < receives_per_turn; ++i) {
    const Receiver::Outcome outcome = receiver_.receive(*stream_);
    if (move_) return hand_over();
    switch (outcome) {
      case Receiver::Outcome::drained: return;
      case Receiver::Outcome::more:
        if (stopped() || phase_ == Phase::draining) return;
        break;
      case Receiver::Outcome::end_of_stream:
        return fail(receiver_.inside_pdu() ? "the host closed the connection in the middle of a PDU"
                                           : "the host closed the connection");
      case Receiver::Outcome::failed: return fail("the connection failed");
    }
  }
  stream_->resume();
}

void Connection::writable() {
  blocked_ = false;
  if (phase_ == Phase::closing || phase_ == Phase::suspended) return;
  wants_to_send();
}

void Connection::turn_end() {
  if (phase_ == Phase::closing) return;
  const bool was_full = transmit_.backlog_bytes() > backlog_limit_bytes;
  const loop::TransmitQueue::Flushed flushed = transmit_.flush(*stream_);
  if (flushed == loop::TransmitQueue::Flushed::failed) return fail("the connection failed");
  blocked_ = flushed == loop::TransmitQueue::Flushed::some;
  if (was_full && transmit_.backlog_bytes() <= backlog_limit_bytes) stream_->resume();
  if (blocked_) return;
  if (phase_ == Phase::flushing) close(close_kind_, close_reason_);
  if (phase_ == Phase::draining) continue_drain();
}

void Connection::expired() {
  if (phase_ == Phase::login) {
    return close("login.refused",
                 fmt::format("no complete login within {} s", server_.settings().login_timeout_seconds));
  }
  if (phase_ == Phase::flushing) return close(close_kind_, close_reason_);
  if (phase_ == Phase::suspended)
    return close("session.dropped", "no connection took its tasks over in time (Time2Retain)");
  if (phase_ != Phase::full_feature) return;
  if (!logout_reason_.empty()) return drop(logout_reason_);
  const Settings& settings = server_.settings();
  const loop::Nanoseconds silence = server_.loop.now() - last_heard_;
  const loop::Nanoseconds interval = loop::seconds(settings.nop_interval_seconds);
  if (ping_unanswered_) {
    return fail(fmt::format("the host has not answered a ping for {} s", settings.nop_timeout_seconds));
  }
  if (silence < interval) return arm_timer(interval - silence);
  uint8_t* header = append_pdu(0, {});
  if (header == nullptr) return;
  NopIn ping;
  ping.target_transfer_tag = next_transfer_tag();
  ping.numbers = numbers(false);
  ping.encode(header);
  seal_header(header);
  ping_unanswered_ = true;
  arm_timer(loop::seconds(settings.nop_timeout_seconds));
}

bool Connection::header_digest_failed(const uint8_t* header) {
  // Nothing is sure of the PDU, its length included; at ErrorRecoveryLevel 0 the connection ends (RFC 7143 7.7). Above it is
  // discarded silently, and if its length was wrong too, the next header will show it.
  const bool credible = data_segment_length(header) <= parameters().max_receive_data_segment_bytes;
  if (phase_ != Phase::login && recovers() && credible && ++lost_headers_ == 1) {
    log_warning("iscsi", "a PDU with a wrong header digest was discarded initiator={} peer={}",
                session_->initiator, stream_->peer().text());
    return true;
  }
  close("session.dropped", "header digest error");
  return false;
}

void Connection::data_digest_failed(const uint8_t* header) {
  if (session_ == nullptr) return close("login.refused", "data digest error");
  reject(header, RejectReason::data_digest_error);
  held_additional_.reset();
  if (placing_ == nullptr) return;
  Command& command = *std::exchange(placing_, nullptr);
  if (recovers()) return command.request_again();
  command.data_failed(0x4705);  // PROTOCOL SERVICE CRC ERROR
}

void Connection::release(Command& command) {
  if (placing_ == &command) placing_ = nullptr;
  if (session_->commands.find(command.initiator_task_tag()) == &command) session_->commands.remove(command);
  server_.commands.give_back(command);
  --own_commands_;
  if (outlived_ && own_commands_ == 0) finish_close();
  if (phase_ == Phase::draining || outlived_) continue_drains(*session_);
}

void Connection::close(const std::string& kind, const std::string& reason) {
  if (phase_ == Phase::closing) return;
  leave_login();
  const bool last = session_ == nullptr || session_->connections.size() + session_->suspended.size() <= 1;
  if (phase_ == Phase::suspended) std::erase(session_->suspended, this);
  phase_ = Phase::closing;
  server_.loop.cancel(*this);
  server_.loop.withdraw(static_cast<loop::TurnEnd&>(*this));
  const std::string peer = stream_->peer().text();
  const std::string initiator = session_ ? session_->initiator : std::string();
  const std::string target = session_ && session_->target ? session_->target->name : std::string();
  log_info("iscsi", "{}: {} target={} initiator={} peer={} shard={}", kind, reason, target, initiator, peer,
           server_.loop.index());
  server_.tell({last ? kind : "session.connection_closed", target, initiator, peer, reason});
  stream_->shutdown_send();
  transmit_.abandon();
  if (session_ == nullptr) return finish_close();
  let_all_go();
  release_finished();
  leave_session();
}

// The session goes on with its other connections, or ends with this one. At ErrorRecoveryLevel 0 and 1 the tasks of a
// connection end with it (RFC 7143 7.1.4, 7.3).
void Connection::leave_session() {
  Session& session = *session_;
  std::erase(session.connections, this);
  forget_parked();
  if (!session.connections.empty() || !session.suspended.empty()) return abort_own_commands();
  session.ended = true;
  session.parked.clear();
  std::erase(server_.sessions, session_);
  if (session.nexus == nullptr) return finish_close();
  session.nexus->close([this] { finish_close(); });
}

void Connection::forget_parked() {
  Session& session = *session_;
  std::erase_if(session.held_functions, [this](const ParkedPdu& held) { return held.connection == this; });
  // A number that was not taken up counts as not received: the host sends it again on another connection (4.2.2.1).
  for (auto next = session.parked.begin(); next != session.parked.end();) {
    const ParkedPdu& parked = next->second;
    if (parked.connection != this) {
      ++next;
      continue;
    }
    Command* const command = parked.command;
    next = session.parked.erase(next);
    if (command != nullptr) release(*command);
  }
}

void Connection::abort_own_commands() {
  std::vector<std::pair<std::array<uint8_t, 8>, uint32_t>> own;
  session_->commands.each([&](const Command& command) {
    if (&command.connection() == this) own.emplace_back(command.lun, command.initiator_task_tag());
  });
  outlived_ = true;
  if (own_commands_ == 0) return finish_close();
  for (const auto& [lun, tag] : own) {
    // Each of them comes to its end, and is released, whatever the answer.
    session_->nexus->manage(scsi::TaskManagement::abort_task, lun, tag, [](scsi::TaskManagementResponse) {});
  }
}

// It counts no longer as one that waits for its login.
void Connection::leave_login() {
  if (phase_ == Phase::login) server_.login_over(source_);
}

// Closing twice is harmless: a nexus that ends may end the last command of a connection that waits for it.
void Connection::finish_close() {
  if (buried_) return;
  buried_ = true;
  CHECK(session_ == nullptr || outlived_ || session_->managing == 0,
        "a task management function was left without an answer");
  transmit_.abandon();
  stream_.reset();
  server_.bury(*this);
}

void Connection::flush_then_close(const std::string& kind, const std::string& reason) {
  if (phase_ == Phase::closing || phase_ == Phase::flushing) return;
  leave_login();
  phase_ = Phase::flushing;
  close_kind_ = kind;
  close_reason_ = reason;
  arm_timer(flush_grace);
  wants_to_send();
}

void Connection::drop(const std::string& reason) {
  if (phase_ == Phase::closing || phase_ == Phase::flushing) return;
  if (session_ == nullptr || phase_ == Phase::login) return close("login.refused", reason);
  if (phase_ == Phase::suspended) return close("session.dropped", reason);
  const bool others = session_->connections.size() > 1;
  send_async(others ? AsyncEvent::connection_drop : AsyncEvent::all_connections_drop);
  flush_then_close("session.dropped", reason);
}

void Connection::ask_for_logout(loop::Nanoseconds told, loop::Nanoseconds wait, const std::string& reason) {
  if (phase_ != Phase::full_feature || !logout_reason_.empty()) return;
  logout_reason_ = reason;
  send_async(AsyncEvent::logout_request,
             static_cast<uint16_t>(std::chrono::ceil<std::chrono::seconds>(told).count()));
  if (phase_ == Phase::full_feature) arm_timer(wait);
}

void Connection::drain() {
  if (phase_ == Phase::login) return close("login.refused", "the engine stops");
  if (phase_ == Phase::suspended) return close("session.dropped", "the engine stops");
  if (phase_ != Phase::full_feature) return;
  phase_ = Phase::draining;
  continue_drain();
}

void Connection::continue_drain() {
  if (session_->managing > 0 || !transmit_.empty()) {
    if (!transmit_.empty()) wants_to_send();
    return;
  }
  // Nothing more is read: what waits for the host ends without an answer when the nexus closes.
  if (session_->nexus != nullptr && session_->commands.size() > awaiting_host()) return;
  drop("the engine stops");
}

// All connections of a session wait for the last of its tasks, whichever of them it came by.
void Connection::continue_drains(const Session& session) {
  const std::vector<Connection*> all = session.connections;  // a drop may take one out
  for (Connection* connection : all) {
    if (connection->phase_ == Phase::draining) connection->continue_drain();
  }
}

// Commands that only the host can bring on: their data, or an earlier CmdSN, is still to come.
size_t Connection::awaiting_host() const {
  size_t waiting = 0;
  session_->commands.each([&waiting](const Command& command) { waiting += command.awaits_data() ? 1 : 0; });
  for (const auto& [sequence, parked] : session_->parked) waiting += parked.command != nullptr ? 1 : 0;
  return waiting;
}

SessionStatus Connection::status() {
  SessionStatus status;
  const Session& session = *session_;
  status.id = session.id;
  status.shard = server_.loop.index();
  status.target = session.target ? session.target->name : "";
  status.initiator = session.initiator;
  status.host = session.view ? session.view->host : "";
  status.isid = hex_of(session.isid);
  status.tsih = session.tsih;
  status.connections = static_cast<uint32_t>(session.connections.size());
  status.local_address = stream_->local().text();
  status.peer_address = stream_->peer().text();
  status.header_digest = header_digest_;
  status.data_digest = data_digest_;
  status.authentication = session.authentication;
  status.commands = session.command_count;
  status.read_bytes = session.read_bytes;
  status.written_bytes = session.written_bytes;
  status.tasks_in_flight = static_cast<uint32_t>(session.commands.size());
  status.age_seconds =
      std::chrono::duration_cast<std::chrono::seconds>(server_.loop.now() - session.began).count();
  return status;
}

void Connection::replace_view(std::shared_ptr<const Target> target,
                              std::shared_ptr<const unit::HostView> view) {
  session_->target = std::move(target);
  if (session_->view == view) return;
  session_->view = view;
  session_->nexus->replace_view(std::move(view));
}

}  // namespace ashlar::iscsi
