// The readonly layer: the example of a layer. It says so in its limits, and the gatekeeper above does the refusing.
#include "block/layer_store.h"
#include "layers/layers.h"

namespace ashlar::layers {
namespace {

// A layer that changes the limits keeps a copy, and follows the one thing that moves.
template <typename Below>
const block::Limits& read_only_limits(block::Limits& copy, const Below& below) {
  copy = below.limits();
  copy.read_only = true;
  return copy;
}

class ReadonlyChannel final : public block::BlockDevice {
 public:
  explicit ReadonlyChannel(std::unique_ptr<block::BlockDevice> below) : below_(std::move(below)) {}
  const block::Limits& limits() const override { return read_only_limits(limits_, *below_); }
  void submit(block::Request& request) override {
    const block::Operation operation = request.operation;
    CHECK(operation == block::Operation::read || operation == block::Operation::flush ||
              operation == block::Operation::find_extent,
          "past the gatekeeper: {}", request.describe());
    below_->submit(request);
  }
  std::shared_ptr<block::CloneSource> clone_source() override { return below_->clone_source(); }
  block::Passthrough* passthrough() override { return below_->passthrough(); }
  void close() override { below_->close(); }

 private:
  std::unique_ptr<block::BlockDevice> below_;
  mutable block::Limits limits_;
};

class ReadonlyStore final : public block::LayerStore {
 public:
  explicit ReadonlyStore(std::shared_ptr<block::Store> below) : LayerStore(std::move(below)) {}
  const block::Limits& limits() const override { return read_only_limits(limits_, below()); }
  std::unique_ptr<block::BlockDevice> open_channel(loop::Loop& shard) override {
    return std::make_unique<ReadonlyChannel>(below().open_channel(shard));
  }

 private:
  mutable block::Limits limits_;
};

}  // namespace

StackedStore stack_readonly(block::StoreSpec, std::shared_ptr<block::Store> below) {
  return std::make_shared<ReadonlyStore>(std::move(below));
}

}  // namespace ashlar::layers
