#include "wire/iscsi_pdu.h"

namespace ashlar::wire::iscsi {
namespace {

constexpr size_t segment_prefix_bytes = 3;  // AHSLength, AHSType

}  // namespace

std::string_view pdu_name(Opcode opcode) {
  switch (opcode) {
    case Opcode::nop_out: return "NOP-Out";
    case Opcode::scsi_command: return "SCSI Command";
    case Opcode::task_management_request: return "Task Management Request";
    case Opcode::login_request: return "Login Request";
    case Opcode::text_request: return "Text Request";
    case Opcode::data_out: return "Data-Out";
    case Opcode::logout_request: return "Logout Request";
    case Opcode::snack_request: return "SNACK Request";
    case Opcode::nop_in: return "NOP-In";
    case Opcode::scsi_response: return "SCSI Response";
    case Opcode::task_management_response: return "Task Management Response";
    case Opcode::login_response: return "Login Response";
    case Opcode::text_response: return "Text Response";
    case Opcode::data_in: return "Data-In";
    case Opcode::logout_response: return "Logout Response";
    case Opcode::r2t: return "R2T";
    case Opcode::asynchronous_message: return "Asynchronous Message";
    case Opcode::reject: return "Reject";
  }
  return "unknown opcode";
}

bool AdditionalHeaders::next(AdditionalHeader& header) {
  if (rest_.empty() || malformed_) return false;
  // AHSLength counts what follows AHSType, without padding, and both known types begin with a reserved byte.
  const size_t length = rest_.size() < segment_prefix_bytes ? 0 : load_be16(rest_.data());
  if (length == 0 || length > rest_.size() - segment_prefix_bytes) {
    malformed_ = true;
    return false;
  }
  header.type = static_cast<AdditionalHeaderType>(rest_[2]);
  header.content = rest_.subspan(segment_prefix_bytes + 1, length - 1);
  const size_t whole = padded(static_cast<uint32_t>(segment_prefix_bytes + length));
  rest_ = whole < rest_.size() ? rest_.subspan(whole) : ConstBytes{};
  return true;
}

size_t encode(const AdditionalHeader& header, Bytes out) {
  const size_t used = segment_prefix_bytes + 1 + header.content.size();
  if (used > max_additional_header_bytes) return 0;
  const size_t whole = padded(static_cast<uint32_t>(used));
  if (whole > out.size()) return 0;
  Writer writer(out);
  writer.u16(static_cast<uint16_t>(header.content.size() + 1));
  writer.u8(static_cast<uint8_t>(header.type));
  writer.u8(0);
  writer.bytes(header.content);
  writer.zeroes(whole - used);
  return whole;
}

std::string_view name_of(LoginStatus status) {
  switch (status) {
    case LoginStatus::success: return "success";
    case LoginStatus::target_moved_temporarily: return "target moved temporarily";
    case LoginStatus::target_moved_permanently: return "target moved permanently";
    case LoginStatus::initiator_error: return "initiator error";
    case LoginStatus::authentication_failure: return "authentication failure";
    case LoginStatus::authorization_failure: return "authorization failure";
    case LoginStatus::not_found: return "not found";
    case LoginStatus::target_removed: return "target removed";
    case LoginStatus::unsupported_version: return "unsupported version";
    case LoginStatus::too_many_connections: return "too many connections";
    case LoginStatus::missing_parameter: return "missing parameter";
    case LoginStatus::cannot_include_in_session: return "cannot include in session";
    case LoginStatus::session_type_not_supported: return "session type not supported";
    case LoginStatus::session_does_not_exist: return "session does not exist";
    case LoginStatus::invalid_during_login: return "invalid during login";
    case LoginStatus::target_error: return "target error";
    case LoginStatus::service_unavailable: return "service unavailable";
    case LoginStatus::out_of_resources: return "out of resources";
  }
  return "unknown status";
}

std::string_view name_of(RejectReason reason) {
  switch (reason) {
    case RejectReason::data_digest_error: return "data digest error";
    case RejectReason::snack_reject: return "SNACK reject";
    case RejectReason::protocol_error: return "protocol error";
    case RejectReason::command_not_supported: return "command not supported";
    case RejectReason::too_many_immediate_commands: return "too many immediate commands";
    case RejectReason::task_in_progress: return "task in progress";
    case RejectReason::invalid_data_ack: return "invalid data acknowledgement";
    case RejectReason::invalid_pdu_field: return "invalid PDU field";
    case RejectReason::long_operation_reject: return "long operation reject";
    case RejectReason::waiting_for_logout: return "waiting for logout";
  }
  return "unknown reason";
}

}  // namespace ashlar::wire::iscsi
