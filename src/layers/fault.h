// The fault layer: a device that misbehaves as told. For tests and drills; it allocates, so it is not for production.
#pragma once

#include <atomic>
#include <memory>
#include <vector>

#include "block/layer_store.h"
#include "layers/layers.h"
#include "loop/loop.h"

namespace ashlar::layers {

/// Whom it strikes, and how. A request is struck when its operation is listed and either it is the nth such request of the
/// device (all shards together) or chance says so.
struct FaultPlan {
  uint32_t operations = ~0u;  ///< bit 1 << Operation
  uint32_t rate_per_million = 0;
  uint64_t nth = 0;  ///< 1 is the first since the plan was set; 0: none by number
  block::Status error = block::Status::medium_error;  ///< ok: the request goes on below, late
  bool torn = false;           ///< a struck write leaves its first half below before it fails
  bool hang = false;           ///< the request waits for release()
  loop::Nanoseconds delay{0};  ///< and this long after that

  /// From options operations (comma-separated names; default all), rate_per_million, nth, error (medium_error, no_space,
  /// aborted, device_failed, none), torn, hang (true or false), delay_ms.
  static Result<FaultPlan> parse(const std::map<std::string, std::string>& options);
};

class FaultChannel;

/// Deterministic: which requests are struck follows from the seed and the order of submission on each shard.
/// `device_failed` as error also kills the device: all that comes after fails, on every shard, for good.
class FaultStore final : public block::LayerStore {
 public:
  FaultStore(std::shared_ptr<block::Store> below, const FaultPlan& plan, uint64_t seed);
  std::unique_ptr<block::BlockDevice> open_channel(loop::Loop& shard) override;
  void collect(std::map<std::string, uint64_t>& counters) const override;

  // From shard 0; every shard follows in one of its next turns.
  void set_plan(const FaultPlan& plan);
  /// Lets go of what hangs: it fails or goes on as the plan says.
  void release();

 private:
  friend class FaultChannel;
  struct Shared {
    uint64_t seed = 0;
    std::atomic<uint64_t> matched = 0;
    std::atomic<uint64_t> struck = 0;
    std::atomic<bool> dead = false;
  };
  /// Reached by messages, which may find the channel gone.
  struct Handle {
    loop::Loop* loop;
    FaultChannel* channel;
  };
  void tell(const std::function<void(FaultChannel&)>& what);

  std::shared_ptr<Shared> shared_ = std::make_shared<Shared>();
  FaultPlan plan_;
  std::vector<std::shared_ptr<Handle>> handles_;
};

}  // namespace ashlar::layers
