// ErrorRecoveryLevel 2: a connection that failed leaves its tasks for another one of the session to take over (RFC 7143 7.1.4.3,
// 7.2.2, 11.5.4).
#include <algorithm>

#include "base/log.h"
#include "iscsi/server_impl.h"

namespace ashlar::iscsi {

using namespace wire::iscsi;

void Connection::fail(const std::string& reason) {
  const bool keeps = phase_ == Phase::full_feature && parameters().error_recovery_level == 2 &&
                     parameters().default_time2retain_seconds > 0 && session_->nexus != nullptr;
  if (!keeps) return close(half_open() ? "login.refused" : "session.dropped", reason);
  suspend(reason);
}

void Connection::suspend(const std::string& reason) {
  Session& session = *session_;
  phase_ = Phase::suspended;
  placing_ = nullptr;
  server_.loop.withdraw(static_cast<loop::TurnEnd&>(*this));
  log_info("iscsi", "connection suspended: {} target={} initiator={} cid={} tasks={} peer={} shard={}",
           reason, session.target->name, session.initiator, connection_id_, own_commands_,
           stream_->peer().text(), server_.loop.index());
  server_.tell({"session.connection_suspended", session.target->name, session.initiator,
                stream_->peer().text(), reason});
  stream_->shutdown_send();
  transmit_.abandon();
  std::erase(session.connections, this);
  forget_parked();
  session.suspended.push_back(this);
  arm_timer(loop::seconds(parameters().default_time2retain_seconds));
  if (session.suspended.size() > parameters().max_connections)
    session.suspended.front()->drop("it was replaced");
}

// Commands that were done when there was nobody to be told.
void Connection::release_finished() {
  std::vector<Command*> finished;
  session_->commands.each([&](Command& command) {
    if (&command.connection() == this && command.finished) finished.push_back(&command);
  });
  for (Command* command : finished) release(*command);
}

LogoutOutcome Connection::remove_for_recovery(uint16_t connection_id) {
  if (parameters().error_recovery_level < 2) return LogoutOutcome::recovery_not_supported;
  const auto same = [connection_id](const Connection* each) {
    return each->connection_id() == connection_id;
  };
  if (std::ranges::any_of(session_->suspended, same)) return LogoutOutcome::closed;
  const auto live = std::ranges::find_if(session_->connections, same);
  // By another connection than the one that is removed (RFC 7143 11.14).
  if (live == session_->connections.end() || *live == this) return LogoutOutcome::cid_not_found;
  (*live)->fail("its host removed it for recovery");
  return LogoutOutcome::closed;
}

Command* Connection::retained_of(uint32_t tag) const {
  const auto same = [tag](const Command* each) { return each->initiator_task_tag() == tag; };
  const auto found = std::ranges::find_if(retained_, same);
  return found == retained_.end() ? nullptr : *found;
}

namespace {

// The answer to the command of that tag, or null.
const AnswerLog::Answer* answer_to(const AnswerLog& log, uint32_t tag) {
  return log.find_if([tag](const AnswerLog::Answer& each) {
    return opcode(each.pdu.data()) == Opcode::scsi_response && initiator_task_tag(each.pdu.data()) == tag;
  });
}

}  // namespace

void Connection::reassign(const TaskManagementRequest& pdu) {
  const TaskManagementOutcome outcome = can_take_over(pdu);
  send_management_answer(pdu.initiator_task_tag, outcome);
  if (outcome == TaskManagementOutcome::function_complete && !stopped()) take_over(pdu);
}

TaskManagementOutcome Connection::can_take_over(const TaskManagementRequest& pdu) {
  const uint32_t tag = pdu.referenced_task_tag;
  if (parameters().error_recovery_level < 2)
    return TaskManagementOutcome::allegiance_reassignment_not_supported;
  if (const Command* const active = session_->commands.find(tag)) {
    if (active->lun != pdu.lun) return TaskManagementOutcome::lun_does_not_exist;
    return active->connection().suspended() ? TaskManagementOutcome::function_complete
                                            : TaskManagementOutcome::task_still_allegiant;
  }
  for (const Connection* from : session_->suspended) {
    const AnswerLog::Answer* const status = answer_to(from->answer_log_, tag);
    if (status == nullptr) continue;
    // Data that the host still wants must be there.
    const bool has_all = ScsiResponse::decode(status->pdu.data()).exp_data_sn <= pdu.exp_data_sn;
    if (has_all || from->retained_of(tag) != nullptr) return TaskManagementOutcome::function_complete;
  }
  return TaskManagementOutcome::task_does_not_exist;
}

void Connection::take_over(const TaskManagementRequest& pdu) {
  if (Command* const active = session_->commands.find(pdu.referenced_task_tag))
    return take_over_active(*active);
  for (Connection* from : session_->suspended) {
    if (answer_to(from->answer_log_, pdu.referenced_task_tag) != nullptr)
      return take_over_answered(*from, pdu);
  }
}

void Connection::take_from(Connection& from, Command& command) {
  --from.own_commands_;
  ++own_commands_;
  command.move_to(*this);
}

void Connection::take_over_active(Command& command) {
  take_from(command.connection(), command);
  if (std::exchange(command.finished, false)) return answer(command);
  if (command.moves_data_out()) command.request_again();
}

// Its answer was sent by the failed connection, and may have been lost: data from ExpDataSN on and the status come again, the
// status with a number of this connection.
void Connection::take_over_answered(Connection& from, const TaskManagementRequest& pdu) {
  const AnswerLog::Answer status = *answer_to(from.answer_log_, pdu.referenced_task_tag);
  Command* const command = from.retained_of(pdu.referenced_task_tag);
  from.answer_log_.forget(status.status_sequence);
  if (command != nullptr) {
    from.stop_retaining(*command);
    take_from(from, *command);
    const uint32_t segment = parameters().initiator_max_receive_data_segment_bytes;
    const bool same_cut = command->sent_segment_bytes == segment;
    command->sent_segment_bytes = segment;
    command->acknowledge_tag = reserved_task_tag;  // tags are the other connection's own
    const uint32_t length = std::min(command->data_in_bytes, command->expected_data_in_bytes);
    send_data_in(*command, length, false, {same_cut ? pdu.exp_data_sn : 0, UINT32_MAX});
    command->status_sequence = status_sequence_;
  }
  const ConstBytes data = ConstBytes(status.pdu).subspan(basic_header_bytes);
  uint8_t* header = stopped() ? nullptr : append_pdu(static_cast<uint32_t>(data.size()), data);
  if (header != nullptr) {
    ScsiResponse again = ScsiResponse::decode(status.pdu.data());
    if (command != nullptr) again.exp_data_sn = command->data_in_sequences;
    again.numbers = numbers(true);
    again.encode(header);
    seal_header(header);
  }
  if (command == nullptr) return;
  if (stopped()) return release(*command);
  ++command->transmissions;
  transmit_.call_when_sent(*command);
  retain(*command);
}

}  // namespace ashlar::iscsi
