// The readonly layer: the example of a layer. It says so in its limits, and the gatekeeper above does the refusing.
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

class ReadonlyStore final : public block::Store {
 public:
  explicit ReadonlyStore(std::shared_ptr<block::Store> below) : below_(std::move(below)) {}
  const block::Limits& limits() const override { return read_only_limits(limits_, *below_); }
  std::unique_ptr<block::BlockDevice> open_channel(loop::Loop& shard) override {
    return std::make_unique<ReadonlyChannel>(below_->open_channel(shard));
  }
  loop::Task<Result<void>> resize(uint64_t bytes) override { return below_->resize(bytes); }
  loop::Task<Result<std::shared_ptr<block::Medium>>> open_medium(std::string path) override {
    return below_->open_medium(std::move(path));
  }
  loop::Task<void> change_medium(std::shared_ptr<block::Medium> medium) override {
    return below_->change_medium(std::move(medium));
  }
  loop::Task<Result<void>> erase_key() override { return below_->erase_key(); }
  void collect(std::map<std::string, uint64_t>& counters) const override { below_->collect(counters); }

 private:
  std::shared_ptr<block::Store> below_;
  mutable block::Limits limits_;
};

}  // namespace

StackedStore stack_readonly(block::StoreSpec, std::shared_ptr<block::Store> below) {
  return std::make_shared<ReadonlyStore>(std::move(below));
}

}  // namespace ashlar::layers
