// Pre-shared keys of TLS for NVMe/TCP (NVMe/TCP 1.0 3.6.1.3 to 3.6.1.6): how people write them down, and what is derived of them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"

namespace ashlar {

/// As the interchange format and PSK identities number them.
enum class PskHash : uint8_t { none = 0, sha256 = 1, sha384 = 2 };
/// 32 or 48.
size_t psk_bytes(PskHash hash);

/// What an administrator gives to a host and to the array.
struct ConfiguredPsk {
  /// With which it is transformed for a host (3.6.1.4); none: it is used as it is.
  PskHash transform = PskHash::sha256;
  std::vector<uint8_t> key;  ///< 32 bytes, of sha384 48; of none either
  bool operator==(const ConfiguredPsk&) const = default;
  /// The hash of its length: the one of the cipher suite that it is for.
  PskHash hash() const {
    return key.size() == psk_bytes(PskHash::sha384) ? PskHash::sha384 : PskHash::sha256;
  }
};

/// "NVMeTLSkey-1:01:BASE64:", with a CRC-32 behind the key. What it says of a wrong one does not quote it.
Result<ConfiguredPsk> parse_tls_key(std::string_view text, std::string_view place);
std::string print_tls_key(const ConfiguredPsk& psk);

/// The name of a key in a handshake: "NVMe0R01 HOSTNQN SUBNQN", in version 1 with a digest of the key behind it.
struct PskIdentity {
  uint8_t version = 0;  ///< 0 or 1
  PskHash hash = PskHash::sha256;
  std::string host, subsystem;  ///< NQNs, not checked
  std::string digest;           ///< base64; of version 1
};
/// invalid_argument: no identity of a retained PSK.
Result<PskIdentity> parse_psk_identity(std::string_view text);

/// How HkdfLabel is put together.
enum class PskLabels : uint8_t {
  standard,   ///< RFC 8446 7.1: with the lengths of label and context
  unmeasured  ///< libnvme before 1.15: without them, and the length of the key little-endian
};

/// What one host proves itself with to one subsystem.
struct TlsPsk {
  std::string identity;
  PskHash hash = PskHash::sha256;  ///< of the cipher suite: TLS_AES_128_GCM_SHA256 or TLS_AES_256_GCM_SHA384
  std::vector<uint8_t> key;
};
/// out_of_range: the names are too long for version 0, where the identity is part of what is hashed (255 bytes).
Result<TlsPsk> derive_tls_psk(const ConfiguredPsk& configured, std::string_view host,
                              std::string_view subsystem, uint8_t version,
                              PskLabels labels = PskLabels::standard);

}  // namespace ashlar
