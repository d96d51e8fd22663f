#include "base/dhchap.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/dh.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>

#include <memory>

#include "base/hmac.h"

namespace ashlar {
namespace {

template <auto free_function>
struct Freed {
  template <typename T>
  void operator()(T* each) const {
    free_function(each);
  }
};
using Number = std::unique_ptr<BIGNUM, Freed<BN_clear_free>>;
using Builder = std::unique_ptr<OSSL_PARAM_BLD, Freed<OSSL_PARAM_BLD_free>>;
using Parameters = std::unique_ptr<OSSL_PARAM, Freed<OSSL_PARAM_free>>;
using Key = std::unique_ptr<EVP_PKEY, Freed<EVP_PKEY_free>>;
using KeyContext = std::unique_ptr<EVP_PKEY_CTX, Freed<EVP_PKEY_CTX_free>>;

const char* digest_name(DhchapHash hash) {
  switch (hash) {
    case DhchapHash::sha256: return "SHA256";
    case DhchapHash::sha384: return "SHA384";
    case DhchapHash::sha512: return "SHA512";
  }
  return "none";
}

std::unexpected<Error> not_computed(std::string_view what) {
  return fail(ErrorCode::unsupported, "DH-HMAC-CHAP", "OpenSSL does not compute {} here", what);
}

Result<std::vector<uint8_t>> digest_of(DhchapHash hash, ConstBytes bytes) {
  std::vector<uint8_t> result(digest_bytes(hash));
  const EVP_MD* digest = EVP_get_digestbyname(digest_name(hash));
  if (digest == nullptr ||
      EVP_Digest(bytes.data(), bytes.size(), result.data(), nullptr, digest, nullptr) != 1)
    return not_computed(name_of(hash));
  return result;
}

// The key bound to its owner's name (8.13.5.8).
Result<std::vector<uint8_t>> bound_key(const DhchapKey& key, std::string_view owner) {
  if (!key.transform) return key.secret;
  return hmac_of(digest_name(*key.transform), key.secret, {bytes_of(owner), bytes_of("NVMe-over-Fabrics")});
}

// Ca: the challenge that nobody can answer who has not made the exchange (8.13.5.4).
Result<std::vector<uint8_t>> augmented(const DhchapProof& proof) {
  if (proof.session.empty()) return std::vector<uint8_t>(proof.challenge.begin(), proof.challenge.end());
  TRY_ASSIGN(std::vector<uint8_t> session_key, digest_of(proof.hash, proof.session));
  auto result = hmac_of(digest_name(proof.hash), session_key, {proof.challenge});
  forget_secret(session_key);
  return result;
}

Result<std::vector<uint8_t>> response(const DhchapProof& proof, const DhchapKey& key, uint8_t secure_channel,
                                      std::string_view role, std::string_view prover,
                                      std::string_view other) {
  TRY_ASSIGN(const std::vector<uint8_t> challenge, augmented(proof));
  TRY_ASSIGN(std::vector<uint8_t> bound, bound_key(key, prover));
  std::array<uint8_t, 7> numbers{};
  store_le32(numbers.data(), proof.sequence);
  numbers[4] = static_cast<uint8_t>(proof.transaction);
  numbers[5] = static_cast<uint8_t>(proof.transaction >> 8);
  numbers[6] = secure_channel;
  static constexpr std::array<uint8_t, 1> zero = {0};
  auto result = hmac_of(digest_name(proof.hash), bound,
                        {challenge, numbers, bytes_of(role), bytes_of(prover), zero, bytes_of(other)});
  forget_secret(bound);
  return result;
}

// A key of the group: `secret` and `value` may be null.
Key key_of(DhchapGroup group, const BIGNUM* secret, const BIGNUM* value) {
  const std::string name = name_of(group);
  const Builder builder(OSSL_PARAM_BLD_new());
  const bool pushed =
      builder &&
      OSSL_PARAM_BLD_push_utf8_string(builder.get(), OSSL_PKEY_PARAM_GROUP_NAME, name.c_str(), 0) == 1 &&
      (value == nullptr || OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_PUB_KEY, value) == 1) &&
      (secret == nullptr || OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_PRIV_KEY, secret) == 1);
  const Parameters parameters(pushed ? OSSL_PARAM_BLD_to_param(builder.get()) : nullptr);
  const KeyContext context(EVP_PKEY_CTX_new_from_name(nullptr, "DH", nullptr));
  EVP_PKEY* key = nullptr;
  const bool made = parameters && context && EVP_PKEY_fromdata_init(context.get()) == 1 &&
                    EVP_PKEY_fromdata(context.get(), &key, EVP_PKEY_KEYPAIR, parameters.get()) == 1;
  return Key(made ? key : nullptr);
}

}  // namespace

size_t digest_bytes(DhchapHash hash) {
  switch (hash) {
    case DhchapHash::sha256: return 32;
    case DhchapHash::sha384: return 48;
    case DhchapHash::sha512: return 64;
  }
  return 0;
}

size_t dh_value_bytes(DhchapGroup group) {
  switch (group) {
    case DhchapGroup::null: return 0;
    case DhchapGroup::ffdhe2048: return 256;
    case DhchapGroup::ffdhe3072: return 384;
    case DhchapGroup::ffdhe4096: return 512;
    case DhchapGroup::ffdhe6144: return 768;
    case DhchapGroup::ffdhe8192: return 1024;
  }
  return 0;
}

Result<std::vector<uint8_t>> DhExponentiation::run() const {
  static constexpr std::array<uint8_t, 1> generator = {2};  // of all groups of RFC 7919
  const ConstBytes of = base.empty() ? ConstBytes(generator) : ConstBytes(base);
  const Number exponent(BN_bin2bn(secret.data(), static_cast<int>(secret.size()), nullptr));
  const Number value(BN_bin2bn(of.data(), static_cast<int>(of.size()), nullptr));
  const Key own = key_of(group, exponent.get(), value.get()), peer = key_of(group, nullptr, value.get());
  const KeyContext context(own ? EVP_PKEY_CTX_new_from_pkey(nullptr, own.get(), nullptr) : nullptr);
  if (!peer || !context || EVP_PKEY_derive_init(context.get()) != 1 ||
      EVP_PKEY_CTX_set_dh_pad(context.get(), 1) != 1)
    return not_computed(name_of(group));
  std::vector<uint8_t> result(dh_value_bytes(group));
  size_t count = result.size();
  // A value outside of the group would give the secret away bit by bit; OpenSSL looks at it before it is used.
  const int foreign = base.empty() ? 0 : 1;
  if (EVP_PKEY_derive_set_peer_ex(context.get(), peer.get(), foreign) != 1 ||
      EVP_PKEY_derive(context.get(), result.data(), &count) != 1 || count != result.size())
    return fail(ErrorCode::protocol_error, "DH value", "is no value of group {}", name_of(group));
  return result;
}

Result<std::vector<uint8_t>> host_response(const DhchapProof& proof, const DhchapKey& key) {
  return response(proof, key, proof.secure_channel, "HostHost", proof.host, proof.subsystem);
}

// Its place of SC_C is zero (8.13.5.5).
Result<std::vector<uint8_t>> controller_response(const DhchapProof& proof, const DhchapKey& key) {
  return response(proof, key, 0, "Controller", proof.subsystem, proof.host);
}

bool same_proof(ConstBytes left, ConstBytes right) {
  return left.size() == right.size() && CRYPTO_memcmp(left.data(), right.data(), left.size()) == 0;
}

}  // namespace ashlar
