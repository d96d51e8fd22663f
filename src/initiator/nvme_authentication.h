// The host's half of DH-HMAC-CHAP (NVMe base 2.0 8.13.5). Pure: randomness comes from the caller, exponentiations are its work.
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/dhchap.h"
#include "wire/nvme_authentication.h"

namespace ashlar::initiator {

struct NvmeProof {
  DhchapKey key;
  std::optional<DhchapKey> controller_key;  ///< then the controller must prove itself, too
  std::vector<DhchapHash> hashes{all_dhchap_hashes.begin(), all_dhchap_hashes.end()};  ///< offered
  std::vector<DhchapGroup> groups{all_dhchap_groups.begin(), all_dhchap_groups.end()};
};

/// One transaction: negotiate(), take_challenge(), reply(), take_success(), in this order.
class NvmeAuthentication {
 public:
  using RandomSource = std::function<void(std::span<uint8_t>)>;
  NvmeAuthentication(NvmeProof proof, std::string host, std::string subsystem, RandomSource random);

  std::vector<uint8_t> negotiate();
  /// What has to be computed before reply(): the value to send and the session's, or nothing. Errors: permission_denied when the
  /// controller refuses, protocol_error for a message that does not fit; then failure() is what to tell it.
  Result<std::vector<DhExponentiation>> take_challenge(ConstBytes message);
  /// `values`: of what take_challenge() gave.
  Result<std::vector<uint8_t>> reply(std::vector<std::vector<uint8_t>> values);
  /// The last word for the controller; empty: there is none. Errors: permission_denied when one of the two has not proved itself.
  Result<std::vector<uint8_t>> take_success(ConstBytes message);
  /// AUTH_Failure2.
  std::vector<uint8_t> failure() const;
  /// For status.
  std::string text() const;

 private:
  Result<void> expect(ConstBytes message, wire::nvme::AuthenticationMessage expected);
  std::unexpected<Error> refuse(wire::nvme::AuthenticationFailure why, std::string_view what);
  DhchapProof proof_of(ConstBytes challenge, uint32_t sequence) const;

  const NvmeProof proof_;
  const std::string host_, subsystem_;
  RandomSource random_;
  uint16_t transaction_ = 0;
  wire::nvme::DhchapChallenge asked_;
  DhchapHash hash_ = DhchapHash::sha256;
  DhchapGroup group_ = DhchapGroup::null;
  std::vector<uint8_t> session_, challenge_;  // challenge_: C2; empty: not asked
  uint32_t sequence_ = 0;                     // S2
  wire::nvme::AuthenticationFailure failure_ = wire::nvme::AuthenticationFailure::failed;
};

}  // namespace ashlar::initiator
