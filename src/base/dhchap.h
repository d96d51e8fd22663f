// The mathematics of DH-HMAC-CHAP (NVMe base 2.0 8.13.5), the same for host and controller. Pure: what is random comes from the caller.
#pragma once

#include <string>
#include <vector>

#include "base/dhchap_key.h"
#include "base/secret_text.h"

namespace ashlar {

/// 32, 48 or 64; 0: there is no such hash.
size_t digest_bytes(DhchapHash hash);
/// Of the values that are exchanged, and of what comes of them; 0 for null.
size_t dh_value_bytes(DhchapGroup group);
/// Random bytes behind one side's value: twice the strength of the strongest group, and more (RFC 7919 5.2).
constexpr size_t dh_secret_bytes = 64;

/// One exponentiation in a group (not null): up to a second of work, for a worker.
struct DhExponentiation {
  DhchapGroup group = DhchapGroup::ffdhe2048;
  std::vector<uint8_t> secret;  ///< dh_secret_bytes
  std::vector<uint8_t> base;    ///< the peer's value; empty: the generator, which gives the value to send

  /// dh_value_bytes(group) bytes. Errors: protocol_error for a base that is no value of the group, unsupported when this OpenSSL
  /// does not do it.
  Result<std::vector<uint8_t>> run() const;
};

/// Who proves what: the parts of a response (8.13.5.4 and 8.13.5.5).
struct DhchapProof {
  DhchapHash hash = DhchapHash::sha256;
  ConstBytes challenge;              ///< digest_bytes(hash)
  ConstBytes session;                ///< what the exchange gave; empty: the group is null
  uint32_t sequence = 0;             ///< S1 or S2
  uint16_t transaction = 0;          ///< T_ID
  uint8_t secure_channel = 0;        ///< SC_C
  std::string_view host, subsystem;  ///< NQNs
};
/// R1, with the host's key. Errors: unsupported, when OpenSSL has the hash switched off.
Result<std::vector<uint8_t>> host_response(const DhchapProof& proof, const DhchapKey& key);
/// R2, with the controller's.
Result<std::vector<uint8_t>> controller_response(const DhchapProof& proof, const DhchapKey& key);

/// Compares in a time that does not tell where they differ.
bool same_proof(ConstBytes left, ConstBytes right);

}  // namespace ashlar
