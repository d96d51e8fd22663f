// Task management and logout: what a host asks of its tasks, connections and session (RFC 7143 11.5, 11.14).
#include <algorithm>
#include <utility>

#include "base/log.h"
#include "iscsi/server_impl.h"

namespace ashlar::iscsi {

using namespace wire::iscsi;

namespace {

scsi::TaskManagement function_of(TaskManagementFunction function) {
  switch (function) {
    case TaskManagementFunction::abort_task: return scsi::TaskManagement::abort_task;
    case TaskManagementFunction::abort_task_set: return scsi::TaskManagement::abort_task_set;
    case TaskManagementFunction::clear_aca: return scsi::TaskManagement::clear_aca;
    case TaskManagementFunction::clear_task_set: return scsi::TaskManagement::clear_task_set;
    case TaskManagementFunction::logical_unit_reset: return scsi::TaskManagement::logical_unit_reset;
    case TaskManagementFunction::target_warm_reset: return scsi::TaskManagement::target_warm_reset;
    default: return scsi::TaskManagement::target_cold_reset;
  }
}

TaskManagementOutcome outcome_of(scsi::TaskManagementResponse response) {
  switch (response) {
    case scsi::TaskManagementResponse::complete: return TaskManagementOutcome::function_complete;
    case scsi::TaskManagementResponse::task_does_not_exist: return TaskManagementOutcome::task_does_not_exist;
    case scsi::TaskManagementResponse::lun_does_not_exist: return TaskManagementOutcome::lun_does_not_exist;
    case scsi::TaskManagementResponse::not_supported: return TaskManagementOutcome::function_not_supported;
    case scsi::TaskManagementResponse::rejected: return TaskManagementOutcome::function_rejected;
  }
  return TaskManagementOutcome::function_rejected;
}

}  // namespace

void Connection::task_management(const uint8_t* header) {
  const TaskManagementRequest pdu = TaskManagementRequest::decode(header);
  if (pdu.initiator_task_tag == reserved_task_tag)
    return protocol_error(header, "a task management function without a task tag");
  if (waits_for_commands(pdu, header)) return;
  if (pdu.function == TaskManagementFunction::task_reassign) return reassign(pdu);
  ++session_->managing;
  const uint32_t tag = pdu.initiator_task_tag;
  if (pdu.function < TaskManagementFunction::abort_task ||
      pdu.function > TaskManagementFunction::task_reassign) {
    return answer_management(tag, scsi::TaskManagementResponse::not_supported, false);
  }
  if (pdu.function == TaskManagementFunction::abort_task && abort_before_its_turn(pdu))
    return answer_management(tag, scsi::TaskManagementResponse::complete, false);
  const bool cold = pdu.function == TaskManagementFunction::target_cold_reset;
  // This connection may have gone when it is done, while another one carries the session on.
  session_->nexus->manage(function_of(pdu.function), pdu.lun, pdu.referenced_task_tag,
                          [this, tag, cold, alive = std::weak_ptr<bool>(alive_),
                           session = session_.get()](scsi::TaskManagementResponse response) {
                            if (!alive.expired() && !buried_) return answer_management(tag, response, cold);
                            --session->managing;
                            continue_drains(*session);
                          });
}

// A function that affects many tasks has to wait for the commands with a lower CmdSN, which may be on their way by another
// connection: they are to be affected too (RFC 7143 4.2.3.3).
bool Connection::waits_for_commands(const TaskManagementRequest& pdu, const uint8_t* header) {
  const bool of_many = pdu.function != TaskManagementFunction::abort_task &&
                       pdu.function != TaskManagementFunction::task_reassign;
  if (!pdu.immediate || !of_many || !serial_before(session_->window.expected(), pdu.cmd_sn)) return false;
  if (parameters().max_connections == 1 || session_->held_functions.size() >= Session::most_held_functions)
    return false;
  auto held = std::make_unique<ParkedPdu::Held>();
  std::copy_n(header, basic_header_bytes, held->header.begin());
  session_->held_functions.push_back({this, nullptr, std::move(held)});
  return true;
}

void Connection::take_up_functions() {
  const std::shared_ptr<Session> session = session_;
  std::vector<ParkedPdu> held = std::exchange(session->held_functions, {});
  for (ParkedPdu& each : held) {
    if (serial_before(session->window.expected(), load_be32(each.held->header.data() + 24))) {
      session->held_functions.push_back(std::move(each));
    } else if (!each.connection->stopped()) {
      each.connection->task_management(each.held->header.data());
    }
  }
}

// A command that waits for an earlier one, or has yet to come, is aborted here. Its CmdSN counts as received (RFC 7143
// 11.6.1, ABORT TASK c), or those behind it would wait for it for ever.
bool Connection::abort_before_its_turn(const TaskManagementRequest& pdu) {
  const auto waiting =
      std::find_if(session_->parked.begin(), session_->parked.end(), [&pdu](const auto& entry) {
        const Command* command = entry.second.command;
        return command != nullptr && command->initiator_task_tag() == pdu.referenced_task_tag;
      });
  if (waiting != session_->parked.end()) {
    const ParkedPdu parked = std::exchange(waiting->second, {});
    parked.connection->release(*parked.command);
    return true;
  }
  if (Command* const known = session_->commands.find(pdu.referenced_task_tag)) {
    if (!known->finished) return false;
    known->connection().release(*known);  // its answer will not be fetched any more
    return true;
  }
  switch (session_->window.receive(pdu.ref_cmd_sn, false)) {
    case CommandWindow::Verdict::execute: return true;
    case CommandWindow::Verdict::park: return session_->parked.emplace(pdu.ref_cmd_sn, ParkedPdu{}).second;
    case CommandWindow::Verdict::ignore: break;
  }
  return false;
}

void Connection::answer_management(uint32_t tag, scsi::TaskManagementResponse response, bool cold_reset) {
  --session_->managing;
  if (!stopped()) send_management_answer(tag, outcome_of(response));
  if (stopped()) return continue_drains(*session_);
  if (cold_reset && response == scsi::TaskManagementResponse::complete) {
    server_.drop_target_everywhere(session_->target->name, "target cold reset");
  }
  if (phase_ == Phase::draining) continue_drains(*session_);
}

void Connection::send_management_answer(uint32_t tag, TaskManagementOutcome outcome) {
  uint8_t* header = append_pdu(0, {});
  if (header == nullptr) return;
  TaskManagementResponse pdu;
  pdu.response = outcome;
  pdu.initiator_task_tag = tag;
  pdu.numbers = numbers(true);
  pdu.encode(header);
  seal_header(header);
}

void Connection::logout(const uint8_t* header) {
  const LogoutRequest pdu = LogoutRequest::decode(header);
  const uint32_t tag = pdu.initiator_task_tag;
  // A reason of a later standard asks for something that we do not do.
  if (pdu.reason > LogoutReason::remove_connection_for_recovery)
    return reject(header, RejectReason::invalid_pdu_field);
  if (pdu.reason == LogoutReason::remove_connection_for_recovery)
    return answer_logout(tag, remove_for_recovery(pdu.connection_id));
  if (pdu.reason == LogoutReason::close_connection && pdu.connection_id != connection_id_) {
    const auto same = [&pdu](const Connection* each) { return each->connection_id() == pdu.connection_id; };
    const auto found = std::ranges::find_if(session_->connections, same);
    if (found == session_->connections.end()) return answer_logout(tag, LogoutOutcome::cid_not_found);
    return log_out_of(**found, tag);
  }
  answer_logout(tag, LogoutOutcome::closed);
  if (pdu.reason == LogoutReason::close_session) {
    const std::vector<Connection*> all = session_->connections;
    for (Connection* each : all) {
      if (each != this) each->close("session.logout", "the host logged out by another connection");
    }
    const std::vector<Connection*> failed = session_->suspended;
    for (Connection* each : failed) each->close("session.logout", "the host logged out");
  }
  flush_then_close("session.logout", "the host logged out");
}

// Answered when its tasks have ended (RFC 7143 11.15).
void Connection::log_out_of(Connection& other, uint32_t tag) {
  const uint16_t connection_id = other.connection_id();
  other.close("session.logout", "the host logged it out by another connection");
  server_.call_when_gone(*session_, connection_id, *this, [this, tag, alive = std::weak_ptr<bool>(alive_)] {
    if (!alive.expired() && !stopped()) answer_logout(tag, LogoutOutcome::closed);
  });
}

void Connection::answer_logout(uint32_t tag, LogoutOutcome outcome) {
  uint8_t* answer = append_pdu(0, {});
  if (answer == nullptr) return;
  LogoutResponse response;
  response.response = outcome;
  response.initiator_task_tag = tag;
  response.numbers = numbers(true);
  response.time2wait_seconds = static_cast<uint16_t>(parameters().default_time2wait_seconds);
  if (parameters().error_recovery_level == 2)
    response.time2retain_seconds = static_cast<uint16_t>(parameters().default_time2retain_seconds);
  response.encode(answer);
  seal_header(answer);
}

}  // namespace ashlar::iscsi
