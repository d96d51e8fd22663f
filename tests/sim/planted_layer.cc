// A lying block layer, registered as a kind of its own ("planted") and put over every store.
#include <map>

#include "base/check.h"
#include "block/layer_store.h"
#include "loop/sim_random.h"
#include "sim/plant.h"

namespace ashlar::simulation {
namespace {

using block::BlockDevice;
using block::Operation;
using block::Request;
using block::Status;
using block::Store;

enum class Lie : uint8_t { flush_lost, request_forgotten, completed_twice, wrong_volume };

class LayerPlant;

class LyingDevice final : public BlockDevice {
 public:
  LyingDevice(LayerPlant& plant, std::unique_ptr<BlockDevice> below)
      : plant_(plant), below_(std::move(below)) {}
  ~LyingDevice() override;
  const block::Limits& limits() const override { return below_->limits(); }
  void submit(Request& request) override;
  void close() override { below_->close(); }
  BlockDevice& below() { return *below_; }

 private:
  LayerPlant& plant_;
  std::unique_ptr<BlockDevice> below_;
};

class LyingStore final : public block::LayerStore {
 public:
  LyingStore(LayerPlant& plant, std::shared_ptr<Store> below) : LayerStore(std::move(below)), plant_(plant) {}
  std::unique_ptr<BlockDevice> open_channel(loop::Loop& shard) override;

 private:
  LayerPlant& plant_;
};

class LayerPlant final : public Plant {
 public:
  LayerPlant(Lie lie, uint64_t seed) : lie_(lie), random_(loop::mix64(seed ^ 0x6c61796572)) {}
  std::string layer() const override { return "planted"; }
  void install(loop::SimWorld& /*world*/, block::Registry& registry) override {
    registry.add_layer("planted", {}, [this](block::StoreSpec /*spec*/, std::shared_ptr<Store> below) {
      return Result<std::shared_ptr<Store>>(std::make_shared<LyingStore>(*this, std::move(below)));
    });
  }
  Lie lie() const { return lie_; }
  loop::SimRandom& random() { return random_; }
  std::vector<std::pair<loop::Loop*, LyingDevice*>>& devices() { return devices_; }

 private:
  const Lie lie_;
  loop::SimRandom random_;
  std::vector<std::pair<loop::Loop*, LyingDevice*>> devices_;
};

std::unique_ptr<BlockDevice> LyingStore::open_channel(loop::Loop& shard) {
  auto device = std::make_unique<LyingDevice>(plant_, below().open_channel(shard));
  plant_.devices().emplace_back(&shard, device.get());
  return device;
}

LyingDevice::~LyingDevice() {
  std::erase_if(plant_.devices(), [this](const auto& entry) { return entry.second == this; });
}

void LyingDevice::submit(Request& request) {
  switch (plant_.lie()) {
    case Lie::flush_lost:
      if (request.operation == Operation::flush) return request.complete(Status::ok);
      break;
    case Lie::request_forgotten:
      if (plant_.random().chance(0.002)) return;
      break;
    case Lie::completed_twice:
      request.push(
          [](Request& done, Request::Layer& layer) {
            auto& plant = *static_cast<LayerPlant*>(layer.layer);
            if (plant.random().chance(0.002)) done.complete(Status::ok);
          },
          &plant_);
      break;
    case Lie::wrong_volume:
      if (request.operation != Operation::read || !plant_.random().chance(0.05)) break;
      for (const auto& [shard, other] : plant_.devices()) {
        if (shard != loop::Loop::current_or_null() || other == this) continue;
        if (request.offset + request.length > other->limits().size_bytes ||
            other->limits().block_bytes != limits().block_bytes)
          continue;
        return other->below().submit(request);
      }
      break;
  }
  below_->submit(request);
}

}  // namespace

std::unique_ptr<Plant> make_layer_plant(std::string_view name, uint64_t seed) {
  static constexpr std::string_view names[] = {"flush-lost", "request-forgotten", "completed-twice",
                                               "wrong-volume"};
  for (size_t i = 0; i < std::size(names); ++i) {
    if (names[i] == name) return std::make_unique<LayerPlant>(static_cast<Lie>(i), seed);
  }
  return nullptr;
}

}  // namespace ashlar::simulation
