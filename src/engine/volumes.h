// The open volumes: name to store, stack and unit.
#pragma once

#include <map>
#include <string>

#include "block/gatekeeper.h"
#include "engine/volume_encryption.h"
#include "initiator/remote_store.h"
#include "rpc/document.h"
#include "unit/local_unit.h"

namespace ashlar::engine {

/// Shard 0 only; one change at a time (the engine's turnstile sees to it).
class Volumes {
 public:
  /// `keys` (null: there is nowhere to keep them, and encrypted volumes are refused) outlives it.
  Volumes(const block::Registry& registry, VolumeKeys* keys) : registry_(registry), keys_(keys) {}
  ~Volumes();  ///< all closed

  /// Opens the store and its layers, and a unit on every shard. `place` is where the document names it.
  loop::Task<Result<void>> open(rpc::VolumeDocument volume, std::string place);
  /// No host sees it any more. Waits for what is in flight, and (a few seconds at most) until the last owner of the store
  /// has let go, so that the next one finds it unlocked.
  loop::Task<void> close(std::string name);
  loop::Task<Result<void>> resize(std::string name, uint64_t bytes);
  /// Of a CD-ROM drive, as unit::open_medium() and unit::change_medium().
  loop::Task<Result<std::shared_ptr<block::Medium>>> open_medium(std::string name, std::string path);
  loop::Task<void> change_medium(std::string name, std::shared_ptr<block::Medium> medium);

  /// Null when there is none of that name.
  const unit::OpenUnit* find(const std::string& name) const;
  const std::map<std::string, unit::OpenUnit>& all() const { return open_; }
  /// Whether hosts cannot erase the key of an encrypted volume. busy: one of them does.
  Result<void> share_key(const std::string& name, bool shared);
  /// Of a unit of another array: what it proves itself with there from the next login on. Errors as of RemoteUnit.
  Result<void> set_credentials(const std::string& name, const std::map<std::string, std::string>& options);
  /// Null: the volume is no unit of another array, or not open.
  std::shared_ptr<const initiator::RemoteUnit> remote_unit(const std::string& name) const;
  /// Why an encrypted volume fails for want of its key, as a sentence; empty: it does not.
  std::string key_failure(const std::string& name) const;
  bool resizing(const std::string& name) const { return resizing_ == name; }

 private:
  struct Encryption {
    std::weak_ptr<layers::EncryptedStore> store;
    std::string failure;
  };
  void forget(const std::string& name);
  loop::Task<Result<std::shared_ptr<block::Store>>> wrap(rpc::VolumeDocument volume,
                                                         std::shared_ptr<block::Store> below);
  loop::Task<Result<std::shared_ptr<block::Store>>> encrypt(rpc::VolumeDocument volume,
                                                            std::shared_ptr<block::Store> below);

  const block::Registry& registry_;
  VolumeKeys* keys_;
  std::map<std::string, Encryption> encryptions_;  // of the open ones that are encrypted
  std::map<std::string, std::weak_ptr<initiator::RemoteUnit>> remotes_;  // of the open ones that are such
  std::map<std::string, unit::OpenUnit> open_;
  std::string resizing_;
};

}  // namespace ashlar::engine
