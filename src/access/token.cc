#include "access/token.h"

#include <openssl/evp.h>

#include <array>

#include "base/check.h"
#include "base/identity.h"

namespace ashlar::access {

std::string make_token(const RandomSource& random) { return "ashlar_" + random_text(32, random); }

std::string hash_token(std::string_view token) {
  std::array<uint8_t, 32> digest{};
  unsigned int size = 0;
  const int done = ::EVP_Digest(token.data(), token.size(), digest.data(), &size, ::EVP_sha256(), nullptr);
  CHECK(done == 1 && size == digest.size(), "this libcrypto has no SHA-256");
  return hex_of(digest);
}

}  // namespace ashlar::access
