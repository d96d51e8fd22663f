#include "initiator/nvme_authentication.h"

#include <algorithm>

namespace ashlar::initiator {

using namespace wire::nvme;

NvmeAuthentication::NvmeAuthentication(NvmeProof proof, std::string host, std::string subsystem,
                                       RandomSource random)
    : proof_(std::move(proof)),
      host_(std::move(host)),
      subsystem_(std::move(subsystem)),
      random_(std::move(random)) {}

std::unexpected<Error> NvmeAuthentication::refuse(AuthenticationFailure why, std::string_view what) {
  failure_ = why;
  return ashlar::fail(ErrorCode::protocol_error, "controller", "DH-HMAC-CHAP: {}", what);
}

std::vector<uint8_t> NvmeAuthentication::negotiate() {
  random_(std::span(reinterpret_cast<uint8_t*>(&transaction_), sizeof transaction_));
  AuthenticationNegotiate message{
      .transaction = transaction_, .secure_channel = 0, .dhchap = true, .hashes = {}, .groups = {}};
  for (const DhchapHash each : proof_.hashes) message.hashes.push_back(static_cast<uint8_t>(each));
  for (const DhchapGroup each : proof_.groups) message.groups.push_back(static_cast<uint8_t>(each));
  return message.encode();
}

Result<void> NvmeAuthentication::expect(ConstBytes message, AuthenticationMessage expected) {
  const auto header = AuthenticationHeader::decode(message);
  if (!header) return refuse(AuthenticationFailure::incorrect_payload, "a message is too short");
  if (header->message == AuthenticationMessage::failure1) {
    return ashlar::fail(ErrorCode::permission_denied, "controller", "DH-HMAC-CHAP: it says: {}",
                        words_of(AuthenticationRefusal::decode(message)->why));
  }
  if (header->message != expected)
    return refuse(AuthenticationFailure::incorrect_message, "a message out of turn");
  if (header->transaction != transaction_)
    return refuse(AuthenticationFailure::incorrect_payload, "a message of another transaction");
  return {};
}

Result<std::vector<DhExponentiation>> NvmeAuthentication::take_challenge(ConstBytes message) {
  TRY(expect(message, AuthenticationMessage::challenge));
  auto asked = DhchapChallenge::decode(message);
  if (!asked) return refuse(AuthenticationFailure::incorrect_payload, "a challenge that is cut off");
  asked_ = std::move(*asked);
  hash_ = static_cast<DhchapHash>(asked_.hash);
  group_ = static_cast<DhchapGroup>(asked_.group);
  // A controller that chooses what was not offered would talk the host down.
  if (std::ranges::find(proof_.hashes, hash_) == proof_.hashes.end())
    return refuse(AuthenticationFailure::hash_unusable, "it chose a hash function that was not offered");
  if (std::ranges::find(proof_.groups, group_) == proof_.groups.end())
    return refuse(AuthenticationFailure::group_unusable, "it chose a group that was not offered");
  if (asked_.challenge.size() != digest_bytes(hash_) ||
      asked_.public_value.size() != dh_value_bytes(group_) || asked_.sequence == 0)
    return refuse(AuthenticationFailure::incorrect_payload, "a challenge of another form than it says");
  if (group_ == DhchapGroup::null) return std::vector<DhExponentiation>{};
  std::vector<uint8_t> secret(dh_secret_bytes);
  random_(secret);
  return std::vector<DhExponentiation>{{group_, secret, {}}, {group_, secret, asked_.public_value}};
}

DhchapProof NvmeAuthentication::proof_of(ConstBytes challenge, uint32_t sequence) const {
  return {.hash = hash_,
          .challenge = challenge,
          .session = session_,
          .sequence = sequence,
          .transaction = transaction_,
          .secure_channel = 0,
          .host = host_,
          .subsystem = subsystem_};
}

Result<std::vector<uint8_t>> NvmeAuthentication::reply(std::vector<std::vector<uint8_t>> values) {
  DhchapReply message;
  message.transaction = transaction_;
  if (values.size() == 2) {
    message.public_value = std::move(values[0]);
    session_ = std::move(values[1]);
  }
  TRY_ASSIGN(message.response, host_response(proof_of(asked_.challenge, asked_.sequence), proof_.key));
  if (proof_.controller_key) {
    challenge_.resize(digest_bytes(hash_));
    random_(challenge_);
    random_(std::span(reinterpret_cast<uint8_t*>(&sequence_), sizeof sequence_));
    sequence_ = std::max(sequence_, 1u);
    message.challenge = challenge_;
    message.sequence = sequence_;
  }
  return message.encode();
}

Result<std::vector<uint8_t>> NvmeAuthentication::take_success(ConstBytes message) {
  TRY(expect(message, AuthenticationMessage::success1));
  const auto success = DhchapSuccess1::decode(message);
  if (!success || success->hash_bytes != digest_bytes(hash_))
    return refuse(AuthenticationFailure::incorrect_payload, "a success of another form than it says");
  if (!proof_.controller_key) return std::vector<uint8_t>{};
  TRY_ASSIGN(const auto expected,
             controller_response(proof_of(challenge_, sequence_), *proof_.controller_key));
  if (same_proof(expected, success->response)) return DhchapSuccess2{transaction_}.encode();
  failure_ = AuthenticationFailure::failed;
  return ashlar::fail(ErrorCode::permission_denied, "controller",
                      "DH-HMAC-CHAP: the controller has not proved itself");
}

std::vector<uint8_t> NvmeAuthentication::failure() const {
  return AuthenticationRefusal{true, transaction_, failure_}.encode();
}

std::string NvmeAuthentication::text() const {
  return fmt::format("{}DH-HMAC-CHAP {} {}", proof_.controller_key ? "mutual " : "", name_of(hash_),
                     name_of(group_));
}

}  // namespace ashlar::initiator
