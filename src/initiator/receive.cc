// What the target sends, checked against what it may send. All that breaks RFC 7143 ends the session and says so.
#include <algorithm>

#include "base/log.h"
#include "initiator/session.h"

namespace ashlar::initiator {

namespace iscsi = wire::iscsi;
using iscsi::Opcode;

namespace {

constexpr uint8_t status_check_condition = 0x02;
constexpr size_t max_ping_answers = 64;
constexpr size_t max_text_answer_bytes = 1 << 20;

/// Copies `data` to `offset` bytes into `parts`, which have the room.
void scatter(std::span<const iovec> parts, uint32_t offset, ConstBytes data) {
  uint64_t skip = offset;
  for (const iovec& part : parts) {
    if (data.empty()) return;
    if (skip >= part.iov_len) {
      skip -= part.iov_len;
      continue;
    }
    const size_t bytes = std::min<size_t>(part.iov_len - skip, data.size());
    std::memcpy(static_cast<uint8_t*>(part.iov_base) + skip, data.data(), bytes);
    data = data.subspan(bytes);
    skip = 0;
  }
}

/// Does this PDU take a StatSN for itself (RFC 7143 4.2.2.2)? R2T, an unasked NOP-In and Data-In without status do not.
bool takes_stat_sn(const uint8_t* header) {
  switch (iscsi::opcode(header)) {
    case Opcode::r2t: return false;
    case Opcode::nop_in: return iscsi::initiator_task_tag(header) != iscsi::reserved_task_tag;
    case Opcode::data_in: return iscsi::DataIn::decode(header).has_status;
    default: return true;
  }
}

}  // namespace

void Session::violation(std::string what) {
  log_debug("initiator", "target broke the protocol: {}", what);
  end({ErrorCode::protocol_error, "target", std::move(what)});
}

bool Session::received(const uint8_t* header, ConstBytes data) {
  const Opcode opcode = iscsi::opcode(header);
  if (phase_ == Phase::login) {
    if (opcode != Opcode::login_response || login_inbox_.arrived.is_set()) {
      violation(fmt::format("{} during login", iscsi::pdu_name(opcode)));
      return false;
    }
    std::copy_n(header, iscsi::basic_header_bytes, login_inbox_.header.begin());
    login_inbox_.text = text_of(data);
    login_inbox_.arrived.set();
    return false;  // what follows may have digests: the login says when to go on
  }
  if (!take_numbers(header)) return false;
  switch (opcode) {
    case Opcode::data_in: take_data_in(header, data); break;
    case Opcode::r2t: take_r2t(header); break;
    case Opcode::scsi_response: take_scsi_response(header, data); break;
    case Opcode::nop_in: take_nop_in(header, data); break;
    case Opcode::task_management_response: take_management_response(header); break;
    case Opcode::text_response: take_text_response(header, data); break;
    case Opcode::logout_response: take_logout_response(header); break;
    case Opcode::asynchronous_message: take_async_message(header); break;
    case Opcode::reject: take_reject(header, data); break;
    default:
      violation(fmt::format("{} (opcode {:02x}) in full feature phase", iscsi::pdu_name(opcode), header[0]));
      break;
  }
  if (phase_ == Phase::closed) return false;
  if (!waiting_.empty() || !soliciting_.empty() || !exchanges_.empty() || !ping_answers_.empty())
    transport_.want_send();
  return true;
}

/// StatSN, ExpCmdSN, MaxCmdSN (RFC 7143 4.2.2).
bool Session::take_numbers(const uint8_t* header) {
  const iscsi::TargetNumbers numbers = iscsi::TargetNumbers::decode(header);
  const std::string_view name = iscsi::pdu_name(iscsi::opcode(header));
  const bool counted = takes_stat_sn(header);
  const bool has_stat_sn = counted || iscsi::opcode(header) != Opcode::data_in;
  if (has_stat_sn && numbers.stat_sn != exp_stat_sn_) {
    violation(fmt::format("{} with StatSN {}, expected {}", name, numbers.stat_sn, exp_stat_sn_));
    return false;
  }
  if (counted) ++exp_stat_sn_;
  if (iscsi::serial_before(numbers.max_cmd_sn, numbers.exp_cmd_sn - 1)) {
    violation(fmt::format("{} with MaxCmdSN {} below ExpCmdSN {} - 1", name, numbers.max_cmd_sn,
                          numbers.exp_cmd_sn));
    return false;
  }
  if (iscsi::serial_before(cmd_sn_, numbers.exp_cmd_sn)) {
    violation(
        fmt::format("{} with ExpCmdSN {}, but CmdSN {} was not sent yet", name, numbers.exp_cmd_sn, cmd_sn_));
    return false;
  }
  if (iscsi::serial_before(exp_cmd_sn_, numbers.exp_cmd_sn)) exp_cmd_sn_ = numbers.exp_cmd_sn;
  if (iscsi::serial_before(max_cmd_sn_, numbers.max_cmd_sn)) max_cmd_sn_ = numbers.max_cmd_sn;
  return true;
}

Command* Session::find_command(uint32_t initiator_task_tag, const uint8_t* header) {
  const uint32_t index = initiator_task_tag & 0xffff;
  const std::string_view name = iscsi::pdu_name(iscsi::opcode(header));
  if (index < slots_.size()) {
    const Slot& slot = slots_[index];
    if (slot.command != nullptr && slot.command->initiator_task_tag_ == initiator_task_tag)
      return slot.command;
    if (slot.uses != 0 && initiator_task_tag >> 16 == slot.uses) {
      violation(fmt::format("{} for ITT {:08x}, which had its answer", name, initiator_task_tag));
      return nullptr;
    }
  }
  violation(fmt::format("{} for unknown ITT {:08x}", name, initiator_task_tag));
  return nullptr;
}

bool Session::check_data_in(const Command& command, const iscsi::DataIn& pdu, uint32_t bytes) {
  std::string what;
  if (command.data_in.empty()) {
    what = "Data-In for a command that reads nothing";
  } else if (pdu.data_sn != command.data_sn_) {
    what = fmt::format("Data-In with DataSN {}, expected {}", pdu.data_sn, command.data_sn_);
  } else if (pdu.buffer_offset < command.received_bytes) {
    what = fmt::format("Data-In overlaps: offset {}, but {} bytes have come", pdu.buffer_offset,
                       command.received_bytes);
  } else if (pdu.buffer_offset > command.received_bytes) {
    what = fmt::format("Data-In leaves a gap: offset {}, but {} bytes have come", pdu.buffer_offset,
                       command.received_bytes);
  } else if (bytes > command.expected_bytes_ - command.received_bytes) {
    what = fmt::format("Data-In of {} bytes at {} passes the expected {}", bytes, pdu.buffer_offset,
                       command.expected_bytes_);
  } else if (command.sequence_bytes_ + bytes > parameters_.max_burst_bytes) {
    what = fmt::format("Data-In sequence longer than MaxBurstLength {}", parameters_.max_burst_bytes);
  } else if (pdu.acknowledge) {
    what = "Data-In asks for an acknowledgement at ErrorRecoveryLevel 0";
  } else if (pdu.has_status && !pdu.final) {
    what = "Data-In with status, but not final";
  } else if (pdu.has_status && pdu.status == status_check_condition) {
    what = "Data-In with CHECK CONDITION, which needs a SCSI Response";
  } else {
    return true;
  }
  what += fmt::format(" ({})", command.describe());
  end({ErrorCode::protocol_error, "target", std::move(what)});
  return false;
}

void Session::take_data_in(const uint8_t* header, ConstBytes data) {
  const iscsi::DataIn pdu = iscsi::DataIn::decode(header);
  Command* command = find_command(pdu.initiator_task_tag, header);
  if (command == nullptr) return;
  const auto bytes = static_cast<uint32_t>(data.size());
  if (!check_data_in(*command, pdu, bytes)) return;
  scatter(command->data_in, pdu.buffer_offset, data);
  command->received_bytes += bytes;
  command->sequence_bytes_ = pdu.final ? 0 : command->sequence_bytes_ + bytes;
  ++command->data_sn_;
  ++counters_.data_in_pdus;
  if (!pdu.has_status) return;
  command->status = pdu.status;
  if (check_residual(*command, pdu.overflow, pdu.underflow, pdu.residual_count)) answered(*command);
}

void Session::take_r2t(const uint8_t* header) {
  const iscsi::R2t pdu = iscsi::R2t::decode(header);
  Command* command = find_command(pdu.initiator_task_tag, header);
  if (command == nullptr) return;
  std::string what;
  const uint32_t length = pdu.desired_data_transfer_length;
  if (command->data_out.empty()) {
    what = "R2T for a command that writes nothing";
  } else if (pdu.r2t_sn != command->r2t_sn_) {
    what = fmt::format("R2T with R2TSN {}, expected {}", pdu.r2t_sn, command->r2t_sn_);
  } else if (pdu.target_transfer_tag == iscsi::reserved_task_tag) {
    what = "R2T without a target transfer tag";
  } else if (length == 0 || length > parameters_.max_burst_bytes) {
    what = fmt::format("R2T for {} bytes; MaxBurstLength is {}", length, parameters_.max_burst_bytes);
  } else if (pdu.buffer_offset != command->asked_bytes_) {
    what = fmt::format("R2T at offset {}, but {} bytes were sent or asked for", pdu.buffer_offset,
                       command->asked_bytes_);
  } else if (length > command->expected_bytes_ - command->asked_bytes_) {
    what = fmt::format("R2T for {} bytes at {} passes the expected {}", length, pdu.buffer_offset,
                       command->expected_bytes_);
  } else if (command->r2t_count_ >= parameters_.max_outstanding_r2t) {
    what = fmt::format("more R2Ts than MaxOutstandingR2T {}", parameters_.max_outstanding_r2t);
  } else {
    command->r2ts_[command->r2t_count_++] = {pdu.target_transfer_tag, pdu.buffer_offset, length, 0, 0};
    command->asked_bytes_ += length;
    ++command->r2t_sn_;
    ++counters_.r2ts;
    if (!IntrusiveList<Command, SolicitedTag>::contains(*command)) soliciting_.push_back(*command);
    return;
  }
  violation(fmt::format("{} ({})", what, command->describe()));
}

/// Residual (RFC 7143 11.4.5), and with GOOD whether all data went where it should.
bool Session::check_residual(Command& command, bool overflow, bool underflow, uint32_t count) {
  std::string what;
  const uint32_t missing = underflow ? count : 0;
  const bool write = !command.data_out.empty();
  if (overflow && underflow) {
    what = "residual overflow and underflow at once";
  } else if (missing > command.expected_bytes_) {
    what = fmt::format("residual underflow of {} bytes in {}", count, command.expected_bytes_);
  } else if (!overflow && !underflow && count != 0) {
    what = fmt::format("a residual count of {} without its bit", count);
  } else if (command.status == 0 && !write && command.received_bytes != command.expected_bytes_ - missing) {
    what = fmt::format("GOOD, but {} bytes came instead of {}", command.received_bytes,
                       command.expected_bytes_ - missing);
  } else if (command.status == 0 && write && !overflow &&
             command.asked_bytes_ < command.expected_bytes_ - missing) {
    what = fmt::format("GOOD, but only {} of {} bytes were taken", command.asked_bytes_,
                       command.expected_bytes_ - missing);
  } else if (command.status == 0 && write && !underflow &&
             (command.r2t_count_ > 0 || unsolicited_ == &command)) {
    what = "GOOD before all data was sent";
  } else {
    command.residual = overflow ? Residual::overflow : underflow ? Residual::underflow : Residual::none;
    command.residual_bytes = count;
    return true;
  }
  violation(fmt::format("{} ({})", what, command.describe()));
  return false;
}

void Session::answered(Command& command) {
  if (!command.immediate && !iscsi::serial_before(command.cmd_sn_, exp_cmd_sn_)) {
    return violation(fmt::format("answer to CmdSN {} with ExpCmdSN {} ({})", command.cmd_sn_, exp_cmd_sn_,
                                 command.describe()));
  }
  ++counters_.answers;
  complete(command, Outcome::answered);
}

/// The data segment: a 2-byte SenseLength, the sense data, response data (RFC 7143 11.4.7).
bool Session::take_sense(Command& command, ConstBytes data) {
  if (data.empty()) return true;
  const size_t length = data.size() < 2 ? data.size() : load_be16(data.data());
  if (length + 2 > data.size() || length > Command::max_sense_bytes) {
    violation(fmt::format("sense data of {} bytes in a segment of {}", length, data.size()));
    return false;
  }
  std::copy_n(data.begin() + 2, length, command.sense_.begin());
  command.sense_bytes_ = static_cast<uint8_t>(length);
  return true;
}

void Session::take_scsi_response(const uint8_t* header, ConstBytes data) {
  const iscsi::ScsiResponse pdu = iscsi::ScsiResponse::decode(header);
  Command* command = find_command(pdu.initiator_task_tag, header);
  if (command == nullptr || !take_sense(*command, data)) return;
  if (pdu.response != iscsi::ServiceResponse::command_completed) {
    ++counters_.answers;
    return complete(*command, Outcome::target_failure);
  }
  command->status = pdu.status;
  if (pdu.status == status_check_condition && command->sense_bytes_ == 0) {
    return violation(fmt::format("CHECK CONDITION without sense data ({})", command->describe()));
  }
  // RFC 7143 11.4.8 counts "R2T and Data-In PDUs", and wants 0 "if the target sent no Data-In PDUs": after R2Ts both are right.
  const uint32_t sent = command->data_sn_ + command->r2t_sn_;
  if (pdu.exp_data_sn != sent && (pdu.exp_data_sn != 0 || command->data_sn_ != 0)) {
    return violation(fmt::format("SCSI Response with ExpDataSN {}, but {} R2T and Data-In PDUs came ({})",
                                 pdu.exp_data_sn, sent, command->describe()));
  }
  if (check_residual(*command, pdu.overflow, pdu.underflow, pdu.residual_count)) answered(*command);
}

void Session::take_nop_in(const uint8_t* header, ConstBytes data) {
  const iscsi::NopIn pdu = iscsi::NopIn::decode(header);
  if (pdu.initiator_task_tag != iscsi::reserved_task_tag) {
    Exchange* exchange = find_exchange(pdu.initiator_task_tag, Exchange::Kind::ping);
    if (exchange == nullptr)
      return violation(fmt::format("NOP-In for unknown ITT {:08x}", pdu.initiator_task_tag));
    if (!std::equal(data.begin(), data.end(), exchange->data.begin(), exchange->data.end())) {
      return violation("NOP-In that does not give the ping data back");
    }
    return finish(*exchange);
  }
  if (pdu.target_transfer_tag == iscsi::reserved_task_tag) return;
  if (ping_answers_.size() >= max_ping_answers) return violation("more NOP-Ins than can be answered");
  iscsi::NopOut answer;
  answer.immediate = true;
  answer.lun = pdu.lun;
  answer.target_transfer_tag = pdu.target_transfer_tag;
  ping_answers_.push_back(answer);
}

void Session::take_management_response(const uint8_t* header) {
  const iscsi::TaskManagementResponse pdu = iscsi::TaskManagementResponse::decode(header);
  Exchange* exchange = find_exchange(pdu.initiator_task_tag, Exchange::Kind::management);
  if (exchange == nullptr) {
    return violation(fmt::format("Task Management Response for unknown ITT {:08x}", pdu.initiator_task_tag));
  }
  exchange->outcome = pdu.response;
  if (pdu.response == iscsi::TaskManagementOutcome::function_complete) {
    end_aborted(*exchange);
  } else if (pdu.response == iscsi::TaskManagementOutcome::task_does_not_exist &&
             exchange->function == iscsi::TaskManagementFunction::abort_task) {
    // On one connection the answer would have come before (RFC 7143 11.6.1), but for a task that another function of ours, which
    // has still to be answered, has ended without one.
    const Slot& slot = slots_[exchange->referenced_task_tag & 0xffff];
    if (slot.command != nullptr && slot.command->initiator_task_tag_ == exchange->referenced_task_tag &&
        !may_have_ended(*slot.command, *exchange)) {
      return violation(
          fmt::format("a task does not exist that was never answered ({})", slot.command->describe()));
    }
  }
  finish(*exchange);
}

void Session::take_text_response(const uint8_t* header, ConstBytes data) {
  const iscsi::TextResponse pdu = iscsi::TextResponse::decode(header);
  Exchange* exchange = find_exchange(pdu.initiator_task_tag, Exchange::Kind::text);
  if (exchange == nullptr)
    return violation(fmt::format("Text Response for unknown ITT {:08x}", pdu.initiator_task_tag));
  if (exchange->answer.size() + data.size() > max_text_answer_bytes)
    return violation("a text answer without end");
  exchange->answer += text_of(data);
  const bool more = pdu.target_transfer_tag != iscsi::reserved_task_tag;
  if (pdu.final == more || (pdu.final && pdu.continues))
    return violation("Text Response whose F, C and TTT disagree");
  if (pdu.final) return finish(*exchange);
  exchange->data.clear();
  exchange->target_transfer_tag = pdu.target_transfer_tag;
  awaited_exchanges_.remove(*exchange);
  exchange->awaited = false;
  exchanges_.push_back(*exchange);
}

void Session::take_logout_response(const uint8_t* header) {
  const iscsi::LogoutResponse pdu = iscsi::LogoutResponse::decode(header);
  Exchange* exchange = find_exchange(pdu.initiator_task_tag, Exchange::Kind::logout);
  if (exchange == nullptr)
    return violation(fmt::format("Logout Response for unknown ITT {:08x}", pdu.initiator_task_tag));
  if (pdu.response == iscsi::LogoutOutcome::closed) {
    finish(*exchange);
  } else {
    finish(*exchange,
           {ErrorCode::io_error, "logout", fmt::format("response {}", static_cast<int>(pdu.response))});
  }
  end({ErrorCode::closed, "session", "logged out"});
}

void Session::take_async_message(const uint8_t* header) {
  const iscsi::AsyncMessage message = iscsi::AsyncMessage::decode(header);
  notices_->message(message);
}

/// The target could not take a PDU of ours. An exchange ends with that; anything else was a command, which must still be
/// answered by its own response, so what is rejected here is our mistake or its: nothing can go on.
void Session::take_reject(const uint8_t* header, ConstBytes data) {
  const iscsi::Reject pdu = iscsi::Reject::decode(header);
  std::string what = fmt::format("the target rejected a PDU: {}", iscsi::name_of(pdu.reason));
  if (data.size() >= iscsi::basic_header_bytes) {
    const uint32_t tag = iscsi::initiator_task_tag(data.data());
    what += fmt::format(" ({}, ITT {:08x})", iscsi::pdu_name(iscsi::opcode(data.data())), tag);
    for (Exchange& exchange : awaited_exchanges_) {
      if (exchange.initiator_task_tag == tag)
        return finish(exchange, {ErrorCode::unsupported, "target", std::move(what)});
    }
  }
  end({ErrorCode::protocol_error, "target", std::move(what)});
}

}  // namespace ashlar::initiator
