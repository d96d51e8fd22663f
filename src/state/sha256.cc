#include "state/sha256.h"

#include <openssl/evp.h>

#include <array>

#include "base/check.h"
#include "base/identity.h"

namespace ashlar::state {

std::string sha256_hex(std::string_view bytes) {
  std::array<uint8_t, 32> digest{};
  unsigned length = 0;
  CHECK(EVP_Digest(bytes.data(), bytes.size(), digest.data(), &length, EVP_sha256(), nullptr) == 1);
  CHECK(length == digest.size());
  return hex_of(digest);
}

}  // namespace ashlar::state
