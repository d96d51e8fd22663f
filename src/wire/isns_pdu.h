// PDUs of iSNS, and messages, which are one or several PDUs (RFC 4171 5.1). Pure codec, bounded in every direction.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"

namespace ashlar::wire::isns {

constexpr uint16_t default_port = 3205;
constexpr size_t header_bytes = 12;
/// PDU LENGTH counts what follows the header, in whole words of 4 bytes.
constexpr size_t max_pdu_payload_bytes = 65532;
/// Of a message that is taken, over all its PDUs.
constexpr size_t max_message_bytes = 1u << 20;

/// RFC 4171 5.1.2; a response has `response_bit` set.
enum class Function : uint16_t {
  device_attribute_registration = 0x0001,
  device_attribute_query = 0x0002,
  device_deregistration = 0x0004,
  state_change_notification = 0x0008,
  entity_status_inquiry = 0x000d,
};
constexpr uint16_t response_bit = 0x8000;

/// RFC 4171 5.1.4.
enum Flag : uint16_t {
  from_client = 0x8000,
  from_server = 0x4000,
  authentication_block = 0x2000,
  replace = 0x1000,
  last_pdu = 0x0800,
  first_pdu = 0x0400,
};

struct Header {
  uint16_t function = 0;
  uint16_t payload_bytes = 0;
  uint16_t flags = 0;
  uint16_t transaction = 0;
  uint16_t sequence = 0;
  bool operator==(const Header&) const = default;
};
/// `bytes` are header_bytes of them. Errors: protocol_error, unsupported (another version; an authentication block).
Result<Header> parse_header(ConstBytes bytes);
void write_header(const Header& header, Bytes out);

struct Message {
  uint16_t function = 0;     ///< a Function, perhaps with response_bit
  uint16_t flags = 0;        ///< without first_pdu and last_pdu
  uint16_t transaction = 0;  ///< what answers it has the same
  std::vector<uint8_t> payload;
  bool is(Function wanted) const { return function == static_cast<uint16_t>(wanted); }
  bool is_response() const { return (function & response_bit) != 0; }
  bool operator==(const Message&) const = default;
};
/// In PDUs of at most `most_payload_bytes` (a multiple of 4) each; one even when there is no payload, which is whole words.
std::vector<uint8_t> encode_message(const Message& message,
                                    size_t most_payload_bytes = max_pdu_payload_bytes);

/// Makes messages of the bytes of one connection. After an error the connection is of no more use.
class MessageReader {
 public:
  void add(ConstBytes bytes) { bytes_.insert(bytes_.end(), bytes.begin(), bytes.end()); }
  /// The next whole message, or nothing yet. Ask until there is nothing before more is added: then at most a PDU waits here, and
  /// a message that is not whole. Errors: protocol_error, unsupported, exhausted (max_message_bytes).
  Result<std::optional<Message>> next();

 private:
  Result<void> take(const Header& header, ConstBytes payload);
  std::vector<uint8_t> bytes_;
  std::optional<Message> begun_;
  uint32_t pdus_ = 0;  // of what is begun
};

}  // namespace ashlar::wire::isns
