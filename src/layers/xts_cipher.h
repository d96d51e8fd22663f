// AES-256 in the mode XTS: what turns blocks of a volume into what its store holds, and back.
#pragma once

#include <cstdint>
#include <memory>

#include "layers/data_key.h"

struct evp_cipher_ctx_st;

namespace ashlar::layers {

/// IEEE 1619-2018. A data unit is one logical block, and its tweak the number of that block, little endian: what Linux calls
/// aes-xts-plain64, with a sector of the volume's block size. One shard's own.
class XtsCipher {
 public:
  /// `unit_bytes`: of a data unit, 512 or 4096.
  XtsCipher(const DataKey& key, uint32_t unit_bytes);
  ~XtsCipher();
  XtsCipher(const XtsCipher&) = delete;
  XtsCipher& operator=(const XtsCipher&) = delete;

  uint32_t unit_bytes() const { return unit_bytes_; }
  /// One data unit; `to` may be `from`.
  void encrypt(uint64_t number, const uint8_t* from, uint8_t* to) { run(*encryption_, number, from, to); }
  void decrypt(uint64_t number, const uint8_t* from, uint8_t* to) { run(*decryption_, number, from, to); }

 private:
  struct Free {
    void operator()(evp_cipher_ctx_st* context) const;
  };
  using Context = std::unique_ptr<evp_cipher_ctx_st, Free>;
  static Context make(const DataKey& key, bool encrypts);
  void run(evp_cipher_ctx_st& context, uint64_t number, const uint8_t* from, uint8_t* to) const;

  uint32_t unit_bytes_;
  Context encryption_;
  Context decryption_;
};

}  // namespace ashlar::layers
