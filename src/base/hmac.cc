#include "base/hmac.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>

#include <memory>
#include <string>

namespace ashlar {
namespace {

struct FreedMac {
  void operator()(EVP_MAC* each) const { EVP_MAC_free(each); }
  void operator()(EVP_MAC_CTX* each) const { EVP_MAC_CTX_free(each); }
};
using Mac = std::unique_ptr<EVP_MAC, FreedMac>;
using MacContext = std::unique_ptr<EVP_MAC_CTX, FreedMac>;

}  // namespace

Result<std::vector<uint8_t>> hmac_of(const char* hash, ConstBytes key,
                                     std::initializer_list<ConstBytes> parts) {
  const Mac mac(EVP_MAC_fetch(nullptr, "HMAC", nullptr));
  const MacContext context(mac ? EVP_MAC_CTX_new(mac.get()) : nullptr);
  std::string digest = hash;
  const OSSL_PARAM parameters[] = {OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest.data(), 0),
                                   OSSL_PARAM_construct_end()};
  bool good = context && EVP_MAC_init(context.get(), key.data(), key.size(), parameters) == 1;
  for (const ConstBytes part : parts)
    good = good && EVP_MAC_update(context.get(), part.data(), part.size()) == 1;
  std::vector<uint8_t> result(good ? EVP_MAC_CTX_get_mac_size(context.get()) : 0);
  size_t count = 0;
  good = good && EVP_MAC_final(context.get(), result.data(), &count, result.size()) == 1;
  if (!good || count != result.size())
    return fail(ErrorCode::unsupported, "HMAC", "OpenSSL does not compute HMAC with {} here", hash);
  return result;
}

}  // namespace ashlar
