// The PDUs that a target sends (RFC 7143 11.4, 11.6, 11.7, 11.8, 11.9, 11.11, 11.15, 11.17, 11.19). decode() reads and
// encode() writes exactly basic_header_bytes.
#pragma once

#include "wire/iscsi_header.h"

namespace ashlar::wire::iscsi {

/// iSCSI service response (RFC 7143 11.4.3).
enum class ServiceResponse : uint8_t { command_completed = 0, target_failure = 1 };

struct ScsiResponse {
  bool bidirectional_overflow = false;   ///< o
  bool bidirectional_underflow = false;  ///< u
  bool overflow = false;                 ///< O
  bool underflow = false;                ///< U
  ServiceResponse response = ServiceResponse::command_completed;
  uint8_t status = 0;                ///< SAM-5 status, valid with command_completed
  uint32_t data_segment_length = 0;  ///< sense: a 2-byte length, then the sense data
  uint32_t initiator_task_tag = reserved_task_tag;
  uint32_t snack_tag = 0;
  TargetNumbers numbers;
  uint32_t exp_data_sn = 0;  ///< Data-In and R2T PDUs sent for the command
  uint32_t bidirectional_read_residual_count = 0;
  uint32_t residual_count = 0;

  static ScsiResponse decode(const uint8_t* header) {
    ScsiResponse pdu;
    pdu.bidirectional_overflow = (header[1] & 0x10) != 0;
    pdu.bidirectional_underflow = (header[1] & 0x08) != 0;
    pdu.overflow = (header[1] & 0x04) != 0;
    pdu.underflow = (header[1] & 0x02) != 0;
    pdu.response = static_cast<ServiceResponse>(header[2]);
    pdu.status = header[3];
    pdu.data_segment_length = iscsi::data_segment_length(header);
    pdu.initiator_task_tag = iscsi::initiator_task_tag(header);
    pdu.snack_tag = load_be32(header + 20);
    pdu.numbers = TargetNumbers::decode(header);
    pdu.exp_data_sn = load_be32(header + 36);
    pdu.bidirectional_read_residual_count = load_be32(header + 40);
    pdu.residual_count = load_be32(header + 44);
    return pdu;
  }
  void encode(uint8_t* header) const {
    const auto flags = static_cast<uint8_t>(0x80 | detail::bit(bidirectional_overflow, 0x10) |
                                            detail::bit(bidirectional_underflow, 0x08) |
                                            detail::bit(overflow, 0x04) | detail::bit(underflow, 0x02));
    detail::begin(header, {Opcode::scsi_response, false, flags, 0, data_segment_length, initiator_task_tag});
    header[2] = static_cast<uint8_t>(response);
    header[3] = status;
    store_be32(header + 20, snack_tag);
    numbers.encode(header);
    store_be32(header + 36, exp_data_sn);
    store_be32(header + 40, bidirectional_read_residual_count);
    store_be32(header + 44, residual_count);
  }
  bool operator==(const ScsiResponse&) const = default;
};

/// RFC 7143 11.6.1; function_succeeded is RFC 7144's.
enum class TaskManagementOutcome : uint8_t {
  function_complete = 0,
  task_does_not_exist = 1,
  lun_does_not_exist = 2,
  task_still_allegiant = 3,
  allegiance_reassignment_not_supported = 4,
  function_not_supported = 5,
  function_authorization_failed = 6,
  function_succeeded = 7,
  function_rejected = 255,
};

struct TaskManagementResponse {
  TaskManagementOutcome response{};
  uint32_t initiator_task_tag = reserved_task_tag;
  TargetNumbers numbers;

  static TaskManagementResponse decode(const uint8_t* header) {
    TaskManagementResponse pdu;
    pdu.response = static_cast<TaskManagementOutcome>(header[2]);
    pdu.initiator_task_tag = iscsi::initiator_task_tag(header);
    pdu.numbers = TargetNumbers::decode(header);
    return pdu;
  }
  void encode(uint8_t* header) const {
    detail::begin(header, {Opcode::task_management_response, false, 0x80, 0, 0, initiator_task_tag});
    header[2] = static_cast<uint8_t>(response);
    numbers.encode(header);
  }
  bool operator==(const TaskManagementResponse&) const = default;
};

struct DataIn {
  bool final = false;
  bool acknowledge = false;  ///< A: only at ErrorRecoveryLevel 1 and above
  bool overflow = false;     ///< O, U, status, stat_sn and residual_count: only with has_status
  bool underflow = false;
  bool has_status = false;  ///< S
  uint8_t status = 0;
  uint32_t data_segment_length = 0;
  std::array<uint8_t, 8> lun{};
  uint32_t initiator_task_tag = reserved_task_tag;
  uint32_t target_transfer_tag = reserved_task_tag;
  TargetNumbers numbers;  ///< stat_sn is 0 without has_status
  uint32_t data_sn = 0;
  uint32_t buffer_offset = 0;
  uint32_t residual_count = 0;

  static DataIn decode(const uint8_t* header) {
    DataIn pdu;
    pdu.final = is_final(header);
    pdu.acknowledge = (header[1] & 0x40) != 0;
    pdu.overflow = (header[1] & 0x04) != 0;
    pdu.underflow = (header[1] & 0x02) != 0;
    pdu.has_status = (header[1] & 0x01) != 0;
    pdu.status = header[3];
    pdu.data_segment_length = iscsi::data_segment_length(header);
    pdu.lun = detail::load_lun(header);
    pdu.initiator_task_tag = iscsi::initiator_task_tag(header);
    pdu.target_transfer_tag = load_be32(header + 20);
    pdu.numbers = TargetNumbers::decode(header);
    pdu.data_sn = load_be32(header + 36);
    pdu.buffer_offset = load_be32(header + 40);
    pdu.residual_count = load_be32(header + 44);
    return pdu;
  }
  void encode(uint8_t* header) const {
    const auto flags = static_cast<uint8_t>(detail::bit(final, 0x80) | detail::bit(acknowledge, 0x40) |
                                            detail::bit(overflow, 0x04) | detail::bit(underflow, 0x02) |
                                            detail::bit(has_status, 0x01));
    detail::begin(header, {Opcode::data_in, false, flags, 0, data_segment_length, initiator_task_tag});
    header[3] = status;
    detail::store_lun(header, lun);
    store_be32(header + 20, target_transfer_tag);
    numbers.encode(header);
    store_be32(header + 36, data_sn);
    store_be32(header + 40, buffer_offset);
    store_be32(header + 44, residual_count);
  }
  bool operator==(const DataIn&) const = default;
};

struct R2t {
  std::array<uint8_t, 8> lun{};
  uint32_t initiator_task_tag = reserved_task_tag;
  uint32_t target_transfer_tag = reserved_task_tag;
  TargetNumbers numbers;  ///< stat_sn: the next one; it is not consumed
  uint32_t r2t_sn = 0;
  uint32_t buffer_offset = 0;
  uint32_t desired_data_transfer_length = 0;

  static R2t decode(const uint8_t* header) {
    R2t pdu;
    pdu.lun = detail::load_lun(header);
    pdu.initiator_task_tag = iscsi::initiator_task_tag(header);
    pdu.target_transfer_tag = load_be32(header + 20);
    pdu.numbers = TargetNumbers::decode(header);
    pdu.r2t_sn = load_be32(header + 36);
    pdu.buffer_offset = load_be32(header + 40);
    pdu.desired_data_transfer_length = load_be32(header + 44);
    return pdu;
  }
  void encode(uint8_t* header) const {
    detail::begin(header, {Opcode::r2t, false, 0x80, 0, 0, initiator_task_tag});
    detail::store_lun(header, lun);
    store_be32(header + 20, target_transfer_tag);
    numbers.encode(header);
    store_be32(header + 36, r2t_sn);
    store_be32(header + 40, buffer_offset);
    store_be32(header + 44, desired_data_transfer_length);
  }
  bool operator==(const R2t&) const = default;
};

struct NopIn {
  uint32_t data_segment_length = 0;
  std::array<uint8_t, 8> lun{};
  uint32_t initiator_task_tag = reserved_task_tag;   ///< of the NOP-Out that this answers
  uint32_t target_transfer_tag = reserved_task_tag;  ///< anything else: an answer is wanted
  TargetNumbers numbers;

  static NopIn decode(const uint8_t* header) {
    NopIn pdu;
    pdu.data_segment_length = iscsi::data_segment_length(header);
    pdu.lun = detail::load_lun(header);
    pdu.initiator_task_tag = iscsi::initiator_task_tag(header);
    pdu.target_transfer_tag = load_be32(header + 20);
    pdu.numbers = TargetNumbers::decode(header);
    return pdu;
  }
  void encode(uint8_t* header) const {
    detail::begin(header, {Opcode::nop_in, false, 0x80, 0, data_segment_length, initiator_task_tag});
    detail::store_lun(header, lun);
    store_be32(header + 20, target_transfer_tag);
    numbers.encode(header);
  }
  bool operator==(const NopIn&) const = default;
};

struct TextResponse {
  bool final = true;
  bool continues = false;
  uint32_t data_segment_length = 0;
  std::array<uint8_t, 8> lun{};
  uint32_t initiator_task_tag = reserved_task_tag;
  uint32_t target_transfer_tag = reserved_task_tag;  ///< reserved_task_tag: the exchange is over
  TargetNumbers numbers;

  static TextResponse decode(const uint8_t* header) {
    TextResponse pdu;
    pdu.final = is_final(header);
    pdu.continues = (header[1] & 0x40) != 0;
    pdu.data_segment_length = iscsi::data_segment_length(header);
    pdu.lun = detail::load_lun(header);
    pdu.initiator_task_tag = iscsi::initiator_task_tag(header);
    pdu.target_transfer_tag = load_be32(header + 20);
    pdu.numbers = TargetNumbers::decode(header);
    return pdu;
  }
  void encode(uint8_t* header) const {
    const auto flags = static_cast<uint8_t>(detail::bit(final, 0x80) | detail::bit(continues, 0x40));
    detail::begin(header, {Opcode::text_response, false, flags, 0, data_segment_length, initiator_task_tag});
    detail::store_lun(header, lun);
    store_be32(header + 20, target_transfer_tag);
    numbers.encode(header);
  }
  bool operator==(const TextResponse&) const = default;
};

/// RFC 7143 11.15.1.
enum class LogoutOutcome : uint8_t {
  closed = 0,
  cid_not_found = 1,
  recovery_not_supported = 2,
  cleanup_failed = 3
};

struct LogoutResponse {
  LogoutOutcome response{};
  uint32_t initiator_task_tag = reserved_task_tag;
  TargetNumbers numbers;
  uint16_t time2wait_seconds = 0;
  uint16_t time2retain_seconds = 0;

  static LogoutResponse decode(const uint8_t* header) {
    LogoutResponse pdu;
    pdu.response = static_cast<LogoutOutcome>(header[2]);
    pdu.initiator_task_tag = iscsi::initiator_task_tag(header);
    pdu.numbers = TargetNumbers::decode(header);
    pdu.time2wait_seconds = load_be16(header + 40);
    pdu.time2retain_seconds = load_be16(header + 42);
    return pdu;
  }
  void encode(uint8_t* header) const {
    detail::begin(header, {Opcode::logout_response, false, 0x80, 0, 0, initiator_task_tag});
    header[2] = static_cast<uint8_t>(response);
    numbers.encode(header);
    store_be16(header + 40, time2wait_seconds);
    store_be16(header + 42, time2retain_seconds);
  }
  bool operator==(const LogoutResponse&) const = default;
};

/// RFC 7143 11.9.1.
enum class AsyncEvent : uint8_t {
  scsi_event = 0,            ///< sense data in the data segment
  logout_request = 1,        ///< parameter3: seconds until the target drops the connection
  connection_drop = 2,       ///< parameter1: CID, 2: Time2Wait, 3: Time2Retain
  all_connections_drop = 3,  ///< parameter2: Time2Wait, 3: Time2Retain
  negotiation_request = 4,   ///< parameter3: seconds
  fast_abort = 5,            ///< all active tasks of the unit are being terminated
  vendor_specific = 255,
};

struct AsyncMessage {
  AsyncEvent event{};
  uint8_t vendor_code = 0;
  uint32_t data_segment_length = 0;
  std::array<uint8_t, 8> lun{};
  TargetNumbers numbers;
  uint16_t parameter1 = 0;
  uint16_t parameter2 = 0;
  uint16_t parameter3 = 0;

  static AsyncMessage decode(const uint8_t* header) {
    AsyncMessage pdu;
    pdu.event = static_cast<AsyncEvent>(header[36]);
    pdu.vendor_code = header[37];
    pdu.data_segment_length = iscsi::data_segment_length(header);
    pdu.lun = detail::load_lun(header);
    pdu.numbers = TargetNumbers::decode(header);
    pdu.parameter1 = load_be16(header + 38);
    pdu.parameter2 = load_be16(header + 40);
    pdu.parameter3 = load_be16(header + 42);
    return pdu;
  }
  void encode(uint8_t* header) const {
    detail::begin(header,
                  {Opcode::asynchronous_message, false, 0x80, 0, data_segment_length, reserved_task_tag});
    detail::store_lun(header, lun);
    numbers.encode(header);
    header[36] = static_cast<uint8_t>(event);
    header[37] = vendor_code;
    store_be16(header + 38, parameter1);
    store_be16(header + 40, parameter2);
    store_be16(header + 42, parameter3);
  }
  bool operator==(const AsyncMessage&) const = default;
};

/// RFC 7143 11.17.1.
enum class RejectReason : uint8_t {
  data_digest_error = 0x02,
  snack_reject = 0x03,
  protocol_error = 0x04,
  command_not_supported = 0x05,
  too_many_immediate_commands = 0x06,
  task_in_progress = 0x07,
  invalid_data_ack = 0x08,
  invalid_pdu_field = 0x09,
  long_operation_reject = 0x0a,
  waiting_for_logout = 0x0c,
};

struct Reject {
  RejectReason reason{};
  uint32_t data_segment_length = 0;  ///< the header of the PDU that is rejected
  TargetNumbers numbers;
  uint32_t data_sn = 0;  ///< DataSN or R2TSN, for a rejected data digest or SNACK

  static Reject decode(const uint8_t* header) {
    Reject pdu;
    pdu.reason = static_cast<RejectReason>(header[2]);
    pdu.data_segment_length = iscsi::data_segment_length(header);
    pdu.numbers = TargetNumbers::decode(header);
    pdu.data_sn = load_be32(header + 36);
    return pdu;
  }
  void encode(uint8_t* header) const {
    detail::begin(header, {Opcode::reject, false, 0x80, 0, data_segment_length, reserved_task_tag});
    header[2] = static_cast<uint8_t>(reason);
    numbers.encode(header);
    store_be32(header + 36, data_sn);
  }
  bool operator==(const Reject&) const = default;
};

/// "protocol error" and so on, for log lines.
std::string_view name_of(RejectReason reason);

}  // namespace ashlar::wire::iscsi
