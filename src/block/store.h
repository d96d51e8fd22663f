// What stands behind a volume, shared by all shards: opens a channel for each of them.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "block/device.h"
#include "loop/loop.h"

namespace ashlar::block {

/// What lies in a drive whose medium changes. Each kind of store knows its own.
class Medium {
 public:
  virtual ~Medium() = default;
};

/// The shared half of a device. Made on shard 0 by the registry; open_channel() is called on shard 0 with each shard's
/// loop; the channel is then used on that shard only. Outlives its channels.
class Store {
 public:
  virtual ~Store() = default;
  virtual const Limits& limits() const = 0;
  virtual std::unique_ptr<BlockDevice> open_channel(loop::Loop& shard) = 0;
  /// Grows or shrinks; channels see the new size in limits() when it is done (their copies are refreshed by the caller
  /// calling BlockDevice::limits() again: a store keeps the size where all channels read it, atomically). When it
  /// shrinks, the caller sees to it that no write past the new end is in flight. Called on shard 0, one at a time.
  virtual loop::Task<Result<void>> resize(uint64_t bytes) = 0;
  /// Of a drive alone; other stores have one medium for ever (unsupported). Opens what change_medium() takes; nothing changes yet.
  virtual loop::Task<Result<std::shared_ptr<Medium>>> open_medium(std::string path);
  /// Puts `medium`, which open_medium() of this stack gave, in the place of the one that is there; null: takes that out. Done when
  /// the last request on the old one is over; size_bytes is 0 until then, and while there is none. On shard 0, one at a time.
  virtual loop::Task<void> change_medium(std::shared_ptr<Medium> medium);
  /// What was written becomes unreadable for good, since its key is gone; then reads give anything. The caller sees to it that
  /// nothing is in flight. Only where Limits::erasable_key. Called on shard 0, one at a time.
  virtual loop::Task<Result<void>> erase_key() { return no_key(); }
  /// Counters of the stats layer and the like, as flat names and numbers, summed over shards; default none. Any thread, beside
  /// everything but open_channel(): whoever counts comes after the last channel.
  virtual void collect(std::map<std::string, uint64_t>& /*counters*/) const {}

 private:
  static loop::Task<Result<void>> no_key() {
    co_return fail(ErrorCode::unsupported, "key", "what this device holds is not encrypted");
  }
};

/// "kind" and its options, as the document gives them; unknown options are refused by the registry.
struct StoreSpec {
  std::string kind;  ///< null, memory, file, block; for layers stats, fault, readonly
  std::map<std::string, std::string> options;  ///< for example path=/var/lib/ashlar/v1.img
  uint64_t size_bytes = 0;                     ///< 0: as large as what is there (block, an existing file)
  uint32_t block_bytes = 512;                  ///< 512 or 4096, of a drive 2048
  bool thin = true;
  bool read_only = false;
  bool create = true;  ///< make what is missing
};

/// One option of a kind: name, whether it must be given, and help for people.
struct OptionSchema {
  std::string name;
  bool required = false;
  std::string help;
};

/// Kinds by name. Filled once at start by stores::add_all() and layers::add_all(), then read only.
class Registry {
 public:
  using MakeStore = std::function<loop::Task<Result<std::shared_ptr<Store>>>(StoreSpec spec)>;
  using MakeLayer =
      std::function<Result<std::shared_ptr<Store>>(StoreSpec spec, std::shared_ptr<Store> below)>;
  void add_store(std::string kind, std::vector<OptionSchema> options, MakeStore make);
  void add_layer(std::string kind, std::vector<OptionSchema> options, MakeLayer make);
  /// Checks kind and options (errors name the option and the known ones), then opens. `place` is the field path.
  loop::Task<Result<std::shared_ptr<Store>>> open(StoreSpec spec, std::string place) const;
  Result<std::shared_ptr<Store>> stack(StoreSpec layer, std::shared_ptr<Store> below,
                                       std::string place) const;
  bool has_layer(std::string_view kind) const;

 private:
  struct Kind {
    std::vector<OptionSchema> options;
    MakeStore make_store;
    MakeLayer make_layer;
  };
  Result<const Kind*> find(const StoreSpec& spec, bool layer, const std::string& place) const;
  std::map<std::string, Kind, std::less<>> kinds_;
};

}  // namespace ashlar::block
