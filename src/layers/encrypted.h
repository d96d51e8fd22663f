// The encrypted layer: what lies below it is ciphertext, and nobody reads it without the key.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "block/layer_store.h"
#include "layers/data_key.h"
#include "layers/layers.h"
#include "loop/loop.h"

namespace ashlar::layers {

class EncryptedChannel;

/// A block of zeroes below is a block of zeroes above: what was never written, was discarded or zeroed has no ciphertext, so
/// that thin provisioning works as without a key (and whoever has the store sees which blocks are in use). Ciphertext that is
/// all zeroes would be mistaken for that, once in 2^4096 blocks of 512 bytes.
///
/// Writes are encrypted into memory of the shard's pool, in pieces; reads where they are. Shares nothing with clones: the same
/// bytes mean something else under another key, or at another place.
class EncryptedStore final : public block::LayerStore {
 public:
  /// Draws a key and keeps it in the place of the one before, of which nothing is left there when it answers. After an error
  /// either may be the one that is kept.
  using Renew = std::function<loop::Task<Result<DataKey>>()>;

  /// Without a key every request fails, as on a device that is gone. `volume` is for the log.
  EncryptedStore(std::shared_ptr<block::Store> below, const std::optional<DataKey>& key, Renew renew,
                 std::string volume);
  ~EncryptedStore() override;

  const block::Limits& limits() const override;
  std::unique_ptr<block::BlockDevice> open_channel(loop::Loop& shard) override;
  void collect(std::map<std::string, uint64_t>& counters) const override;
  /// The new key is in force on every shard when it answers well. After an error the volume has no key until it is opened anew.
  loop::Task<Result<void>> erase_key() override;

  /// Whether limits().erasable_key; true at first. Not while others need the key: then erase_key() is refused too, for who asks
  /// may have looked before. busy: it is being erased. On shard 0.
  Result<void> allow_erase(bool allowed);

 private:
  friend class EncryptedChannel;
  /// Reached by messages, which may find the channel gone.
  struct Handle {
    uint32_t shard = 0;
    EncryptedChannel* channel = nullptr;  // on that shard
  };
  struct Shared {
    std::string volume;
    Renew renew;
    std::atomic<bool> erasable = true;
    std::atomic<bool> keyless = false;
    // Shard 0 only.
    bool erasing = false;
    std::optional<DataKey> key;
    std::vector<std::shared_ptr<Handle>> handles;
  };
  static block::Limits limits_over(const block::Limits& below);
  static void refresh(block::Limits& limits, const block::Limits& below, const Shared& shared);
  static loop::Task<Result<void>> erase(std::shared_ptr<Shared> shared);
  static loop::Task<void> install(std::shared_ptr<Shared> shared);

  std::shared_ptr<Shared> shared_ = std::make_shared<Shared>();
  mutable block::Limits limits_;
};

}  // namespace ashlar::layers
