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
  lost_headers_ = 0;
  if (phase_ == Phase::login) {
    if (opcode(header) != Opcode::login_request) {
      close("login.refused", fmt::format("a {} PDU came before the login", pdu_name(opcode(header))));
    } else if (length > LoginMachine::max_data_segment_bytes) {
      close("login.refused", fmt::format("a login PDU of {} bytes, the limit is {}", length,
                                         LoginMachine::max_data_segment_bytes));
    }
    return {DataPlan::Kind::collect, nullptr, 0, 0};
  }
  if (recovers()) acknowledge(load_be32(header + 28));  // ExpStatSN stands there in all of them
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
    case Opcode::scsi_command:
      if (data_digest_ && recovers() && length > 0) {
        held_additional_.emplace(additional.begin(), additional.end());
        return {DataPlan::Kind::collect, nullptr, 0, 0};
      }
      return command_arrived(header, additional);
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
      if (held_additional_) take_up_command(header, data);
      return data_placed(header);
    case Opcode::data_out: return data_placed(header);
    case Opcode::snack_request:
      if (known_opcode(Opcode::snack_request)) snack(header);
      return;
    case Opcode::nop_out:
      if (initiator_task_tag(header) == reserved_task_tag) return nop_out_unasked(header);
      break;
    case Opcode::task_management_request:
      if (!known_opcode(Opcode::task_management_request)) return;
      break;
    case Opcode::text_request:
    case Opcode::logout_request: break;
    default: return;  // rejected with its header
  }
  if (!in_sequence(header, data)) return;
  execute(header, data);
  submit_parked();
}

// A command whose immediate data is damaged is discarded whole, and its host sends it again with the same CmdSN (RFC 7143 7.7,
// 7.2.1). So where that may be, nothing of it begins before the data is known to be good.
void Connection::take_up_command(const uint8_t* header, ConstBytes data) {
  const std::vector<uint8_t> additional = std::move(*held_additional_);
  held_additional_.reset();
  const DataPlan plan = command_arrived(header, additional);
  if (plan.buffer != nullptr)
    plan.buffer->copy_in(plan.offset, data.first(std::min<size_t>(plan.useful, data.size())));
}

void Connection::data_placed(const uint8_t* header) {
  if (placing_ == nullptr) return;
  Command& command = *std::exchange(placing_, nullptr);
  command.data_arrived(data_segment_length(header), is_final(header));
}

void Connection::execute(const uint8_t* header, ConstBytes data) {
  switch (opcode(header)) {
    case Opcode::nop_out: return nop_out(header, data);
    case Opcode::task_management_request: return task_management(header);
    case Opcode::text_request: return text_request(header, data);
    default: return logout(header);
  }
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
  ++own_commands_;
  if (segments.read_length && pdu.read) command->expected_data_in_bytes = *segments.read_length;
  std::copy_n(segments.cdb.begin(), segments.cdb_bytes, command->cdb.begin() + 16);
  command->cdb_length = static_cast<uint8_t>(16 + segments.cdb_bytes);
  session_->commands.insert(*command);
  ++session_->command_count;
  placing_ = pdu.data_segment_length > 0 ? command : nullptr;
  if (verdict == CommandWindow::Verdict::park) {
    session_->parked.emplace(pdu.cmd_sn, ParkedPdu{this, command, nullptr});
  } else {
    session_->nexus->submit(*command);
    submit_parked();
  }
  if (placing_ == nullptr) return {};
  const Command::Place place = command->place(pdu.data_segment_length);
  return {place.buffer == nullptr ? DataPlan::Kind::discard : DataPlan::Kind::place, place.buffer,
          place.offset, place.useful};
}

// What waited for an earlier CmdSN which has now come, whatever connection it came by.
void Connection::submit_parked() {
  if (session_->parked.empty() && session_->held_functions.empty()) [[likely]]
    return;
  const std::shared_ptr<Session> session = session_;  // a logout among them may end this connection
  while (!session->ended) {
    const auto next = session->parked.find(session->window.expected());
    if (next == session->parked.end()) break;
    session->window.receive(next->first, false);
    const ParkedPdu parked = std::move(next->second);
    session->parked.erase(next);
    if (parked.command != nullptr) {
      session->nexus->submit(*parked.command);
    } else if (parked.held != nullptr && !parked.connection->stopped()) {
      parked.connection->execute(parked.held->header.data(), parked.held->data);
    }
  }
  if (!session->held_functions.empty()) take_up_functions();
}

DataPlan Connection::data_out_arrived(const uint8_t* header) {
  const DataOut pdu = DataOut::decode(header);
  Command* command = session_->commands.find(pdu.initiator_task_tag);
  // Data of a command that has ended already (refused, aborted) is still on its way then: it is read and forgotten.
  // Data goes where the command went (connection allegiance, RFC 7143 4.2.2.2).
  if (command == nullptr || command->data_is_lost() || &command->connection() != this) return {};
  if (command->is_given_up(pdu)) return {};
  if (const char* wrong = command->accept(pdu)) {
    // A PDU before it was discarded for its header digest.
    if (recovers()) {
      command->request_again();
      return {};
    }
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

// For PDUs other than commands: true if it is to be executed now.
bool Connection::in_sequence(const uint8_t* header, ConstBytes data) {
  const uint32_t command_sequence = load_be32(header + 24);
  switch (session_->window.receive(command_sequence, is_immediate(header))) {
    case CommandWindow::Verdict::execute: return true;
    case CommandWindow::Verdict::ignore: return false;
    case CommandWindow::Verdict::park: break;
  }
  if (!park(command_sequence, header, data)) protocol_error(header, "CmdSN is ahead of ExpCmdSN");
  return false;
}

// What is ahead of its turn waits for what is missing (RFC 7143 4.2.2.1), however many connections that could come by.
bool Connection::park(uint32_t command_sequence, const uint8_t* header, ConstBytes data) {
  if (data.size() > Session::most_held_bytes) return false;
  if (session_->parked.contains(command_sequence)) return true;
  auto held = std::make_unique<ParkedPdu::Held>();
  std::copy_n(header, basic_header_bytes, held->header.begin());
  held->data.assign(data.begin(), data.end());
  session_->parked.emplace(command_sequence, ParkedPdu{this, nullptr, std::move(held)});
  return true;
}

// The answer to our ping: readable() has noted that the host lives.
void Connection::nop_out_unasked(const uint8_t* header) {
  if (!is_immediate(header)) protocol_error(header, "a NOP-Out without a task tag must be immediate");
}

void Connection::nop_out(const uint8_t* header, ConstBytes data) {
  const NopOut pdu = NopOut::decode(header);
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

void Connection::text_request(const uint8_t* header, ConstBytes data) {
  const TextRequest pdu = TextRequest::decode(header);
  TextOutcome outcome = text_->apply(*server_.directory, pdu, data, parameters_);
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

// A host that breaks the protocol is told which PDU it was, then the connection ends.
void Connection::protocol_error(const uint8_t* header, const std::string& what) {
  server_.tell({"protocol.error", session_->target ? session_->target->name : "", session_->initiator,
                stream_->peer().text(), what});
  reject(header, RejectReason::protocol_error);
  flush_then_close("session.dropped", fmt::format("protocol error: {}", what));
}

}  // namespace ashlar::iscsi
