// Status of an NVMe command (NVMe base 2.0 figures 92 to 97): type and code, as they stand in the completion queue entry.
#pragma once

#include <cstdint>

namespace ashlar::wire::nvme {

/// STATUS CODE TYPE in bits 10:8, STATUS CODE in bits 7:0.
enum class Status : uint16_t {
  // Generic command status.
  success = 0x000,
  invalid_opcode = 0x001,
  invalid_field = 0x002,
  data_transfer_error = 0x004,
  internal_error = 0x006,
  abort_requested = 0x007,
  aborted_queue_deleted = 0x008,
  aborted_failed_fused = 0x009,
  aborted_missing_fused = 0x00a,
  invalid_namespace = 0x00b,
  command_sequence_error = 0x00c,
  invalid_segment_descriptor = 0x00d,
  invalid_descriptor_count = 0x00e,
  data_length_invalid = 0x00f,
  descriptor_type_invalid = 0x011,
  offset_invalid = 0x016,
  host_identifier_inconsistent = 0x018,
  keep_alive_expired = 0x019,
  keep_alive_invalid = 0x01a,
  sanitize_failed = 0x01c,
  sanitize_in_progress = 0x01d,
  namespace_write_protected = 0x020,
  command_interrupted = 0x021,
  lba_out_of_range = 0x080,
  capacity_exceeded = 0x081,
  namespace_not_ready = 0x082,
  reservation_conflict = 0x083,
  format_in_progress = 0x084,
  // Command specific status.
  abort_limit_exceeded = 0x103,
  event_limit_exceeded = 0x105,
  invalid_log_page = 0x109,
  invalid_format = 0x10a,
  feature_not_saveable = 0x10d,
  feature_not_changeable = 0x10e,
  feature_not_of_namespace = 0x10f,
  connect_incompatible_format = 0x180,
  connect_controller_busy = 0x181,
  connect_invalid_parameters = 0x182,
  connect_invalid_host = 0x184,
  authentication_required = 0x191,
  // NVM command set, and Copy.
  write_to_read_only_range = 0x182,
  command_size_limit_exceeded = 0x183,
  incompatible_namespaces = 0x185,
  fast_copy_not_possible = 0x186,
  // Media and data integrity errors.
  write_fault = 0x280,
  unrecovered_read_error = 0x281,
  compare_failure = 0x285,
  // Path related status.
  internal_path_error = 0x300,
  access_persistent_loss = 0x301,
  access_inaccessible = 0x302,
  access_transition = 0x303,
};

/// A status, and whether the host may try again (DNR, figure 92).
struct Outcome {
  Status status = Status::success;
  bool do_not_retry = false;
  uint8_t retry_delay = 0;  ///< CRD: which of CRDT1 to CRDT3 to wait before that; 0: none

  bool ok() const { return status == Status::success; }
  /// Bits 15:1 of the last two bytes of a completion, the phase tag left out.
  uint16_t field() const {
    return static_cast<uint16_t>(static_cast<unsigned>(status) << 1 | (do_not_retry ? 0x8000u : 0u) |
                                 (retry_delay & 3u) << 12);
  }
  static Outcome of_field(uint16_t field) {
    return {static_cast<Status>(field >> 1 & 0x7ff), (field & 0x8000) != 0,
            static_cast<uint8_t>(field >> 12 & 3)};
  }
  bool operator==(const Outcome&) const = default;
};
/// The host must change something first.
inline Outcome refusal(Status status) { return {status, true, 0}; }

}  // namespace ashlar::wire::nvme
