// One TCP connection of the iSCSI target: login, then its part of the session's PDUs both ways. What the connections of a session
// share is in Session.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "iscsi/answer_log.h"
#include "iscsi/login.h"
#include "iscsi/receiver.h"
#include "iscsi/server.h"
#include "iscsi/session.h"
#include "iscsi/text.h"
#include "loop/transmit_queue.h"

namespace ashlar::iscsi {

/// Sessions of one target and of one host, over all shards.
struct SessionCounts {
  uint32_t of_target = 0, of_host = 0;
};

struct ConnectionTag;

/// Life: Server::serve() makes it; close() ends it; it destroys itself through the server when no task is in flight.
class Connection final : public ListNode<ConnectionTag>,
                         public loop::StreamWatcher,
                         public loop::TurnEnd,
                         private loop::Timer,
                         private PduHandler {
 public:
  Connection(Server::Impl& server, std::unique_ptr<loop::Stream> stream, Portal portal);
  ~Connection();

  // For its commands.
  loop::Loop& loop();
  scsi::NexusState& nexus() { return *session_->nexus; }
  const SessionParameters& parameters() const { return parameters_; }
  uint32_t next_transfer_tag() {
    return ++transfer_tag_ == wire::iscsi::reserved_task_tag ? transfer_tag_ = 0 : transfer_tag_;
  }
  bool expects_immediate_data(const Command& command) const { return placing_ == &command; }
  void send_r2t(wire::iscsi::R2t r2t);
  void answer(Command& command);
  void release(Command& command);
  void forget(const Buffer& buffer) { receiver_.forget(buffer); }
  uint32_t redirect(const Buffer& from, Buffer& to, uint32_t end) {
    return receiver_.redirect(from, to, end);
  }

  // For the server.
  Session* session() { return session_.get(); }
  const std::shared_ptr<Session>& shared_session() { return session_; }
  uint16_t connection_id() const { return connection_id_; }
  const Portal& portal() const { return portal_; }
  const std::string& source() const { return source_; }
  loop::Endpoint peer() const { return stream_->peer(); }
  bool half_open() const { return phase_ == Phase::login; }
  bool closing() const { return phase_ == Phase::closing; }
  bool suspended() const { return phase_ == Phase::suspended; }
  SessionStatus status();
  /// No more is read; what is in flight ends without answers. `reason` is logged and told as an event.
  void close(const std::string& kind, const std::string& reason);
  /// The connection is lost: closes, or at ErrorRecoveryLevel 2 keeps its tasks for Time2Retain.
  void fail(const std::string& reason);
  /// Tells the host with an asynchronous message, sends what is queued, then closes.
  void drop(const std::string& reason);
  /// The first login request of a connection, as another shard received it.
  void resume_login(ConstBytes bytes) { receiver_.feed(bytes); }
  /// Takes up a PDU whose turn has come.
  void execute(const uint8_t* header, ConstBytes data);
  /// Asks the host to log out within `told`, and drop()s it after `wait`. It is served as before meanwhile. Asking again
  /// changes nothing.
  void ask_for_logout(loop::Nanoseconds told, loop::Nanoseconds wait, const std::string& reason);
  /// Reads no more; when nothing is in flight and all is sent, drop()s.
  void drain();
  /// The login's last answer, after sessions that it replaces are gone.
  void complete_login(SessionCounts counts);
  void replace_view(std::shared_ptr<const Target> target, std::shared_ptr<const unit::HostView> view);

 private:
  enum class Phase : uint8_t {
    login,
    full_feature,
    draining,
    flushing,
    suspended,  ///< it failed at ErrorRecoveryLevel 2: nothing comes or goes, its tasks wait to be taken over
    closing
  };

  // loop
  void readable() override;
  void writable() override;
  void turn_end() override;
  void expired() override;

  // PduHandler
  DataPlan header_arrived(const uint8_t* header, ConstBytes additional) override;
  void pdu_arrived(const uint8_t* header, ConstBytes data) override;
  bool header_digest_failed(const uint8_t* header) override;
  void data_digest_failed(const uint8_t* header) override;
  bool stopped() const override {
    return phase_ == Phase::closing || phase_ == Phase::flushing || phase_ == Phase::suspended ||
           move_.has_value();
  }

  // Login (login_phase.cc)
  void login_request(const uint8_t* header, ConstBytes data);
  bool lives_elsewhere(const uint8_t* header, ConstBytes data);
  void hand_over();
  void find_session_to_join();
  void start_session();
  void join_session();
  void enter_full_feature();
  void leave_login();
  std::shared_ptr<const Target> usable_target(const Session& session) const;
  const char* full(SessionCounts counts) const;
  void refuse_login(wire::iscsi::LoginStatus status, const std::string& reason);
  void send_login_response(wire::iscsi::LoginResponse response, ConstBytes text);

  // Full feature phase (full_feature.cc)
  DataPlan command_arrived(const uint8_t* header, ConstBytes additional);
  void take_up_command(const uint8_t* header, ConstBytes data);
  void data_placed(const uint8_t* header);
  const char* check_command(const wire::iscsi::ScsiCommand& pdu) const;
  DataPlan data_out_arrived(const uint8_t* header);
  void submit_parked();
  bool in_sequence(const uint8_t* header, ConstBytes data);
  bool park(uint32_t command_sequence, const uint8_t* header, ConstBytes data);
  void take_up_functions();
  void nop_out_unasked(const uint8_t* header);
  void nop_out(const uint8_t* header, ConstBytes data);
  void task_management(const uint8_t* header);
  bool waits_for_commands(const wire::iscsi::TaskManagementRequest& pdu, const uint8_t* header);
  bool abort_before_its_turn(const wire::iscsi::TaskManagementRequest& pdu);
  void send_management_answer(uint32_t tag, wire::iscsi::TaskManagementOutcome outcome);
  void answer_management(uint32_t tag, scsi::TaskManagementResponse response, bool cold_reset);
  void text_request(const uint8_t* header, ConstBytes data);
  void logout(const uint8_t* header);
  wire::iscsi::LogoutOutcome remove_for_recovery(uint16_t connection_id);
  void log_out_of(Connection& other, uint32_t tag);
  void answer_logout(uint32_t tag, wire::iscsi::LogoutOutcome outcome);
  bool known_opcode(wire::iscsi::Opcode opcode) const;

  // ErrorRecoveryLevel 1 (recovery.cc)
  bool recovers() const { return parameters_.error_recovery_level > 0; }
  void acknowledge(uint32_t expected_status);
  void retain(Command& command);
  void stop_retaining(Command& command);
  void let_go(Command& command);
  void let_all_go();
  void snack(const uint8_t* header);
  bool repeat_data(const wire::iscsi::SnackRequest& pdu);
  bool cut_data_anew(const wire::iscsi::SnackRequest& pdu);
  bool repeat_statuses(const wire::iscsi::SnackRequest& pdu);
  void repeat(const AnswerLog::Answer& answer);

  // ErrorRecoveryLevel 2 (reassignment.cc)
  void suspend(const std::string& reason);
  void release_finished();
  void reassign(const wire::iscsi::TaskManagementRequest& pdu);
  wire::iscsi::TaskManagementOutcome can_take_over(const wire::iscsi::TaskManagementRequest& pdu);
  void take_over(const wire::iscsi::TaskManagementRequest& pdu);
  void take_over_active(Command& command);
  void take_over_answered(Connection& from, const wire::iscsi::TaskManagementRequest& pdu);
  Command* retained_of(uint32_t tag) const;
  void take_from(Connection& from, Command& command);

  // Answers (answers.cc)
  wire::iscsi::TargetNumbers numbers(bool takes_status);
  uint8_t* append_pdu(uint32_t data_bytes, ConstBytes data);
  void seal_header(uint8_t* header);
  bool append_data_digest(uint32_t crc, uint32_t length);
  /// Data-In PDUs of `length` bytes; of these only those whose DataSN is in `run`.
  struct Run {
    uint32_t begin = 0, end = UINT32_MAX;
    bool holds(uint32_t sequence) const { return sequence >= begin && sequence < end; }
  };
  void send_data_in(Command& command, uint32_t length, bool with_status, Run run);
  void send_response(Command& command);
  void send_status(const wire::iscsi::ScsiCommand& pdu, scsi::ScsiStatus status);
  void reject(const uint8_t* header, wire::iscsi::RejectReason reason);
  void protocol_error(const uint8_t* header, const std::string& what);
  void send_async(wire::iscsi::AsyncEvent event, uint16_t parameter3 = 0);
  static void tell_news(const Session& session, uint16_t lun, unit::Attention news);
  void send_scsi_event(uint16_t lun, unit::Attention news);
  void wants_to_send();
  void out_of_memory();
  void flush_then_close(const std::string& kind, const std::string& reason);
  void continue_drain();
  static void continue_drains(const Session& session);
  size_t awaiting_host() const;
  void forget_parked();
  void leave_session();
  void abort_own_commands();
  void finish_close();
  void arm_timer(loop::Nanoseconds span);

  Server::Impl& server_;
  std::unique_ptr<loop::Stream> stream_;
  Portal portal_;
  const std::string source_;  // of the peer, in the table of sources
  Phase phase_ = Phase::login;
  Receiver receiver_;
  /// Answers that a host has asked for again.
  struct RepeatedRuns final : loop::Transmitted {
    void transmitted() override { --under_way; }
    uint32_t under_way = 0;
  };
  RepeatedRuns repeated_runs_;
  loop::TransmitQueue transmit_;
  std::unique_ptr<LoginMachine> login_;
  wire::iscsi::LoginRequest last_login_;
  std::optional<std::pair<wire::iscsi::LoginResponse, std::string>> final_response_;
  std::unique_ptr<TextExchange> text_;
  std::shared_ptr<Session> session_;  // null before the login is over
  SessionParameters parameters_;      // the session's, and what is this connection's own
  uint16_t connection_id_ = 0;
  uint32_t own_commands_ = 0;  // whose allegiance is here, until their answer has left
  /// It asked to join a session of another shard, and goes there with what it said.
  struct Move {
    uint32_t shard;
    std::vector<uint8_t> said;
  };
  std::optional<Move> move_;
  AnswerLog answer_log_;
  std::vector<Command*>
      retained_;  // with data that was sent and whose status is not acknowledged, oldest first
  uint64_t retained_bytes_ = 0;
  bool takes_status_ = false;  // the PDU that is being made
  uint32_t lost_headers_ = 0;  // one behind the other
  bool buried_ = false;
  bool outlived_ = false;       // closing, while others carry the session on
  Command* placing_ = nullptr;  // whose data segment is arriving
  // Of a command that waits for the end of its immediate data; at most max_additional_header_bytes.
  std::optional<std::vector<uint8_t>> held_additional_;
  bool blocked_ = false;  // the network takes no more just now
  bool header_digest_ = false, data_digest_ = false;
  uint32_t status_sequence_ = 1;  // StatSN of the next answer that has one
  uint32_t transfer_tag_ = 0;
  loop::Instant last_heard_;
  bool ping_unanswered_ = false;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);  // outlived by callbacks that check it
  std::string close_kind_, close_reason_;
  std::string logout_reason_;  // why the host was asked to log out; empty: it was not
};

}  // namespace ashlar::iscsi
