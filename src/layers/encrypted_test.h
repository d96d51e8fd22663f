// For tests: keys, and an encrypted store over another.
#pragma once

#include "layers/encrypted.h"

namespace ashlar::layers {

inline DataKey key_from(uint8_t seed) {
  DataKey key;
  for (size_t i = 0; i < DataKey::size; ++i) key.bytes()[i] = static_cast<uint8_t>(seed + i * 7);
  return key;
}

inline std::shared_ptr<EncryptedStore> encrypt(std::shared_ptr<block::Store> below, uint8_t seed = 1,
                                               EncryptedStore::Renew renew = {}) {
  return std::make_shared<EncryptedStore>(std::move(below), key_from(seed), std::move(renew), "v1");
}

}  // namespace ashlar::layers
