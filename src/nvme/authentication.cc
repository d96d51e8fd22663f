#include "nvme/authentication.h"

#include <algorithm>
#include <chrono>

namespace ashlar::nvme {

using wire::nvme::AuthenticationFailure;
using wire::nvme::AuthenticationHeader;
using wire::nvme::AuthenticationMessage;
using wire::nvme::AuthenticationNegotiate;
using wire::nvme::AuthenticationRefusal;
using wire::nvme::DhchapChallenge;
using wire::nvme::DhchapReply;
using wire::nvme::DhchapSuccess1;

namespace {

// The first of ours that the host has.
template <typename T>
std::optional<T> first_of(const std::vector<T>& ours, const std::vector<uint8_t>& offered) {
  for (const T each : ours) {
    if (std::ranges::find(offered, static_cast<uint8_t>(each)) != offered.end()) return each;
  }
  return std::nullopt;
}

}  // namespace

Authentication::Authentication(std::string host, std::string subsystem, RandomSource random)
    : host_(std::move(host)), subsystem_(std::move(subsystem)), random_(std::move(random)) {}

Authentication::Step Authentication::fail(AuthenticationFailure why, std::string reason) {
  state_ = State::failure_ready;
  failure_ = why;
  reason_ = std::move(reason);
  view_ = nullptr;
  forget();
  return {};
}

// What the exchange is made of, and what came of it: wherever a transaction ends, and when the connection is lost in its midst.
void Authentication::forget() {
  forget_secret(secret_);
  forget_secret(session_);
}

Authentication::Step Authentication::apply(ConstBytes message, std::shared_ptr<const unit::HostView> view,
                                           loop::Nanoseconds held_back) {
  if (state_ == State::over || state_ == State::failure_ready) return {};
  const auto header = AuthenticationHeader::decode(message);
  if (!header)
    return fail(AuthenticationFailure::incorrect_payload, "a message of authentication is too short");
  if (header->message == AuthenticationMessage::negotiate) {
    forget();  // of one that it breaks off
    transaction_ = header->transaction;
    view_ = std::move(view);
    return negotiate(message, held_back);
  }
  const bool expected =
      (header->message == AuthenticationMessage::reply && state_ == State::awaiting_reply) ||
      (header->message == AuthenticationMessage::success2 && state_ == State::awaiting_success2) ||
      (header->message == AuthenticationMessage::failure2 && under_way());
  if (!expected) {
    return fail(
        AuthenticationFailure::incorrect_message,
        fmt::format("message {:04x}h of authentication out of turn", static_cast<unsigned>(header->message)));
  }
  if (header->transaction != transaction_) {
    return fail(AuthenticationFailure::incorrect_payload,
                fmt::format("a message of transaction {} of authentication within transaction {}",
                            header->transaction, transaction_));
  }
  if (header->message == AuthenticationMessage::reply) {
    // Those that were challenged before others of that source failed are guesses like theirs.
    if (held_back > loop::Nanoseconds{}) return hold_back(held_back);
    return take_reply(message);
  }
  if (header->message == AuthenticationMessage::success2) return prove();
  const auto refusal = AuthenticationRefusal::decode(message);
  fail(AuthenticationFailure::failed,
       fmt::format("the host ended the authentication: {}", words_of(refusal->why)));
  state_ = State::over;
  return {.work = {}, .over = true};
}

Authentication::Step Authentication::hold_back(loop::Nanoseconds span) {
  return fail(AuthenticationFailure::failed,
              fmt::format("too many proofs from this address failed; it may try again in {} s",
                          std::chrono::ceil<loop::seconds>(span).count()));
}

// Figures 441 to 443.
Authentication::Step Authentication::negotiate(ConstBytes message, loop::Nanoseconds held_back) {
  if (view_ == nullptr || !view_->dhchap)
    return fail(AuthenticationFailure::failed, "the host wants to authenticate, but no key is set for it");
  if (held_back > loop::Nanoseconds{}) return hold_back(held_back);
  const auto offered = AuthenticationNegotiate::decode(message);
  if (!offered) return fail(AuthenticationFailure::incorrect_payload, "AUTH_Negotiate is malformed");
  if (offered->secure_channel != 0) {
    return fail(AuthenticationFailure::secure_channel_mismatch,
                "the host wants a secure channel made of the authentication, which is not done here");
  }
  if (!offered->dhchap)
    return fail(AuthenticationFailure::protocol_unusable, "the host does not offer DH-HMAC-CHAP");
  if (!choose(*offered)) return {};
  challenge_.resize(digest_bytes(hash_));
  random_(challenge_);
  random_(std::span(reinterpret_cast<uint8_t*>(&sequence_), sizeof sequence_));
  sequence_ = std::max(sequence_, 1u);
  value_.clear();
  response_.clear();
  if (group_ == DhchapGroup::null) {
    state_ = State::challenge_ready;
    return {};
  }
  secret_.resize(dh_secret_bytes);
  random_(secret_);
  state_ = State::computing_value;
  return {.work = DhExponentiation{group_, secret_, {}}};
}

bool Authentication::choose(const AuthenticationNegotiate& offered) {
  const auto hash = first_of(credentials().hashes, offered.hashes);
  if (!hash) {
    fail(AuthenticationFailure::hash_unusable, "the host offers no hash function that is allowed for it");
    return false;
  }
  const auto group = first_of(credentials().groups, offered.groups);
  if (!group) {
    fail(AuthenticationFailure::group_unusable,
         "the host offers no Diffie-Hellman group that is allowed for it");
    return false;
  }
  hash_ = *hash;
  group_ = *group;
  return true;
}

Authentication::Step Authentication::computed(Result<std::vector<uint8_t>> value) {
  if (state_ == State::computing_value) {
    if (!value) return fail(AuthenticationFailure::group_unusable, value.error().text());
    value_ = std::move(*value);
    state_ = State::challenge_ready;
    return {};
  }
  CHECK(state_ == State::computing_session, "a value that nobody asked for");
  forget_secret(secret_);
  // A value of small order is no mistake that happens (8.13.5.3).
  if (!value) return fail(AuthenticationFailure::incorrect_payload, value.error().text());
  session_ = std::move(*value);
  return verify();
}

// Figure 446: lengths are those of what was chosen.
Authentication::Step Authentication::take_reply(ConstBytes message) {
  auto reply = DhchapReply::decode(message);
  const bool fits = reply && reply->response.size() == digest_bytes(hash_) &&
                    reply->public_value.size() == dh_value_bytes(group_);
  if (!fits) return fail(AuthenticationFailure::incorrect_payload, "DH-HMAC-CHAP_Reply is malformed");
  reply_ = std::move(*reply);
  session_.clear();
  if (group_ == DhchapGroup::null) return verify();
  state_ = State::computing_session;
  return {.work = DhExponentiation{group_, secret_, reply_.public_value}};
}

DhchapProof Authentication::proof(ConstBytes challenge, uint32_t sequence) const {
  return {.hash = hash_,
          .challenge = challenge,
          .session = session_,
          .sequence = sequence,
          .transaction = transaction_,
          .secure_channel = 0,
          .host = host_,
          .subsystem = subsystem_};
}

Authentication::Step Authentication::verify() {
  const auto expected = host_response(proof(challenge_, sequence_), credentials().key);
  if (!expected) return fail(AuthenticationFailure::hash_unusable, expected.error().text());
  if (!same_proof(*expected, reply_.response)) {
    fail(AuthenticationFailure::failed, "wrong DH-HMAC-CHAP key");
    return {.work = {}, .proof_failed = true};
  }
  // A C2 with S2 0 is for keys of a secure channel alone (figure 446).
  if (!reply_.challenge.empty() && reply_.sequence != 0) {
    if (!credentials().controller_key) {
      return fail(
          AuthenticationFailure::failed,
          "the host wants the controller to prove itself, but no key of the controller is set for it");
    }
    // A reflected challenge would make us prove to ourselves.
    if (same_proof(reply_.challenge, challenge_))
      return fail(AuthenticationFailure::failed, "our own challenge was reflected");
    auto response =
        controller_response(proof(reply_.challenge, reply_.sequence), *credentials().controller_key);
    if (!response) return fail(AuthenticationFailure::hash_unusable, response.error().text());
    response_ = std::move(*response);
  }
  forget_secret(session_);
  state_ = State::success_ready;
  return {};
}

Authentication::Step Authentication::prove() {
  state_ = State::idle;
  text_ = fmt::format("{}DH-HMAC-CHAP {} {}", response_.empty() ? "" : "mutual ", name_of(hash_),
                      name_of(group_));
  view_ = nullptr;
  return {.work = {}, .proved = true};
}

std::vector<uint8_t> Authentication::challenge_message() {
  return DhchapChallenge{
      transaction_, static_cast<uint8_t>(hash_), static_cast<uint8_t>(group_), sequence_, challenge_, value_}
      .encode();
}

std::optional<Authentication::Answer> Authentication::answer() {
  switch (state_) {
    case State::challenge_ready: state_ = State::awaiting_reply; return Answer{challenge_message()};
    case State::success_ready: {
      Answer said{
          DhchapSuccess1{transaction_, static_cast<uint8_t>(digest_bytes(hash_)), response_}.encode()};
      // The host proves by Success2 that it is content with our answer (8.13.5.5).
      if (response_.empty()) {
        said.proved = prove().proved;
      } else {
        state_ = State::awaiting_success2;
      }
      return said;
    }
    case State::failure_ready:
      state_ = State::over;
      return Answer{.message = AuthenticationRefusal{false, transaction_, failure_}.encode(), .failed = true};
    default: return std::nullopt;
  }
}

}  // namespace ashlar::nvme
