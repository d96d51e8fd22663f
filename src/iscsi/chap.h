// CHAP and mutual CHAP as a target speaks them (RFC 7143 12.1.3, RFC 1994). Pure: randomness comes from the caller.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "unit/host_view.h"
#include "wire/iscsi_text.h"

namespace ashlar::iscsi {

/// Fills the span with bytes that nobody can guess (Loop::random).
using RandomSource = std::function<void(std::span<uint8_t>)>;

/// CHAP_A numbers (RFC 7143 12.1.3 and IANA's registry "PPP Authentication Algorithms").
enum class ChapAlgorithm : uint8_t { md5 = 5, sha1 = 6, sha256 = 7, sha3_256 = 8 };

std::string_view name_of(ChapAlgorithm algorithm);  ///< "SHA3-256", "SHA-256", "SHA1", "MD5"
size_t digest_bytes(ChapAlgorithm algorithm);
/// The strongest algorithm in CHAP_A's list ("5,7"), or nothing when we know none of them.
std::optional<ChapAlgorithm> choose_chap_algorithm(std::string_view list);
/// H(identifier | secret | challenge), RFC 1994 4.1. Fails with unsupported when OpenSSL has the hash switched off.
Result<std::vector<uint8_t>> chap_response(ChapAlgorithm algorithm, uint8_t identifier,
                                           std::string_view secret, ConstBytes challenge);

/// CHAP_C and CHAP_R are at most 1024 bytes (RFC 7143 12.1.3).
constexpr size_t max_chap_bytes = 1024;

/// The target's half of one authentication. Steps: CHAP_A -> challenge; CHAP_N, CHAP_R [, CHAP_I, CHAP_C] -> verdict.
class ChapTarget {
 public:
  /// `views` (at least one): whose credentials may be proved; CHAP_N picks among them. Held, so that no secret is copied.
  ChapTarget(std::vector<std::shared_ptr<const unit::HostView>> views, RandomSource random);

  /// Takes the CHAP_* pairs of one complete text (others are ignored) and writes the answer. No such pairs: nothing happens.
  /// Errors: protocol_error for keys out of order or malformed, permission_denied when the proof fails. Both end the login
  /// with "authentication failure"; no message holds a secret, a challenge or a response.
  Result<void> apply(const wire::iscsi::TextPairs& pairs, wire::iscsi::TextWriter& answer);
  bool done() const { return step_ == Step::done; }
  /// "CHAP SHA-256" or "mutual CHAP MD5"; for done().
  std::string text() const;

 private:
  enum class Step : uint8_t { algorithm, response, done };
  Result<void> choose(std::string_view list, wire::iscsi::TextWriter& answer);
  Result<void> verify(const wire::iscsi::TextPairs& pairs, wire::iscsi::TextWriter& answer);
  Result<void> answer_back(const unit::ChapCredentials& credentials, std::string_view identifier,
                           std::string_view challenge, wire::iscsi::TextWriter& answer);
  const unit::ChapCredentials* credentials_of(std::string_view user) const;

  std::vector<std::shared_ptr<const unit::HostView>> views_;
  RandomSource random_;
  Step step_ = Step::algorithm;
  ChapAlgorithm algorithm_ = ChapAlgorithm::md5;
  uint8_t identifier_ = 0;
  std::vector<uint8_t> challenge_;
  bool mutual_ = false;
};

}  // namespace ashlar::iscsi
