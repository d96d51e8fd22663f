#include "wire/nvme_authentication.h"

#include <algorithm>

namespace ashlar::wire::nvme {
namespace {

constexpr size_t header_bytes = 16;  // of a challenge, a reply and a success
constexpr size_t failure_bytes = 8;
constexpr size_t descriptor_bytes = 64;  // of one protocol that is offered
constexpr size_t most_numbers = 30;      // HALEN and DHLEN, by the room there is
constexpr uint8_t dhchap_protocol = 1;   // AuthID

std::vector<uint8_t> begin(AuthenticationMessage message, uint16_t transaction, size_t bytes) {
  std::vector<uint8_t> made(bytes);
  made[0] = static_cast<uint8_t>(static_cast<uint16_t>(message) >> 8);
  made[1] = static_cast<uint8_t>(message);
  store_le16(made.data() + 4, transaction);
  return made;
}

void append(std::vector<uint8_t>& to, ConstBytes bytes) { to.insert(to.end(), bytes.begin(), bytes.end()); }

std::vector<uint8_t> part(ConstBytes bytes, size_t offset, size_t count) {
  const ConstBytes found = bytes.subspan(offset, count);
  return {found.begin(), found.end()};
}

}  // namespace

void AuthenticationExchange::encode(Submission& entry, FabricsType type) const {
  entry.set_opcode(fabrics_opcode);
  entry.bytes[4] = static_cast<uint8_t>(type);
  entry.bytes[41] = entry.bytes[42] = known_protocol ? 1 : 0;
  entry.bytes[43] = known_protocol ? 0xe9 : 0;
  entry.set_word(11, bytes);
}

std::string_view words_of(AuthenticationFailure failure) {
  switch (failure) {
    case AuthenticationFailure::failed: return "authentication failed";
    case AuthenticationFailure::protocol_unusable: return "authentication protocol not usable";
    case AuthenticationFailure::secure_channel_mismatch: return "secure channel concatenation mismatch";
    case AuthenticationFailure::hash_unusable: return "hash function not usable";
    case AuthenticationFailure::group_unusable: return "Diffie-Hellman group not usable";
    case AuthenticationFailure::incorrect_payload: return "incorrect payload";
    case AuthenticationFailure::incorrect_message: return "incorrect protocol message";
  }
  return "no known reason";
}

std::optional<AuthenticationHeader> AuthenticationHeader::decode(ConstBytes bytes) {
  if (bytes.size() < failure_bytes) return std::nullopt;
  return AuthenticationHeader{static_cast<AuthenticationMessage>(bytes[0] << 8 | bytes[1]),
                              load_le16(bytes.data() + 4)};
}

// NAPD descriptors of 64 bytes; those of other protocols are passed over.
std::optional<AuthenticationNegotiate> AuthenticationNegotiate::decode(ConstBytes bytes) {
  if (bytes.size() < failure_bytes) return std::nullopt;
  AuthenticationNegotiate made;
  made.transaction = load_le16(bytes.data() + 4);
  made.secure_channel = bytes[6];
  const size_t descriptors = bytes[7];
  if (bytes.size() < failure_bytes + descriptors * descriptor_bytes) return std::nullopt;
  for (size_t i = 0; i < descriptors && !made.dhchap; ++i) {
    const ConstBytes each = bytes.subspan(failure_bytes + i * descriptor_bytes, descriptor_bytes);
    if (each[0] != dhchap_protocol) continue;
    if (each[2] > most_numbers || each[3] > most_numbers) return std::nullopt;
    made.dhchap = true;
    made.hashes = part(each, 4, each[2]);
    made.groups = part(each, 4 + most_numbers, each[3]);
  }
  return made;
}

std::vector<uint8_t> AuthenticationNegotiate::encode() const {
  auto made =
      begin(AuthenticationMessage::negotiate, transaction, failure_bytes + (dhchap ? descriptor_bytes : 0));
  made[6] = secure_channel;
  made[7] = dhchap ? 1 : 0;
  if (!dhchap) return made;
  uint8_t* descriptor = made.data() + failure_bytes;
  const size_t hash_count = std::min(hashes.size(), most_numbers),
               group_count = std::min(groups.size(), most_numbers);
  descriptor[0] = dhchap_protocol;
  descriptor[2] = static_cast<uint8_t>(hash_count);
  descriptor[3] = static_cast<uint8_t>(group_count);
  std::copy_n(hashes.begin(), hash_count, descriptor + 4);
  std::copy_n(groups.begin(), group_count, descriptor + 4 + most_numbers);
  return made;
}

std::optional<DhchapChallenge> DhchapChallenge::decode(ConstBytes bytes) {
  if (bytes.size() < header_bytes) return std::nullopt;
  const size_t hash_bytes = bytes[6], value_bytes = load_le16(bytes.data() + 10);
  if (bytes.size() < header_bytes + hash_bytes + value_bytes) return std::nullopt;
  return DhchapChallenge{load_le16(bytes.data() + 4),
                         bytes[8],
                         bytes[9],
                         load_le32(bytes.data() + 12),
                         part(bytes, header_bytes, hash_bytes),
                         part(bytes, header_bytes + hash_bytes, value_bytes)};
}

std::vector<uint8_t> DhchapChallenge::encode() const {
  auto made = begin(AuthenticationMessage::challenge, transaction, header_bytes);
  made[6] = static_cast<uint8_t>(challenge.size());
  made[8] = hash;
  made[9] = group;
  store_le16(made.data() + 10, static_cast<uint16_t>(public_value.size()));
  store_le32(made.data() + 12, sequence);
  append(made, challenge);
  append(made, public_value);
  return made;
}

// The place of C2 is there whether or not it is valid.
std::optional<DhchapReply> DhchapReply::decode(ConstBytes bytes) {
  if (bytes.size() < header_bytes) return std::nullopt;
  const size_t hash_bytes = bytes[6], value_bytes = load_le16(bytes.data() + 10);
  if (bytes.size() < header_bytes + 2 * hash_bytes + value_bytes) return std::nullopt;
  const bool challenged = (bytes[8] & 1) != 0;
  return DhchapReply{load_le16(bytes.data() + 4), load_le32(bytes.data() + 12),
                     part(bytes, header_bytes, hash_bytes),
                     part(bytes, header_bytes + hash_bytes, challenged ? hash_bytes : 0),
                     part(bytes, header_bytes + 2 * hash_bytes, value_bytes)};
}

std::vector<uint8_t> DhchapReply::encode() const {
  auto made = begin(AuthenticationMessage::reply, transaction, header_bytes);
  made[6] = static_cast<uint8_t>(response.size());
  made[8] = challenge.empty() ? 0 : 1;
  store_le16(made.data() + 10, static_cast<uint16_t>(public_value.size()));
  store_le32(made.data() + 12, sequence);
  append(made, response);
  append(made, challenge);
  made.resize(header_bytes + 2 * response.size());
  append(made, public_value);
  return made;
}

std::optional<DhchapSuccess1> DhchapSuccess1::decode(ConstBytes bytes) {
  if (bytes.size() < header_bytes) return std::nullopt;
  const bool answered = (bytes[8] & 1) != 0;
  const size_t response_bytes = answered ? bytes[6] : 0;
  if (bytes.size() < header_bytes + response_bytes) return std::nullopt;
  return DhchapSuccess1{load_le16(bytes.data() + 4), bytes[6], part(bytes, header_bytes, response_bytes)};
}

std::vector<uint8_t> DhchapSuccess1::encode() const {
  auto made = begin(AuthenticationMessage::success1, transaction, header_bytes);
  made[6] = hash_bytes;
  made[8] = response.empty() ? 0 : 1;
  append(made, response);
  return made;
}

std::vector<uint8_t> DhchapSuccess2::encode() const {
  return begin(AuthenticationMessage::success2, transaction, header_bytes);
}

std::optional<AuthenticationRefusal> AuthenticationRefusal::decode(ConstBytes bytes) {
  if (bytes.size() < failure_bytes) return std::nullopt;
  return AuthenticationRefusal{bytes[1] == static_cast<uint8_t>(AuthenticationMessage::failure2),
                               load_le16(bytes.data() + 4), static_cast<AuthenticationFailure>(bytes[7])};
}

std::vector<uint8_t> AuthenticationRefusal::encode() const {
  auto made = begin(by_host ? AuthenticationMessage::failure2 : AuthenticationMessage::failure1, transaction,
                    failure_bytes);
  made[6] = 1;
  made[7] = static_cast<uint8_t>(why);
  return made;
}

}  // namespace ashlar::wire::nvme
