// The toll gate on top of every stack: each promise of the waist is checked here once, both ways, so that stores and
// layers below may believe their requests, and front-ends above their answers.
#pragma once

#include <atomic>
#include <memory>
#include <string>

#include "block/device.h"
#include "block/store.h"

namespace ashlar::block {

/// Downwards it refuses, with the status that says why: what is past the end (overflow-safe), unaligned, larger than the
/// limits, a write to a read-only device, an unsupported operation, and everything once the device has failed (for all
/// channels, for good). Empty requests end at once with ok. A request that breaks the caller's side (not begun, pieces
/// that do not add up) or a store that breaks its own (done inside submit, dropped at close, statuses that only the
/// gatekeeper may say) is a bug and stops the engine with the request's name.
class Gatekeeper final : public BlockDevice {
 public:
  /// What all channels of one device share.
  struct Shared {
    std::string name;  ///< for log lines: the volume
    std::atomic<bool> failed = false;
  };
  Gatekeeper(std::unique_ptr<BlockDevice> below, std::shared_ptr<Shared> shared);
  ~Gatekeeper() override;

  const Limits& limits() const override { return below_->limits(); }
  void submit(Request& request) override;
  std::shared_ptr<CloneSource> clone_source() override;
  Passthrough* passthrough() override { return below_->passthrough(); }
  void close() override;
  uint32_t in_flight() const { return in_flight_; }

 private:
  static void completed(Request& request, Request::Layer& layer);
  Status check(const Request& request) const;
  void check_answer(Request& request);
  void mark(const Request& request) { in_flight_mix_ ^= reinterpret_cast<uintptr_t>(&request); }

  std::unique_ptr<BlockDevice> below_;
  std::shared_ptr<Shared> shared_;
  uint32_t in_flight_ = 0;
  uintptr_t in_flight_mix_ = 0;  // addresses in flight, exclusive-ored: with one left over, it is that one
  bool inside_submit_ = false;
  bool closed_ = false;
};

/// `below` behind a gatekeeper; `name` is the volume's, for the log.
std::shared_ptr<Store> guard(std::shared_ptr<Store> below, std::string name);

/// What a volume asks for: a store, and layers listed from the store (and its `wrap`) upwards.
struct StackSpec {
  std::string name;
  StoreSpec store;
  /// Puts on the store what no option may say, as the key that its data is encrypted with; empty: nothing.
  std::function<loop::Task<Result<std::shared_ptr<Store>>>(std::shared_ptr<Store> below)> wrap = {};
  std::vector<StoreSpec> layers;
};

/// Opens the store and piles up what stands in production: gatekeeper over stats (when the registry has it) over `layers`
/// over `wrap` over the store. Errors name `place`.store or `place`.layers[n]. On shard 0; `registry` outlives the call.
loop::Task<Result<std::shared_ptr<Store>>> open_stack(const Registry& registry, StackSpec spec,
                                                      std::string place);

}  // namespace ashlar::block
