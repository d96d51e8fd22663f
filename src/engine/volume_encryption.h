// From a document that says `encrypted` to a store that is: finds the key, or draws it for a volume that is new.
#pragma once

#include <memory>
#include <string>

#include "engine/volume_keys.h"
#include "layers/encrypted.h"
#include "rpc/document.h"

namespace ashlar::engine {

/// Under which id the key of a volume is kept. Its identity is complete, or key_id is there.
Uuid key_id_of(const rpc::VolumeDocument& volume);

struct EncryptedVolume {
  std::shared_ptr<layers::EncryptedStore> store;
  std::string failure;  ///< why it has no key, as a sentence; empty: all is well
};

/// Puts the layer on `below`. A volume without a key gets one only if nothing was ever written to it; if something was, or if
/// its key cannot be read, the volume is there and fails, for what it holds would be noise. An error: a new key could not be
/// kept. `keys` outlives the store.
loop::Task<Result<EncryptedVolume>> encrypt_store(VolumeKeys& keys, rpc::VolumeDocument volume,
                                                  std::shared_ptr<block::Store> below);

}  // namespace ashlar::engine
