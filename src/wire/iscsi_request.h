// The PDUs that an initiator sends (RFC 7143 11.3, 11.5, 11.7, 11.10, 11.12, 11.14, 11.16, 11.18). decode() reads and
// encode() writes exactly basic_header_bytes; the caller has checked the opcode and that the bytes are there.
#pragma once

#include "wire/iscsi_header.h"

namespace ashlar::wire::iscsi {

/// Attribute field of the SCSI command (RFC 7143 11.3.1); other values are reserved.
enum class TaskAttribute : uint8_t { untagged = 0, simple = 1, ordered = 2, head_of_queue = 3, aca = 4 };

struct ScsiCommand {
  bool immediate = false;
  bool final = true;  ///< no unsolicited Data-Out follows
  bool read = false;
  bool write = false;
  uint8_t attribute = 0;  ///< TaskAttribute, or a reserved value 5 to 7
  uint32_t additional_header_bytes = 0;
  uint32_t data_segment_length = 0;
  std::array<uint8_t, 8> lun{};
  uint32_t initiator_task_tag = reserved_task_tag;
  uint32_t expected_data_transfer_length = 0;
  uint32_t cmd_sn = 0;
  uint32_t exp_stat_sn = 0;
  std::array<uint8_t, 16> cdb{};

  static ScsiCommand decode(const uint8_t* header) {
    ScsiCommand pdu;
    pdu.immediate = is_immediate(header);
    pdu.final = is_final(header);
    pdu.read = (header[1] & 0x40) != 0;
    pdu.write = (header[1] & 0x20) != 0;
    pdu.attribute = header[1] & 0x07;
    pdu.additional_header_bytes = iscsi::additional_header_bytes(header);
    pdu.data_segment_length = iscsi::data_segment_length(header);
    pdu.lun = detail::load_lun(header);
    pdu.initiator_task_tag = iscsi::initiator_task_tag(header);
    pdu.expected_data_transfer_length = load_be32(header + 20);
    pdu.cmd_sn = load_be32(header + 24);
    pdu.exp_stat_sn = load_be32(header + 28);
    std::memcpy(pdu.cdb.data(), header + 32, pdu.cdb.size());
    return pdu;
  }
  void encode(uint8_t* header) const {
    const auto flags = static_cast<uint8_t>(detail::bit(final, 0x80) | detail::bit(read, 0x40) |
                                            detail::bit(write, 0x20) | (attribute & 0x07));
    detail::begin(header, {Opcode::scsi_command, immediate, flags, additional_header_bytes,
                           data_segment_length, initiator_task_tag});
    detail::store_lun(header, lun);
    store_be32(header + 20, expected_data_transfer_length);
    store_be32(header + 24, cmd_sn);
    store_be32(header + 28, exp_stat_sn);
    std::memcpy(header + 32, cdb.data(), cdb.size());
  }
  bool operator==(const ScsiCommand&) const = default;
};

/// RFC 7143 11.5.1; 9 to 12 are RFC 7144's.
enum class TaskManagementFunction : uint8_t {
  abort_task = 1,
  abort_task_set = 2,
  clear_aca = 3,
  clear_task_set = 4,
  logical_unit_reset = 5,
  target_warm_reset = 6,
  target_cold_reset = 7,
  task_reassign = 8,
  query_task = 9,
  query_task_set = 10,
  i_t_nexus_reset = 11,
  query_asynchronous_event = 12,
};

struct TaskManagementRequest {
  bool immediate = false;
  TaskManagementFunction function{};  ///< 7 bits as received
  uint32_t data_segment_length = 0;
  std::array<uint8_t, 8> lun{};
  uint32_t initiator_task_tag = reserved_task_tag;
  uint32_t referenced_task_tag = reserved_task_tag;
  uint32_t cmd_sn = 0;
  uint32_t exp_stat_sn = 0;
  uint32_t ref_cmd_sn = 0;
  uint32_t exp_data_sn = 0;

  static TaskManagementRequest decode(const uint8_t* header) {
    TaskManagementRequest pdu;
    pdu.immediate = is_immediate(header);
    pdu.function = static_cast<TaskManagementFunction>(header[1] & 0x7f);
    pdu.data_segment_length = iscsi::data_segment_length(header);
    pdu.lun = detail::load_lun(header);
    pdu.initiator_task_tag = iscsi::initiator_task_tag(header);
    pdu.referenced_task_tag = load_be32(header + 20);
    pdu.cmd_sn = load_be32(header + 24);
    pdu.exp_stat_sn = load_be32(header + 28);
    pdu.ref_cmd_sn = load_be32(header + 32);
    pdu.exp_data_sn = load_be32(header + 36);
    return pdu;
  }
  void encode(uint8_t* header) const {
    const auto flags = static_cast<uint8_t>(0x80 | (static_cast<uint8_t>(function) & 0x7f));
    detail::begin(header, {Opcode::task_management_request, immediate, flags, 0, data_segment_length,
                           initiator_task_tag});
    detail::store_lun(header, lun);
    store_be32(header + 20, referenced_task_tag);
    store_be32(header + 24, cmd_sn);
    store_be32(header + 28, exp_stat_sn);
    store_be32(header + 32, ref_cmd_sn);
    store_be32(header + 36, exp_data_sn);
  }
  bool operator==(const TaskManagementRequest&) const = default;
};

struct DataOut {
  bool final = true;
  uint32_t additional_header_bytes = 0;
  uint32_t data_segment_length = 0;
  std::array<uint8_t, 8> lun{};  ///< only with a target transfer tag
  uint32_t initiator_task_tag = reserved_task_tag;
  uint32_t target_transfer_tag = reserved_task_tag;  ///< reserved_task_tag: unsolicited
  uint32_t exp_stat_sn = 0;
  uint32_t data_sn = 0;
  uint32_t buffer_offset = 0;

  static DataOut decode(const uint8_t* header) {
    DataOut pdu;
    pdu.final = is_final(header);
    pdu.additional_header_bytes = iscsi::additional_header_bytes(header);
    pdu.data_segment_length = iscsi::data_segment_length(header);
    pdu.lun = detail::load_lun(header);
    pdu.initiator_task_tag = iscsi::initiator_task_tag(header);
    pdu.target_transfer_tag = load_be32(header + 20);
    pdu.exp_stat_sn = load_be32(header + 28);
    pdu.data_sn = load_be32(header + 36);
    pdu.buffer_offset = load_be32(header + 40);
    return pdu;
  }
  void encode(uint8_t* header) const {
    detail::begin(header, {Opcode::data_out, false, detail::bit(final, 0x80), additional_header_bytes,
                           data_segment_length, initiator_task_tag});
    detail::store_lun(header, lun);
    store_be32(header + 20, target_transfer_tag);
    store_be32(header + 28, exp_stat_sn);
    store_be32(header + 36, data_sn);
    store_be32(header + 40, buffer_offset);
  }
  bool operator==(const DataOut&) const = default;
};

struct NopOut {
  bool immediate = false;
  uint32_t data_segment_length = 0;
  std::array<uint8_t, 8> lun{};
  uint32_t initiator_task_tag = reserved_task_tag;   ///< reserved_task_tag: no answer wanted
  uint32_t target_transfer_tag = reserved_task_tag;  ///< of the NOP-In that this answers
  uint32_t cmd_sn = 0;
  uint32_t exp_stat_sn = 0;

  static NopOut decode(const uint8_t* header) {
    NopOut pdu;
    pdu.immediate = is_immediate(header);
    pdu.data_segment_length = iscsi::data_segment_length(header);
    pdu.lun = detail::load_lun(header);
    pdu.initiator_task_tag = iscsi::initiator_task_tag(header);
    pdu.target_transfer_tag = load_be32(header + 20);
    pdu.cmd_sn = load_be32(header + 24);
    pdu.exp_stat_sn = load_be32(header + 28);
    return pdu;
  }
  void encode(uint8_t* header) const {
    detail::begin(header, {Opcode::nop_out, immediate, 0x80, 0, data_segment_length, initiator_task_tag});
    detail::store_lun(header, lun);
    store_be32(header + 20, target_transfer_tag);
    store_be32(header + 24, cmd_sn);
    store_be32(header + 28, exp_stat_sn);
  }
  bool operator==(const NopOut&) const = default;
};

struct TextRequest {
  bool immediate = false;
  bool final = true;
  bool continues = false;  ///< C bit: the text goes on in the next request
  uint32_t data_segment_length = 0;
  std::array<uint8_t, 8> lun{};
  uint32_t initiator_task_tag = reserved_task_tag;
  uint32_t target_transfer_tag = reserved_task_tag;  ///< reserved_task_tag: the first of its exchange
  uint32_t cmd_sn = 0;
  uint32_t exp_stat_sn = 0;

  static TextRequest decode(const uint8_t* header) {
    TextRequest pdu;
    pdu.immediate = is_immediate(header);
    pdu.final = is_final(header);
    pdu.continues = (header[1] & 0x40) != 0;
    pdu.data_segment_length = iscsi::data_segment_length(header);
    pdu.lun = detail::load_lun(header);
    pdu.initiator_task_tag = iscsi::initiator_task_tag(header);
    pdu.target_transfer_tag = load_be32(header + 20);
    pdu.cmd_sn = load_be32(header + 24);
    pdu.exp_stat_sn = load_be32(header + 28);
    return pdu;
  }
  void encode(uint8_t* header) const {
    const auto flags = static_cast<uint8_t>(detail::bit(final, 0x80) | detail::bit(continues, 0x40));
    detail::begin(header,
                  {Opcode::text_request, immediate, flags, 0, data_segment_length, initiator_task_tag});
    detail::store_lun(header, lun);
    store_be32(header + 20, target_transfer_tag);
    store_be32(header + 24, cmd_sn);
    store_be32(header + 28, exp_stat_sn);
  }
  bool operator==(const TextRequest&) const = default;
};

/// RFC 7143 11.14.1.
enum class LogoutReason : uint8_t {
  close_session = 0,
  close_connection = 1,
  remove_connection_for_recovery = 2
};

struct LogoutRequest {
  bool immediate = false;
  LogoutReason reason{};  ///< 7 bits as received
  uint32_t data_segment_length = 0;
  uint32_t initiator_task_tag = reserved_task_tag;
  uint16_t connection_id = 0;
  uint32_t cmd_sn = 0;
  uint32_t exp_stat_sn = 0;

  static LogoutRequest decode(const uint8_t* header) {
    LogoutRequest pdu;
    pdu.immediate = is_immediate(header);
    pdu.reason = static_cast<LogoutReason>(header[1] & 0x7f);
    pdu.data_segment_length = iscsi::data_segment_length(header);
    pdu.initiator_task_tag = iscsi::initiator_task_tag(header);
    pdu.connection_id = load_be16(header + 20);
    pdu.cmd_sn = load_be32(header + 24);
    pdu.exp_stat_sn = load_be32(header + 28);
    return pdu;
  }
  void encode(uint8_t* header) const {
    const auto flags = static_cast<uint8_t>(0x80 | (static_cast<uint8_t>(reason) & 0x7f));
    detail::begin(header,
                  {Opcode::logout_request, immediate, flags, 0, data_segment_length, initiator_task_tag});
    store_be16(header + 20, connection_id);
    store_be32(header + 24, cmd_sn);
    store_be32(header + 28, exp_stat_sn);
  }
  bool operator==(const LogoutRequest&) const = default;
};

/// RFC 7143 11.16.1.
enum class SnackType : uint8_t { data_or_r2t = 0, status = 1, data_ack = 2, r_data = 3 };

struct SnackRequest {
  SnackType type{};  ///< 4 bits as received
  uint32_t data_segment_length = 0;
  std::array<uint8_t, 8> lun{};
  uint32_t initiator_task_tag = reserved_task_tag;
  uint32_t target_transfer_tag = reserved_task_tag;  ///< or the SNACK tag
  uint32_t exp_stat_sn = 0;
  uint32_t beg_run = 0;
  uint32_t run_length = 0;

  static SnackRequest decode(const uint8_t* header) {
    SnackRequest pdu;
    pdu.type = static_cast<SnackType>(header[1] & 0x0f);
    pdu.data_segment_length = iscsi::data_segment_length(header);
    pdu.lun = detail::load_lun(header);
    pdu.initiator_task_tag = iscsi::initiator_task_tag(header);
    pdu.target_transfer_tag = load_be32(header + 20);
    pdu.exp_stat_sn = load_be32(header + 28);
    pdu.beg_run = load_be32(header + 40);
    pdu.run_length = load_be32(header + 44);
    return pdu;
  }
  void encode(uint8_t* header) const {
    const auto flags = static_cast<uint8_t>(0x80 | (static_cast<uint8_t>(type) & 0x0f));
    detail::begin(header, {Opcode::snack_request, false, flags, 0, data_segment_length, initiator_task_tag});
    detail::store_lun(header, lun);
    store_be32(header + 20, target_transfer_tag);
    store_be32(header + 28, exp_stat_sn);
    store_be32(header + 40, beg_run);
    store_be32(header + 44, run_length);
  }
  bool operator==(const SnackRequest&) const = default;
};

}  // namespace ashlar::wire::iscsi
