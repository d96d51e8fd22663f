#include "iscsi/chap.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include <algorithm>

#include "base/check.h"

namespace ashlar::iscsi {
namespace {

using unit::ChapCredentials;
using wire::iscsi::find_value;
using wire::iscsi::TextPairs;
using wire::iscsi::TextWriter;

// Strongest first: what is taken of a host's list.
constexpr std::array preference = {ChapAlgorithm::sha3_256, ChapAlgorithm::sha256, ChapAlgorithm::sha1,
                                   ChapAlgorithm::md5};

const EVP_MD* hash_of(ChapAlgorithm algorithm) {
  switch (algorithm) {
    case ChapAlgorithm::md5: return EVP_md5();
    case ChapAlgorithm::sha1: return EVP_sha1();
    case ChapAlgorithm::sha256: return EVP_sha256();
    case ChapAlgorithm::sha3_256: return EVP_sha3_256();
  }
  return nullptr;
}

bool equal_in_constant_time(ConstBytes left, ConstBytes right) {
  return left.size() == right.size() && CRYPTO_memcmp(left.data(), right.data(), left.size()) == 0;
}

std::unexpected<Error> out_of_order(std::string_view key) {
  return fail(ErrorCode::protocol_error, std::string(key), "is out of order or missing");
}

}  // namespace

std::string_view name_of(ChapAlgorithm algorithm) {
  switch (algorithm) {
    case ChapAlgorithm::md5: return "MD5";
    case ChapAlgorithm::sha1: return "SHA1";
    case ChapAlgorithm::sha256: return "SHA-256";
    case ChapAlgorithm::sha3_256: return "SHA3-256";
  }
  return "unknown";
}

size_t digest_bytes(ChapAlgorithm algorithm) {
  switch (algorithm) {
    case ChapAlgorithm::md5: return 16;
    case ChapAlgorithm::sha1: return 20;
    case ChapAlgorithm::sha256:
    case ChapAlgorithm::sha3_256: return 32;
  }
  return 0;
}

std::optional<ChapAlgorithm> choose_chap_algorithm(std::string_view list) {
  const auto items = wire::iscsi::parse_list("CHAP_A", list);
  if (!items) return std::nullopt;
  for (const ChapAlgorithm algorithm : preference) {
    const auto offered = [&](std::string_view item) {
      const auto number = wire::iscsi::parse_number("CHAP_A", item);
      return number && *number == static_cast<uint64_t>(algorithm);
    };
    if (std::any_of(items->begin(), items->end(), offered)) return algorithm;
  }
  return std::nullopt;
}

Result<std::vector<uint8_t>> chap_response(ChapAlgorithm algorithm, uint8_t identifier,
                                           std::string_view secret, ConstBytes challenge) {
  const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(), EVP_MD_CTX_free);
  std::vector<uint8_t> digest(digest_bytes(algorithm));
  // Piece by piece, so that no copy of the secret is left in memory.
  const bool good = context && EVP_DigestInit_ex(context.get(), hash_of(algorithm), nullptr) == 1 &&
                    EVP_DigestUpdate(context.get(), &identifier, 1) == 1 &&
                    EVP_DigestUpdate(context.get(), secret.data(), secret.size()) == 1 &&
                    EVP_DigestUpdate(context.get(), challenge.data(), challenge.size()) == 1 &&
                    EVP_DigestFinal_ex(context.get(), digest.data(), nullptr) == 1;
  if (!good)
    return fail(ErrorCode::unsupported, "CHAP_A", "OpenSSL does not compute {} here", name_of(algorithm));
  return digest;
}

ChapTarget::ChapTarget(std::vector<std::shared_ptr<const unit::HostView>> views, RandomSource random)
    : views_(std::move(views)), random_(std::move(random)) {
  CHECK(!views_.empty());
}

Result<void> ChapTarget::apply(const TextPairs& pairs, TextWriter& answer) {
  const bool any =
      std::any_of(pairs.begin(), pairs.end(), [](const auto& pair) { return pair.key.starts_with("CHAP_"); });
  if (!any) return {};
  const std::string_view* list = find_value(pairs, "CHAP_A");
  if (step_ == Step::response && list == nullptr) return verify(pairs, answer);
  if (step_ != Step::algorithm || list == nullptr)
    return out_of_order(step_ == Step::algorithm ? "CHAP_A" : "CHAP");
  for (const std::string_view later : {"CHAP_I", "CHAP_C", "CHAP_N", "CHAP_R"}) {
    if (find_value(pairs, later) != nullptr) return out_of_order(later);
  }
  return choose(*list, answer);
}

Result<void> ChapTarget::choose(std::string_view list, TextWriter& answer) {
  const std::optional<ChapAlgorithm> chosen = choose_chap_algorithm(list);
  if (!chosen)
    return fail(ErrorCode::permission_denied, "CHAP_A", "no algorithm in common: '{}' was offered",
                wire::iscsi::shortened(list));
  algorithm_ = *chosen;
  random_(std::span(&identifier_, 1));
  // As long as the hash: a shorter one gives away strength, a longer one none (RFC 1994 2.3), and old hosts have small buffers.
  challenge_.resize(digest_bytes(algorithm_));
  random_(challenge_);
  answer.add("CHAP_A", static_cast<uint64_t>(algorithm_));
  answer.add("CHAP_I", uint64_t{identifier_});
  answer.add("CHAP_C", wire::iscsi::binary_as_hex(challenge_));
  step_ = Step::response;
  return {};
}

const ChapCredentials* ChapTarget::credentials_of(std::string_view user) const {
  for (const auto& view : views_) {
    // A view without credentials proves nothing: an empty CHAP_N must not find it.
    if (!user.empty() && view->chap.user == user) return &view->chap;
  }
  return nullptr;
}

Result<void> ChapTarget::verify(const TextPairs& pairs, TextWriter& answer) {
  const std::string_view* name = find_value(pairs, "CHAP_N");
  const std::string_view* proof = find_value(pairs, "CHAP_R");
  if (name == nullptr || proof == nullptr) return out_of_order(name == nullptr ? "CHAP_N" : "CHAP_R");
  TRY_ASSIGN(const auto response, wire::iscsi::parse_binary("CHAP_R", *proof, max_chap_bytes));

  // An unknown user costs the same work as a known one, so that time does not tell who exists.
  const ChapCredentials* credentials = credentials_of(*name);
  const std::string& secret = credentials != nullptr ? credentials->secret : views_.front()->chap.secret;
  TRY_ASSIGN(const auto expected, chap_response(algorithm_, identifier_, secret, challenge_));
  const bool proved = equal_in_constant_time(response, expected);
  if (credentials == nullptr)
    return fail(ErrorCode::permission_denied, "CHAP_N", "unknown CHAP user '{}'",
                wire::iscsi::shortened(*name));
  if (!proved)
    return fail(ErrorCode::permission_denied, "CHAP_R", "wrong CHAP secret for user '{}'",
                wire::iscsi::shortened(*name));

  const std::string_view* identifier = find_value(pairs, "CHAP_I");
  const std::string_view* challenge = find_value(pairs, "CHAP_C");
  if ((identifier == nullptr) != (challenge == nullptr))
    return out_of_order(identifier == nullptr ? "CHAP_I" : "CHAP_C");
  if (identifier != nullptr) TRY(answer_back(*credentials, *identifier, *challenge, answer));
  step_ = Step::done;
  return {};
}

Result<void> ChapTarget::answer_back(const ChapCredentials& credentials, std::string_view identifier,
                                     std::string_view challenge, TextWriter& answer) {
  TRY_ASSIGN(const uint64_t number, wire::iscsi::parse_number("CHAP_I", identifier));
  if (number > 255) return fail(ErrorCode::protocol_error, "CHAP_I", "{} is not 0 to 255", number);
  TRY_ASSIGN(const auto bytes, wire::iscsi::parse_binary("CHAP_C", challenge, max_chap_bytes));
  if (credentials.mutual_user.empty()) {
    return fail(ErrorCode::permission_denied, "CHAP_C",
                "the host wants this target to prove itself, but no mutual secret is set for it");
  }
  // A reflected challenge would make us prove to ourselves, and one secret for both directions invites it (RFC 7143 9.2.1).
  if (equal_in_constant_time(bytes, challenge_))
    return fail(ErrorCode::permission_denied, "CHAP_C", "our own challenge was reflected");
  if (credentials.secret == credentials.mutual_secret) {
    return fail(ErrorCode::permission_denied, "CHAP_C",
                "the same secret is set for both directions: set another mutual secret");
  }
  TRY_ASSIGN(const auto response,
             chap_response(algorithm_, static_cast<uint8_t>(number), credentials.mutual_secret, bytes));
  answer.add("CHAP_N", credentials.mutual_user);
  answer.add("CHAP_R", wire::iscsi::binary_as_hex(response));
  mutual_ = true;
  return {};
}

std::string ChapTarget::text() const {
  return fmt::format("{}CHAP {}", mutual_ ? "mutual " : "", name_of(algorithm_));
}

}  // namespace ashlar::iscsi
