// The null store: the measure of the waist. Longer than 80 lines, and the waist is wrong.
#include <cstring>

#include "block/live_limits.h"
#include "stores/stores.h"

namespace ashlar::stores {
namespace {

using block::Operation;
using block::Status;

class NullChannel final : public block::BlockDevice {
 public:
  NullChannel(const block::Limits& limits, const std::atomic<uint64_t>& size) : limits_(limits, size) {}
  const block::Limits& limits() const override { return limits_.get(); }
  void submit(block::Request& request) override {
    if (request.operation == Operation::read) {
      for (const iovec& part : request.parts) std::memset(part.iov_base, 0, part.iov_len);
    }
    if (request.operation == Operation::find_extent) {
      request.extent_allocated = false;
      request.extent_length = limits().size_bytes - request.offset;
    }
    request.complete(Status::ok);
  }

 private:
  block::LiveLimits limits_;
};

class NullStore final : public block::Store {
 public:
  explicit NullStore(const block::Limits& limits) : size_(limits.size_bytes), limits_(limits, size_) {}
  const block::Limits& limits() const override { return limits_.get(); }
  std::unique_ptr<block::BlockDevice> open_channel(loop::Loop&) override {
    return std::make_unique<NullChannel>(limits_.get(), size_);
  }
  loop::Task<Result<void>> resize(uint64_t bytes) override {
    size_.store(bytes, std::memory_order_relaxed);
    co_return Result<void>();
  }

 private:
  std::atomic<uint64_t> size_;
  block::LiveLimits limits_;
};

}  // namespace

loop::Task<OpenedStore> open_null(block::StoreSpec spec) {
  if (spec.size_bytes == 0)
    co_return fail(ErrorCode::invalid_argument, "size_bytes", "kind null has no size of its own: give one");
  block::Limits limits;
  limits.size_bytes = spec.size_bytes;
  limits.block_bytes = spec.block_bytes;
  limits.discard_granularity_bytes = spec.block_bytes;
  limits.discard_zeroes = true;
  limits.find_extent = true;
  limits.read_only = spec.read_only;
  limits.volatile_cache = false;
  co_return std::make_shared<NullStore>(limits);
}

}  // namespace ashlar::stores
