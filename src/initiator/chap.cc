#include "initiator/chap.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include <memory>

#include "base/check.h"

namespace ashlar::initiator {
namespace {

const EVP_MD* digest_of(ChapAlgorithm algorithm) {
  switch (algorithm) {
    case ChapAlgorithm::md5: return EVP_md5();
    case ChapAlgorithm::sha1: return EVP_sha1();
    case ChapAlgorithm::sha256: return EVP_sha256();
    case ChapAlgorithm::sha3_256: return EVP_sha3_256();
  }
  return nullptr;
}

}  // namespace

std::vector<uint8_t> chap_response(ChapAlgorithm algorithm, uint8_t identifier, std::string_view secret,
                                   ConstBytes challenge) {
  const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(), &EVP_MD_CTX_free);
  std::vector<uint8_t> digest(EVP_MAX_MD_SIZE);
  unsigned int bytes = 0;
  const bool done = EVP_DigestInit_ex(context.get(), digest_of(algorithm), nullptr) == 1 &&
                    EVP_DigestUpdate(context.get(), &identifier, 1) == 1 &&
                    EVP_DigestUpdate(context.get(), secret.data(), secret.size()) == 1 &&
                    EVP_DigestUpdate(context.get(), challenge.data(), challenge.size()) == 1 &&
                    EVP_DigestFinal_ex(context.get(), digest.data(), &bytes) == 1;
  CHECK(done, "no digest {} in this OpenSSL", name_of(algorithm));
  digest.resize(bytes);
  return digest;
}

bool same_bytes(ConstBytes left, ConstBytes right) {
  return left.size() == right.size() && CRYPTO_memcmp(left.data(), right.data(), left.size()) == 0;
}

std::string_view name_of(ChapAlgorithm algorithm) {
  switch (algorithm) {
    case ChapAlgorithm::md5: return "MD5";
    case ChapAlgorithm::sha1: return "SHA1";
    case ChapAlgorithm::sha256: return "SHA-256";
    case ChapAlgorithm::sha3_256: return "SHA3-256";
  }
  return "?";
}

std::string chap_algorithm_list(const std::vector<ChapAlgorithm>& algorithms) {
  std::string list;
  for (const ChapAlgorithm algorithm : algorithms) {
    if (!list.empty()) list += ',';
    list += std::to_string(static_cast<int>(algorithm));
  }
  return list;
}

}  // namespace ashlar::initiator
