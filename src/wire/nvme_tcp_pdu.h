// PDUs of NVMe/TCP 1.0 (3.6): headers of fixed length per type, encode and decode. Pure codec.
#pragma once

#include <algorithm>
#include <array>
#include <string_view>

#include "wire/nvme_command.h"

namespace ashlar::wire::nvme {

constexpr size_t common_header_bytes = 8;
constexpr size_t tcp_digest_bytes = 4;
/// The longest header: of ICReq and ICResp.
constexpr size_t most_header_bytes = 128;
constexpr size_t capsule_header_bytes = common_header_bytes + submission_bytes;
constexpr size_t response_header_bytes = common_header_bytes + completion_bytes;
constexpr size_t data_header_bytes = 24;
/// The header that a termination request quotes (3.6.2.3).
constexpr size_t most_quoted_bytes = 128;
/// MAXH2CDATA is at least this (figure 21).
constexpr uint32_t least_data_bytes = 4096;

enum class PduType : uint8_t {
  initialize_request = 0x00,
  initialize_response = 0x01,
  host_termination = 0x02,
  controller_termination = 0x03,
  command = 0x04,
  response = 0x05,
  host_data = 0x06,
  controller_data = 0x07,
  ready_to_transfer = 0x09,
};
/// "ICReq" and so on, for log lines; "unknown PDU" for others.
std::string_view pdu_name(PduType type);
/// What HLEN must be; 0 for types that are not there.
uint8_t header_bytes_of(PduType type);

/// FLAGS (3.6.1).
struct PduFlag {
  static constexpr uint8_t header_digest = 1, data_digest = 2, last = 4, success = 8;
};

/// The 8 bytes that all begin with.
struct CommonHeader {
  PduType type{};
  uint8_t flags = 0;
  uint8_t header_bytes = 0;  ///< HLEN
  uint8_t data_offset = 0;   ///< PDO; 0 without data
  uint32_t pdu_bytes = 0;    ///< PLEN: all of it, digests and padding included

  static CommonHeader decode(const uint8_t* from) {
    return {static_cast<PduType>(from[0]), from[1], from[2], from[3], load_le32(from + 4)};
  }
  void encode(uint8_t* to) const {
    to[0] = static_cast<uint8_t>(type);
    to[1] = flags;
    to[2] = header_bytes;
    to[3] = data_offset;
    store_le32(to + 4, pdu_bytes);
  }
  bool has(uint8_t flag) const { return (flags & flag) != 0; }
  bool operator==(const CommonHeader&) const = default;
};

/// ICReq and ICResp (3.6.2.1, 3.6.2.2).
struct Initialization {
  uint16_t format = 0;         ///< PFV
  uint8_t data_alignment = 0;  ///< HPDA, CPDA: in dwords, from 0; at most 31
  bool header_digest = false, data_digest = false;
  uint32_t most = 0;  ///< ICReq: MAXR2T, from 0; ICResp: MAXH2CDATA, bytes

  static Initialization decode(const uint8_t* header) {
    return {load_le16(header + 8), header[10], (header[11] & 1) != 0, (header[11] & 2) != 0,
            load_le32(header + 12)};
  }
  void encode(uint8_t* header, PduType type) const {
    std::memset(header, 0, most_header_bytes);
    CommonHeader{type, 0, most_header_bytes, 0, most_header_bytes}.encode(header);
    store_le16(header + 8, format);
    header[10] = data_alignment;
    header[11] = static_cast<uint8_t>((header_digest ? 1 : 0) | (data_digest ? 2 : 0));
    store_le32(header + 12, most);
  }
  bool operator==(const Initialization&) const = default;
};

/// H2CData (3.6.2.6), C2HData (3.6.2.7); R2T (3.6.2.8) has the same fields: what is asked for.
struct DataTransfer {
  uint16_t command_id = 0;
  uint16_t transfer_tag = 0;  ///< TTAG; reserved in C2HData
  uint32_t offset = 0;
  uint32_t length = 0;

  static DataTransfer decode(const uint8_t* header) {
    return {load_le16(header + 8), load_le16(header + 10), load_le32(header + 12), load_le32(header + 16)};
  }
  /// The bytes behind the common header.
  void encode(uint8_t* header) const {
    store_le16(header + 8, command_id);
    store_le16(header + 10, transfer_tag);
    store_le32(header + 12, offset);
    store_le32(header + 16, length);
    store_le32(header + 20, 0);
  }
  bool operator==(const DataTransfer&) const = default;
};

/// FES of a termination request (figure 26): what the peer did wrong.
enum class FatalError : uint16_t {
  invalid_header_field = 1,  ///< FEI: the offset of the field in the header
  sequence_error = 2,
  header_digest_error = 3,  ///< FEI: the digest that was received
  transfer_out_of_range = 4,
  transfer_limit_exceeded = 5,
  unsupported_parameter = 6,  ///< FEI: the offset of the parameter
};
struct Termination {
  FatalError error{};
  uint32_t information = 0;  ///< FEI

  static Termination decode(const uint8_t* header) {
    return {static_cast<FatalError>(load_le16(header + 8)), load_le32(header + 10)};
  }
  /// All of the PDU: the 24 bytes of its header, then what it quotes.
  size_t encode(uint8_t* to, PduType type, ConstBytes quoted) const {
    const size_t kept = std::min(quoted.size(), most_quoted_bytes);
    std::memset(to, 0, data_header_bytes);
    CommonHeader{type, 0, data_header_bytes, 0, static_cast<uint32_t>(data_header_bytes + kept)}.encode(to);
    store_le16(to + 8, static_cast<uint16_t>(error));
    store_le32(to + 10, information);
    if (kept > 0) std::memcpy(to + data_header_bytes, quoted.data(), kept);
    return data_header_bytes + kept;
  }
  bool operator==(const Termination&) const = default;
};

/// What is wrong with a header, by its type's rules; none: nothing. `offset`: FEI.
struct HeaderFault {
  bool found = false;
  FatalError error = FatalError::invalid_header_field;
  uint32_t offset = 0;
};
/// Lengths, flags and offset of a PDU that its sender may send with digests on or off. `most_data_bytes`: of one PDU.
HeaderFault check_header(const CommonHeader& header, bool header_digest, bool data_digest,
                         uint32_t most_data_bytes);
/// Data bytes of a PDU whose header is good.
uint32_t data_bytes_of(const CommonHeader& header);

}  // namespace ashlar::wire::nvme
