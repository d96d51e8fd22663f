// In-band authentication (NVMe base 2.0 8.13): the two fabrics commands, and the messages of DH-HMAC-CHAP that they carry.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "base/dhchap.h"
#include "wire/nvme_command.h"

namespace ashlar::wire::nvme {

/// No message is longer than this; hosts ask for as much at a time.
constexpr uint32_t most_authentication_bytes = 4096;

/// Authentication Send and Receive (NVMe-oF 1.1 3.3.1, 3.3.2): CDW10 says which protocol, CDW11 how much.
struct AuthenticationExchange {
  bool known_protocol = false;  ///< SECP, SPSP0 and SPSP1 are those of DH-HMAC-CHAP
  uint32_t bytes = 0;           ///< TL or AL

  static AuthenticationExchange decode(const Submission& entry) {
    return {*entry.at(43) == 0xe9 && *entry.at(41) == 1 && *entry.at(42) == 1, load_le32(entry.at(44))};
  }
  void encode(Submission& entry, FabricsType type) const;
  bool operator==(const AuthenticationExchange&) const = default;
};

/// AUTH_TYPE in the upper byte, AUTH_ID in the lower one.
enum class AuthenticationMessage : uint16_t {
  negotiate = 0x0000,
  challenge = 0x0101,
  reply = 0x0102,
  success1 = 0x0103,
  success2 = 0x0104,
  failure2 = 0x00f0,
  failure1 = 0x00f1,
};

/// REASON CODE EXPLANATION; the reason itself is always 1, Authentication failure.
enum class AuthenticationFailure : uint8_t {
  failed = 1,
  protocol_unusable = 2,
  secure_channel_mismatch = 3,
  hash_unusable = 4,
  group_unusable = 5,
  incorrect_payload = 6,
  incorrect_message = 7,
};
/// "authentication failed"; of what is none of them, a word for that.
std::string_view words_of(AuthenticationFailure failure);

/// What all of them begin with.
struct AuthenticationHeader {
  AuthenticationMessage message = AuthenticationMessage::negotiate;
  uint16_t transaction = 0;  ///< T_ID

  /// None: shorter than any message is.
  static std::optional<AuthenticationHeader> decode(ConstBytes bytes);
  bool operator==(const AuthenticationHeader&) const = default;
};

// decode(): none when the message is too short for what it says of itself. The header is the caller's to look at; what is behind the
// message is ignored, as hosts send whole buffers.

struct AuthenticationNegotiate {
  uint16_t transaction = 0;
  uint8_t secure_channel = 0;           ///< SC_C
  bool dhchap = false;                  ///< it offers DH-HMAC-CHAP
  std::vector<uint8_t> hashes, groups;  ///< numbers, those that are known and others; at most 30 of each

  static std::optional<AuthenticationNegotiate> decode(ConstBytes bytes);
  std::vector<uint8_t> encode() const;
  bool operator==(const AuthenticationNegotiate&) const = default;
};

struct DhchapChallenge {
  uint16_t transaction = 0;
  uint8_t hash = 0, group = 0;
  uint32_t sequence = 0;                         ///< S1
  std::vector<uint8_t> challenge, public_value;  ///< C1; empty when the group is null

  static std::optional<DhchapChallenge> decode(ConstBytes bytes);
  std::vector<uint8_t> encode() const;
  bool operator==(const DhchapChallenge&) const = default;
};

struct DhchapReply {
  uint16_t transaction = 0;
  uint32_t sequence = 0;           ///< S2; 0: the controller has nothing to prove
  std::vector<uint8_t> response;   ///< R1
  std::vector<uint8_t> challenge;  ///< C2, as long as the response; empty: there is none
  std::vector<uint8_t> public_value;

  static std::optional<DhchapReply> decode(ConstBytes bytes);
  std::vector<uint8_t> encode() const;
  bool operator==(const DhchapReply&) const = default;
};

struct DhchapSuccess1 {
  uint16_t transaction = 0;
  uint8_t hash_bytes = 0;         ///< also where there is no response
  std::vector<uint8_t> response;  ///< R2; empty: it was not asked for

  static std::optional<DhchapSuccess1> decode(ConstBytes bytes);
  std::vector<uint8_t> encode() const;
  bool operator==(const DhchapSuccess1&) const = default;
};

struct DhchapSuccess2 {
  uint16_t transaction = 0;
  std::vector<uint8_t> encode() const;
};

struct AuthenticationRefusal {
  bool by_host = false;  ///< AUTH_Failure2
  uint16_t transaction = 0;
  AuthenticationFailure why = AuthenticationFailure::failed;

  static std::optional<AuthenticationRefusal> decode(ConstBytes bytes);
  std::vector<uint8_t> encode() const;
  bool operator==(const AuthenticationRefusal&) const = default;
};

}  // namespace ashlar::wire::nvme
