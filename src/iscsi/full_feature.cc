// Full feature phase: what each PDU of a host leads to (RFC 7143 sections 4.2, 11).
#include <algorithm>
#include <utility>

#include "base/log.h"
#include "iscsi/additional_segments.h"
#include "iscsi/server_impl.h"

namespace ashlar::iscsi {

using namespace wire::iscsi;

namespace {

// Text and ping data are kept in one piece; what a host sends beyond is a protocol error.
constexpr uint32_t collected_bytes_limit = 262144;

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

bool Connection::known_opcode(Opcode opcode) const {
  switch (opcode) {
    case Opcode::nop_out:
    case Opcode::text_request:
    case Opcode::logout_request: return true;
    case Opcode::scsi_command:
    case Opcode::task_management_request:
    case Opcode::data_out:
    case Opcode::snack_request:
      return !session_->discovery;  // RFC 7143 4.3: a discovery session carries text, and the way out
    default: return false;
  }
}

DataPlan Connection::header_arrived(const uint8_t* header, ConstBytes additional) {
  const uint32_t length = data_segment_length(header);
  if (phase_ == Phase::login) {
    if (opcode(header) != Opcode::login_request) {
      close("login.refused", fmt::format("a {} PDU came before the login", pdu_name(opcode(header))));
    } else if (length > LoginMachine::max_data_segment_bytes) {
      close("login.refused", fmt::format("a login PDU of {} bytes, the limit is {}", length,
                                         LoginMachine::max_data_segment_bytes));
    }
    return {DataPlan::Kind::collect, nullptr, 0, 0};
  }
  if (length > parameters().max_receive_data_segment_bytes) {
    protocol_error(header, fmt::format("a data segment of {} bytes, MaxRecvDataSegmentLength is {}", length,
                                       parameters().max_receive_data_segment_bytes));
    return {};
  }
  if (!known_opcode(opcode(header))) {
    reject(header, RejectReason::command_not_supported);
    return {};
  }
  switch (opcode(header)) {
    case Opcode::scsi_command: return command_arrived(header, additional);
    case Opcode::data_out: return data_out_arrived(header);
    case Opcode::nop_out:
    case Opcode::text_request:
      if (length > collected_bytes_limit)
        protocol_error(header, "a data segment longer than any such PDU needs");
      return {DataPlan::Kind::collect, nullptr, 0, 0};
    default: return {};
  }
}

void Connection::pdu_arrived(const uint8_t* header, ConstBytes data) {
  if (phase_ == Phase::login) return login_request(header, data);
  switch (opcode(header)) {
    case Opcode::scsi_command:
    case Opcode::data_out:
      if (placing_ != nullptr) {
        Command& command = *std::exchange(placing_, nullptr);
        command.data_arrived(data_segment_length(header), is_final(header));
      }
      return;
    case Opcode::nop_out: nop_out(header, data); break;
    case Opcode::task_management_request: task_management(header); break;
    case Opcode::text_request: text_request(header, data); break;
    case Opcode::logout_request: logout(header); break;
    case Opcode::snack_request:
      // ErrorRecoveryLevel 0 has no SNACK (RFC 7143 7.1.4.1).
      if (known_opcode(Opcode::snack_request)) reject(header, RejectReason::snack_reject);
      return;
    default: return;  // rejected with its header
  }
  submit_parked();
}

// What the session agreed on and the command breaks; null when all is well.
const char* Connection::check_command(const ScsiCommand& pdu) const {
  const SessionParameters& agreed = parameters();
  const uint32_t immediate = pdu.data_segment_length;
  if (pdu.initiator_task_tag == reserved_task_tag) return "the reserved task tag names a command";
  if (immediate > 0 && !pdu.write) return "data came with a command that writes nothing";
  if (immediate > 0 && !agreed.immediate_data) return "immediate data, although ImmediateData=No";
  if (immediate > agreed.first_burst_bytes) return "more immediate data than FirstBurstLength";
  if (pdu.write && immediate > pdu.expected_data_transfer_length)
    return "more immediate data than the command expects to move";
  if (pdu.write && !pdu.final && agreed.initial_r2t)
    return "unsolicited data announced, although InitialR2T=Yes";
  return nullptr;
}

DataPlan Connection::command_arrived(const uint8_t* header, ConstBytes additional) {
  const ScsiCommand pdu = ScsiCommand::decode(header);
  if (const char* wrong = check_command(pdu)) {
    protocol_error(header, wrong);
    return {};
  }
  AdditionalSegments segments;
  if (!additional.empty()) [[unlikely]] {
    if (const char* wrong = segments.read(additional)) {
      protocol_error(header, wrong);
      return {};
    }
  }
  const CommandWindow::Verdict verdict = session_->window.receive(pdu.cmd_sn, pdu.immediate);
  if (verdict == CommandWindow::Verdict::ignore) return {};
  // Its number was taken before its turn: by another command, which waits, or by the function that aborted it.
  if (verdict == CommandWindow::Verdict::park && session_->parked.contains(pdu.cmd_sn)) return {};
  if (session_->commands.find(pdu.initiator_task_tag) != nullptr) {
    protocol_error(header, "its task tag is in use by another command");
    return {};
  }
  Command* command = server_.commands.take();
  if (command == nullptr) {
    if (verdict == CommandWindow::Verdict::park) {
      protocol_error(header, "out of order, and no memory to keep it");
      return {};
    }
    send_status(pdu,
                session_->commands.size() > 0 ? scsi::ScsiStatus::task_set_full : scsi::ScsiStatus::busy);
    submit_parked();
    return {};
  }
  command->begin(*this, pdu, parameters().first_burst_bytes);
  if (segments.read_length && pdu.read) command->expected_data_in_bytes = *segments.read_length;
  std::copy_n(segments.cdb.begin(), segments.cdb_bytes, command->cdb.begin() + 16);
  command->cdb_length = static_cast<uint8_t>(16 + segments.cdb_bytes);
  session_->commands.insert(*command);
  ++session_->command_count;
  placing_ = pdu.data_segment_length > 0 ? command : nullptr;
  if (verdict == CommandWindow::Verdict::park) {
    session_->parked.emplace(pdu.cmd_sn, command);
  } else {
    session_->nexus->submit(*command);
    submit_parked();
  }
  if (placing_ == nullptr) return {};
  const Command::Place place = command->place(pdu.data_segment_length);
  return {place.buffer == nullptr ? DataPlan::Kind::discard : DataPlan::Kind::place, place.buffer,
          place.offset, place.useful};
}

// Commands that waited for an earlier CmdSN which has now come.
void Connection::submit_parked() {
  while (!stopped()) {
    const auto next = session_->parked.find(session_->window.expected());
    if (next == session_->parked.end()) return;
    session_->window.receive(next->first, false);
    Command* command = next->second;
    session_->parked.erase(next);
    if (command != nullptr) session_->nexus->submit(*command);
  }
}

DataPlan Connection::data_out_arrived(const uint8_t* header) {
  const DataOut pdu = DataOut::decode(header);
  Command* command = session_->commands.find(pdu.initiator_task_tag);
  // Data of a command that has ended already (refused, aborted) is still on its way then: it is read and forgotten.
  if (command == nullptr || command->data_is_lost()) return {};
  if (const char* wrong = command->accept(pdu)) {
    log_warning("iscsi", "Data-Out refused: {} initiator={} peer={} tag={:#x} offset={} DataSN={}", wrong,
                session_->initiator, stream_->peer().text(), pdu.initiator_task_tag, pdu.buffer_offset,
                pdu.data_sn);
    command->data_failed(0);
    return {};
  }
  placing_ = command;
  const Command::Place place = command->place(pdu.data_segment_length);
  return {place.buffer == nullptr ? DataPlan::Kind::discard : DataPlan::Kind::place, place.buffer,
          place.offset, place.useful};
}

// For PDUs other than commands: true if it is to be executed now. One that is ahead of its turn can only come from a second
// connection or a lost PDU, and neither exists at ErrorRecoveryLevel 0 with one connection.
bool Connection::in_sequence(uint32_t command_sequence, bool immediate, const uint8_t* header) {
  switch (session_->window.receive(command_sequence, immediate)) {
    case CommandWindow::Verdict::execute: return true;
    case CommandWindow::Verdict::ignore: return false;
    case CommandWindow::Verdict::park: break;
  }
  protocol_error(header, "CmdSN is ahead of ExpCmdSN");
  return false;
}

void Connection::nop_out(const uint8_t* header, ConstBytes data) {
  const NopOut pdu = NopOut::decode(header);
  if (pdu.initiator_task_tag == reserved_task_tag) {
    if (!pdu.immediate) protocol_error(header, "a NOP-Out without a task tag must be immediate");
    return;  // the answer to our ping: readable() has noted that the host lives
  }
  if (!in_sequence(pdu.cmd_sn, pdu.immediate, header)) return;
  const uint32_t length = static_cast<uint32_t>(std::min<size_t>(
      {data.size(), parameters().initiator_max_receive_data_segment_bytes, ChunkPool::chunk_bytes / 2}));
  uint8_t* answer = append_pdu(length, data.first(length));
  if (answer == nullptr) return;
  NopIn response;
  response.lun = pdu.lun;
  response.initiator_task_tag = pdu.initiator_task_tag;
  response.data_segment_length = length;
  response.numbers = numbers(true);
  response.encode(answer);
  seal_header(answer);
}

void Connection::task_management(const uint8_t* header) {
  const TaskManagementRequest pdu = TaskManagementRequest::decode(header);
  if (!known_opcode(Opcode::task_management_request) || !in_sequence(pdu.cmd_sn, pdu.immediate, header))
    return;
  ++session_->managing;
  const uint32_t tag = pdu.initiator_task_tag;
  if (pdu.function == TaskManagementFunction::task_reassign ||
      pdu.function < TaskManagementFunction::abort_task ||
      pdu.function > TaskManagementFunction::task_reassign) {
    // Task reassignment needs ErrorRecoveryLevel 2.
    return answer_management(tag, scsi::TaskManagementResponse::not_supported, false);
  }
  if (pdu.function == TaskManagementFunction::abort_task && abort_before_its_turn(pdu))
    return answer_management(tag, scsi::TaskManagementResponse::complete, false);
  const bool cold = pdu.function == TaskManagementFunction::target_cold_reset;
  session_->nexus->manage(
      function_of(pdu.function), pdu.lun, pdu.referenced_task_tag,
      [this, tag, cold](scsi::TaskManagementResponse response) { answer_management(tag, response, cold); });
}

// A command that waits for an earlier one, or has yet to come, is aborted here. Its CmdSN counts as received (RFC 7143
// 11.6.1, ABORT TASK c), or those behind it would wait for it for ever.
bool Connection::abort_before_its_turn(const TaskManagementRequest& pdu) {
  const auto waiting =
      std::find_if(session_->parked.begin(), session_->parked.end(), [&pdu](const auto& entry) {
        return entry.second != nullptr && entry.second->initiator_task_tag() == pdu.referenced_task_tag;
      });
  if (waiting != session_->parked.end()) {
    Command& command = *std::exchange(waiting->second, nullptr);
    release(command);
    return true;
  }
  if (session_->commands.find(pdu.referenced_task_tag) != nullptr) return false;
  switch (session_->window.receive(pdu.ref_cmd_sn, false)) {
    case CommandWindow::Verdict::execute: return true;
    case CommandWindow::Verdict::park: return session_->parked.emplace(pdu.ref_cmd_sn, nullptr).second;
    case CommandWindow::Verdict::ignore: break;
  }
  return false;
}

void Connection::answer_management(uint32_t tag, scsi::TaskManagementResponse response, bool cold_reset) {
  --session_->managing;
  if (stopped()) return;
  uint8_t* header = append_pdu(0, {});
  if (header == nullptr) return;
  TaskManagementResponse pdu;
  pdu.response = outcome_of(response);
  pdu.initiator_task_tag = tag;
  pdu.numbers = numbers(true);
  pdu.encode(header);
  seal_header(header);
  if (cold_reset && response == scsi::TaskManagementResponse::complete) {
    server_.drop_target_everywhere(session_->target->name, "target cold reset");
  }
  if (phase_ == Phase::draining) continue_drain();
}

void Connection::text_request(const uint8_t* header, ConstBytes data) {
  const TextRequest pdu = TextRequest::decode(header);
  if (!in_sequence(pdu.cmd_sn, pdu.immediate, header)) return;
  TextOutcome outcome = text_->apply(*server_.directory, pdu, data, session_->parameters);
  if (outcome.rejected) {
    log_warning("iscsi", "text request rejected: {} initiator={}", outcome.reason, session_->initiator);
    return reject(header, outcome.reject_reason);
  }
  uint8_t* answer = append_pdu(static_cast<uint32_t>(outcome.text.size()), bytes_of(outcome.text));
  if (answer == nullptr) return;
  outcome.response.numbers = numbers(true);
  outcome.response.encode(answer);
  seal_header(answer);
}

void Connection::logout(const uint8_t* header) {
  const LogoutRequest pdu = LogoutRequest::decode(header);
  if (!in_sequence(pdu.cmd_sn, pdu.immediate, header)) return;
  const bool recovery = pdu.reason == LogoutReason::remove_connection_for_recovery;
  uint8_t* answer = append_pdu(0, {});
  if (answer == nullptr) return;
  LogoutResponse response;
  response.response = recovery ? LogoutOutcome::recovery_not_supported : LogoutOutcome::closed;
  response.initiator_task_tag = pdu.initiator_task_tag;
  response.numbers = numbers(true);
  response.time2wait_seconds = static_cast<uint16_t>(parameters().default_time2wait_seconds);
  response.encode(answer);
  seal_header(answer);
  if (!recovery) flush_then_close("session.logout", "the host logged out");
}

// A host that breaks the protocol is told which PDU it was, then the connection ends.
void Connection::protocol_error(const uint8_t* header, const std::string& what) {
  server_.tell({"protocol.error", session_->target ? session_->target->name : "", session_->initiator,
                stream_->peer().text(), what});
  reject(header, RejectReason::protocol_error);
  flush_then_close("session.dropped", fmt::format("protocol error: {}", what));
}

}  // namespace ashlar::iscsi
