// An iSCSI session as the host has it: one connection, error recovery level 0 (RFC 7143). Strict: what the standard forbids
// the target ends the session, with a reason that says what it did.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "initiator/command.h"
#include "initiator/exchange.h"
#include "initiator/options.h"
#include "initiator/transport.h"
#include "loop/loop.h"
#include "loop/task.h"
#include "wire/iscsi_pdu.h"

namespace ashlar::initiator {

/// Told from the ready list; may destroy the session in these calls.
class SessionWatcher {
 public:
  /// Once, however it ended, logout() and close() included. Commands have been completed or are about to be, this turn.
  virtual void session_closed(const Error& reason) = 0;
  virtual void asynchronous_message(const wire::iscsi::AsyncMessage& /*message*/) {}

 protected:
  ~SessionWatcher() = default;
};

struct SessionCounters {
  uint64_t commands = 0;  ///< sent
  uint64_t answers = 0;
  uint64_t r2ts = 0;
  uint64_t data_in_pdus = 0;
  uint64_t data_out_pdus = 0;   ///< unsolicited ones included
  uint64_t pings_answered = 0;  ///< NOP-In of the target that wanted an answer
};

/// On one loop. Made by login() (login.h). Destroy it from anywhere but Command::done's caller's caller: that is, any place
/// that runs from the ready list; it closes itself first.
class Session final : PduHandler, loop::Timer {
 public:
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  /// Takes the command; its `done` comes later, exactly once, whatever happens. Past LoginOptions::max_commands and the
  /// CmdSN window it waits; past max_waiting, or when the session is closed, it ends as not_sent.
  void submit(Command& command);

  using Management = Result<wire::iscsi::TaskManagementOutcome>;
  /// ABORT TASK of a command of this session. One that was not sent yet is taken back (function_complete). When the target
  /// says function_complete and has not answered it, the command ends as `aborted`.
  loop::Task<Management> abort_task(Command& command);
  /// The others; commands that the function covers and that were not answered end as `aborted`.
  loop::Task<Management> manage(wire::iscsi::TaskManagementFunction function, std::array<uint8_t, 8> lun);
  /// NOP-Out that wants an answer: the target must give `data` (at most 4096 bytes) back.
  loop::Task<Result<void>> ping(std::vector<uint8_t> data);
  /// A text exchange in full feature phase; gives the whole answer (at most 1 MiB), its key=value pairs ended by NUL bytes.
  loop::Task<Result<std::string>> text(std::string request);
  /// Logs out and closes. Commands that wait end as not_sent, those not answered before the target's answer as unknown.
  loop::Task<Result<void>> logout();

  /// Ends it now: sent commands as unknown, waiting ones as not_sent.
  void close(const std::string& why) { end({ErrorCode::closed, "session", why}); }
  bool open() const { return phase_ != Phase::closed; }
  /// Why it is closed; empty while open.
  const std::optional<Error>& closed_reason() const { return closed_reason_; }

  const Parameters& parameters() const { return parameters_; }
  const LoginOptions& options() const { return options_; }
  const SessionCounters& counters() const { return counters_; }
  size_t commands_in_flight() const { return in_flight_; }  ///< sent
  size_t commands_waiting() const { return waiting_.size(); }
  uint32_t next_cmd_sn() const { return cmd_sn_; }

 private:
  friend class LoginStory;
  enum class Phase : uint8_t { login, full_feature, closed };

  Session(loop::Loop& loop, LoginOptions options);

  // session.cc: life, commands, what is sent
  void end(Error reason);
  void begin_full_feature_phase(const Parameters& parameters);
  void expired() override;
  void fill(Batch& batch) override;
  void batch_sent() override;
  void lost(Error reason) override { end(std::move(reason)); }
  void fill_commands(Batch& batch);
  bool fill_command(Batch& batch, Command& command);
  void give_tag(Command& command);
  bool fill_unsolicited(Batch& batch);
  bool fill_solicited(Batch& batch);
  bool fill_data_out(Batch& batch, Command& command, wire::iscsi::DataOut pdu, uint32_t length);
  void point_at(Command& command);
  void complete(Command& command, Outcome outcome);
  void release_slot(Command& command);
  bool window_open() const { return !wire::iscsi::serial_before(max_cmd_sn_, cmd_sn_); }

  // exchanges.cc: management, pings, text, logout
  bool fill_exchanges(Batch& batch);
  void encode_exchange(Exchange& exchange, uint8_t* header);
  bool fill_ping_answers(Batch& batch);
  void start(Exchange& exchange);
  Exchange* find_exchange(uint32_t initiator_task_tag, Exchange::Kind kind);
  void finish(Exchange& exchange, Error error);
  void finish(Exchange& exchange);
  static bool covers(const Exchange& exchange, const Command& command);
  void end_aborted(const Exchange& exchange);
  bool may_have_ended(const Command& command, const Exchange& apart);

  // receive.cc: what the target sends
  bool received(const uint8_t* header, ConstBytes data) override;
  void violation(std::string what);
  bool take_numbers(const uint8_t* header);
  Command* find_command(uint32_t initiator_task_tag, const uint8_t* header);
  void take_data_in(const uint8_t* header, ConstBytes data);
  bool check_data_in(const Command& command, const wire::iscsi::DataIn& pdu, uint32_t bytes);
  void take_r2t(const uint8_t* header);
  void take_scsi_response(const uint8_t* header, ConstBytes data);
  bool take_sense(Command& command, ConstBytes data);
  bool check_residual(Command& command, bool overflow, bool underflow, uint32_t count);
  void answered(Command& command);
  void take_nop_in(const uint8_t* header, ConstBytes data);
  void take_management_response(const uint8_t* header);
  void take_text_response(const uint8_t* header, ConstBytes data);
  void take_logout_response(const uint8_t* header);
  void take_async_message(const uint8_t* header);
  void take_reject(const uint8_t* header, ConstBytes data);

  loop::Loop& loop_;
  const LoginOptions options_;
  Phase phase_ = Phase::login;
  Parameters parameters_;
  std::optional<Error> closed_reason_;
  SessionCounters counters_;

  uint32_t cmd_sn_;
  uint64_t order_ = 0;  // of what was sent
  uint32_t exp_stat_sn_ = 0;
  uint32_t exp_cmd_sn_ = 0;  // as the target told it
  uint32_t max_cmd_sn_ = 0;

  // Sent commands by the low half of their tag; the high half counts its uses, so that a late answer is seen as such.
  struct Slot {
    Command* command = nullptr;
    uint16_t uses = 0;
  };
  std::vector<Slot> slots_;
  std::vector<uint16_t> free_slots_;
  size_t in_flight_ = 0;
  IntrusiveList<Command, CommandTag> waiting_;
  IntrusiveList<Command, SolicitedTag> soliciting_;  // have R2Ts to serve
  Command* unsolicited_ = nullptr;  // its unsolicited Data-Out is not all sent: nothing may overtake it
  std::vector<Command*> batched_;   // the batch under way points at their data

  IntrusiveList<Exchange, ExchangeTag> exchanges_;          // to be sent
  IntrusiveList<Exchange, ExchangeTag> awaited_exchanges_;  // sent
  uint32_t exchange_tags_ = 0;
  Exchange keepalive_{Exchange::Kind::ping};
  uint64_t pdus_at_last_ping_ = 0;
  std::vector<wire::iscsi::NopOut> ping_answers_;

  bool logging_out_ = false;

  LoginInbox login_inbox_;
  std::vector<uint8_t> login_outbox_;  // a login request: header and text
  Notices* notices_;
  Transport transport_;
};

}  // namespace ashlar::initiator
