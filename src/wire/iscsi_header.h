// What all iSCSI PDUs share: opcodes, the common fields of the 48-byte basic header segment, additional header segments.
// Pure codec of RFC 7143 section 11.2: no I/O, no policy, no allocation.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

#include "base/bytes.h"

namespace ashlar::wire::iscsi {

constexpr size_t basic_header_bytes = 48;
/// TotalAHSLength is one byte of 4-byte words.
constexpr size_t max_additional_header_bytes = 255 * 4;
constexpr size_t digest_bytes = 4;
/// DataSegmentLength has 24 bits.
constexpr uint32_t max_data_segment_bytes = 0xffffff;
/// "No task": initiator and target task tags that name nothing (RFC 7143 11.2.1.8).
constexpr uint32_t reserved_task_tag = 0xffffffff;

enum class Opcode : uint8_t {
  // From the initiator.
  nop_out = 0x00,
  scsi_command = 0x01,
  task_management_request = 0x02,
  login_request = 0x03,
  text_request = 0x04,
  data_out = 0x05,
  logout_request = 0x06,
  snack_request = 0x10,
  // From the target.
  nop_in = 0x20,
  scsi_response = 0x21,
  task_management_response = 0x22,
  login_response = 0x23,
  text_response = 0x24,
  data_in = 0x25,
  logout_response = 0x26,
  r2t = 0x31,
  asynchronous_message = 0x32,
  reject = 0x3f,
};

/// "SCSI Command" and so on, for log lines; "unknown opcode" for what RFC 7143 does not define.
std::string_view pdu_name(Opcode opcode);

// Common fields. `header` points at basic_header_bytes bytes.
inline Opcode opcode(const uint8_t* header) { return static_cast<Opcode>(header[0] & 0x3f); }
inline bool is_immediate(const uint8_t* header) { return (header[0] & 0x40) != 0; }
inline bool is_final(const uint8_t* header) { return (header[1] & 0x80) != 0; }
/// Bytes of all additional header segments together, their padding included: 0 to 1020, a multiple of 4.
inline uint32_t additional_header_bytes(const uint8_t* header) { return uint32_t{header[4]} * 4; }
/// Bytes of data, without the padding that follows them: 0 to 0xffffff.
inline uint32_t data_segment_length(const uint8_t* header) { return load_be24(header + 5); }
inline uint32_t initiator_task_tag(const uint8_t* header) { return load_be32(header + 16); }
/// `length` rounded up to the 4 bytes that segments are padded to.
constexpr uint32_t padded(uint32_t length) { return (length + 3) & ~uint32_t{3}; }

/// Serial number arithmetic of RFC 1982 on 32 bits (RFC 7143 4.2.2.1): is `left` before `right`?
constexpr bool serial_before(uint32_t left, uint32_t right) { return static_cast<int32_t>(left - right) < 0; }

enum class AdditionalHeaderType : uint8_t {
  extended_cdb = 1,  ///< content: the bytes of the CDB past its 16th
  bidirectional_read_length =
      2,  ///< content: 4 bytes, the expected read data length of a bidirectional command
};

/// One additional header segment (RFC 7143 11.2.2). `content` excludes the reserved byte that both known types begin with.
struct AdditionalHeader {
  AdditionalHeaderType type{};
  ConstBytes content;
  /// The content of type 2; 0 when it is not 4 bytes long.
  uint32_t read_length() const { return content.size() == 4 ? load_be32(content.data()) : 0; }
};

/// Walks additional header segments. Stops at the first one that does not fit; malformed() then says so.
class AdditionalHeaders {
 public:
  explicit AdditionalHeaders(ConstBytes segments) : rest_(segments) {}
  /// The next segment; false at the end or at a malformed one.
  bool next(AdditionalHeader& header);
  bool malformed() const { return malformed_; }

 private:
  ConstBytes rest_;
  bool malformed_ = false;
};

/// Writes one segment, padded, to `out`; returns its bytes, or 0 when `out` is too small or `content` longer than fits.
size_t encode(const AdditionalHeader& header, Bytes out);

namespace detail {

struct CommonFields {
  Opcode opcode;
  bool immediate;
  uint8_t flags;              ///< byte 1
  uint32_t additional_bytes;  ///< multiple of 4
  uint32_t data_segment_length;
  uint32_t initiator_task_tag;
};

/// Zeroes the header and sets the common fields, so that reserved fields are 0 as RFC 7143 11 asks.
inline void begin(uint8_t* header, const CommonFields& common) {
  std::memset(header, 0, basic_header_bytes);
  header[0] = static_cast<uint8_t>(static_cast<uint8_t>(common.opcode) | (common.immediate ? 0x40 : 0));
  header[1] = common.flags;
  header[4] = static_cast<uint8_t>(common.additional_bytes / 4);
  store_be24(header + 5, common.data_segment_length);
  store_be32(header + 16, common.initiator_task_tag);
}

inline std::array<uint8_t, 8> load_lun(const uint8_t* header) {
  std::array<uint8_t, 8> lun;
  std::memcpy(lun.data(), header + 8, lun.size());
  return lun;
}
inline void store_lun(uint8_t* header, const std::array<uint8_t, 8>& lun) {
  std::memcpy(header + 8, lun.data(), lun.size());
}
constexpr uint8_t bit(bool set, uint8_t mask) { return set ? mask : uint8_t{0}; }

}  // namespace detail

/// StatSN, ExpCmdSN, MaxCmdSN: bytes 24 to 35 of what a target sends.
struct TargetNumbers {
  uint32_t stat_sn = 0;
  uint32_t exp_cmd_sn = 0;
  uint32_t max_cmd_sn = 0;
  static TargetNumbers decode(const uint8_t* header) {
    return {load_be32(header + 24), load_be32(header + 28), load_be32(header + 32)};
  }
  void encode(uint8_t* header) const {
    store_be32(header + 24, stat_sn);
    store_be32(header + 28, exp_cmd_sn);
    store_be32(header + 32, max_cmd_sn);
  }
  bool operator==(const TargetNumbers&) const = default;
};

}  // namespace ashlar::wire::iscsi
