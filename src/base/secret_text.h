// Secrets as NVMe has people write them: MARK:0H:BASE64:, where BASE64 has the secret and its CRC-32 (base 2.0 8.13.5.8,
// NVMe/TCP 1.0 3.6.1.5).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"

namespace ashlar {

/// One kind of secret, and how it is spoken of.
struct SecretForm {
  std::string_view mark;    ///< "DHHC-1:"
  std::string_view kind;    ///< "key of DH-HMAC-CHAP"
  std::string_view maker;   ///< "gen-dhchap-key", the command of nvme-cli that prints one
  char last_hash = '0';     ///< H is from 0 to this
  std::string_view hashes;  ///< "00, 01 or 02"
  bool (*fits)(uint8_t hash, size_t bytes) = nullptr;  ///< secrets of that length are there
  std::string_view lengths;                            ///< "32, 48 or 64"
};

struct SecretText {
  uint8_t hash = 0;  ///< H
  std::vector<uint8_t> secret;
};

/// Errors: invalid_argument that says what is wrong, and shows nothing of the secret.
Result<SecretText> parse_secret_text(std::string_view text, const SecretForm& form, std::string_view place);
std::string print_secret_text(const SecretForm& form, uint8_t hash, ConstBytes secret);

/// So that nothing of it stays in memory.
void forget_secret(std::vector<uint8_t>& bytes);

}  // namespace ashlar
