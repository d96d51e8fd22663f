// Attributes of iSNS messages: tag, length, value (RFC 4171 5.1 and 6). Pure codec; what they mean together is for others.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"

namespace ashlar::wire::isns {

/// RFC 4171 6.1; those that a target has a use for.
enum class Tag : uint32_t {
  delimiter = 0,
  entity_identifier = 1,
  entity_protocol = 2,
  timestamp = 4,
  registration_period = 6,  ///< seconds
  portal_address = 16,
  portal_port = 17,
  esi_interval = 19,  ///< seconds
  esi_port = 20,
  iscsi_name = 32,
  iscsi_node_type = 33,
  iscsi_alias = 34,
  group_iscsi_name = 48,
  group_portal_address = 49,
  group_portal_port = 50,
  group_tag = 51,
};
constexpr uint32_t protocol_iscsi = 2;    ///< of Tag::entity_protocol
constexpr uint32_t node_type_target = 1;  ///< of Tag::iscsi_node_type
/// Set in a port's number when it is one of UDP (6.3.2).
constexpr uint32_t udp_port = 0x10000;

/// IPv6, or IPv4 as mapped (::ffff:192.0.2.7), which is how iSNS carries all addresses.
using Address = std::array<uint8_t, 16>;

/// What a status field says, RFC 4171 5.4.
enum class Status : uint32_t {
  success = 0,
  no_such_entry = 9,
  message_not_supported = 15,
  esi_not_available = 21,
};
/// "invalid registration"; "status N, which the standard does not know" for what it does not.
std::string status_words(uint32_t status);

/// A view into the message that it was parsed from.
struct Attribute {
  Tag tag{};
  ConstBytes value;
  bool is_delimiter() const { return tag == Tag::delimiter; }
};
constexpr size_t max_attributes = 65536;  ///< of one message

/// Values are whole words of 4 bytes, padding included. Errors: protocol_error with the attribute's number as place, exhausted.
Result<std::vector<Attribute>> parse_attributes(ConstBytes bytes);
/// Nothing when the value is not of 4 bytes.
std::optional<uint32_t> number_of(const Attribute& attribute);
/// Up to its first NUL.
std::string_view text_of(const Attribute& attribute);

/// What a response holds: a status, and attributes whose delimiter is one of them.
struct Answer {
  uint32_t status = 0;
  std::vector<Attribute> attributes;
};
/// A status alone is an answer, too. The attributes live as long as `payload`.
Result<Answer> parse_answer(ConstBytes payload);

/// Collects attributes for sending. Grows on the control path; the caller bounds what it adds.
class AttributeWriter {
 public:
  /// With its NUL, padded. At most 255 bytes of `value` (6.1: 256 with the NUL).
  void text(Tag tag, std::string_view value);
  void number(Tag tag, uint32_t value);
  void address(Tag tag, const Address& value);
  /// Of no length: a question for the attribute in a query, "none" in a registration.
  void empty(Tag tag) { begin(tag, 0); }
  void delimiter() { empty(Tag::delimiter); }
  /// The status of a response; before all attributes.
  void status(Status value) { word(static_cast<uint32_t>(value)); }
  /// Attributes as they came, or of another writer.
  void append(ConstBytes bytes) { bytes_.insert(bytes_.end(), bytes.begin(), bytes.end()); }

  size_t size() const { return bytes_.size(); }
  const std::vector<uint8_t>& bytes() const { return bytes_; }

 private:
  void begin(Tag tag, size_t length);
  void word(uint32_t value);
  std::vector<uint8_t> bytes_;
};

}  // namespace ashlar::wire::isns
