#include "layers/xts_cipher.h"

#include <openssl/evp.h>

#include "base/check.h"

namespace ashlar::layers {

void XtsCipher::Free::operator()(evp_cipher_ctx_st* context) const { EVP_CIPHER_CTX_free(context); }

XtsCipher::Context XtsCipher::make(const DataKey& key, bool encrypts) {
  Context context(EVP_CIPHER_CTX_new());
  const int ready = context == nullptr ? 0
                                       : EVP_CipherInit_ex(context.get(), EVP_aes_256_xts(), nullptr,
                                                           key.bytes().data(), nullptr, encrypts ? 1 : 0);
  CHECK(ready == 1, "OpenSSL has no AES-256-XTS, or no memory for it");
  return context;
}

XtsCipher::XtsCipher(const DataKey& key, uint32_t unit_bytes)
    : unit_bytes_(unit_bytes), encryption_(make(key, true)), decryption_(make(key, false)) {}

XtsCipher::~XtsCipher() = default;

void XtsCipher::run(evp_cipher_ctx_st& context, uint64_t number, const uint8_t* from, uint8_t* to) const {
  uint8_t tweak[16] = {};
  store_le64(tweak, number);
  int done = 0;
  // A context that has its key and a whole unit to work on has nothing left to refuse.
  const bool well = EVP_CipherInit_ex(&context, nullptr, nullptr, nullptr, tweak, -1) == 1 &&
                    EVP_CipherUpdate(&context, to, &done, from, static_cast<int>(unit_bytes_)) == 1;
  CHECK(well && done == static_cast<int>(unit_bytes_), "data unit {} was not encrypted: {} bytes", number,
        done);
}

}  // namespace ashlar::layers
