// The shared half of `file` and `block`: opens channels, moves the size.
#include <algorithm>

#include "stores/file_channel.h"

namespace ashlar::stores {
namespace {

class FileStore final : public block::Store {
 public:
  FileStore(std::shared_ptr<FileShared> shared, bool resize_file)
      : shared_(std::move(shared)),
        resize_file_(resize_file),
        limits_(shared_->limits, shared_->size_bytes) {}
  const block::Limits& limits() const override { return limits_.get(); }
  std::unique_ptr<block::BlockDevice> open_channel(loop::Loop& shard) override {
    return std::make_unique<FileChannel>(shard, shared_);
  }
  loop::Task<Result<void>> resize(uint64_t bytes) override {
    // Held here: the store may be let go while this waits.
    const std::shared_ptr<FileShared> shared = shared_;
    if (!resize_file_) {
      const uint64_t there = shared->file->size();
      if (bytes > there) {
        co_return fail(ErrorCode::out_of_range, shared->path,
                       "the device holds {} bytes, not {}: grow it first", there, bytes);
      }
      shared->size_bytes.store(bytes);
      co_return Result<void>();
    }
    const uint64_t before = shared->size_bytes.load();
    // A shorter file must not be read past its end: tell the channels first. A longer one is there before they are told.
    if (bytes < before) shared->size_bytes.store(bytes);
    auto resizing = shared->file->resize(bytes, !shared->thin);
    Result<void> resized = co_await resizing;
    shared->size_bytes.store(resized ? bytes : before);
    co_return resized;
  }
  void collect(std::map<std::string, uint64_t>& counters) const override {
    counters["file.failed"] = shared_->failed.load() ? 1 : 0;
  }

 private:
  std::shared_ptr<FileShared> shared_;
  bool resize_file_;
  block::LiveLimits limits_;
};

}  // namespace

std::shared_ptr<block::Store> make_file_store(std::shared_ptr<FileShared> shared, bool resize_file) {
  return std::make_shared<FileStore>(std::move(shared), resize_file);
}

std::shared_ptr<FileShared> share_file(std::unique_ptr<loop::File> file, const block::StoreSpec& spec,
                                       std::string component) {
  auto shared = std::make_shared<FileShared>();
  const loop::File::Traits& traits = file->traits();
  shared->path = spec.options.at("path");
  shared->component = std::move(component);
  shared->thin = spec.thin;
  shared->size_bytes = spec.size_bytes;
  shared->can_punch = traits.discard_granularity_bytes != 0;
  shared->can_zero = traits.zero_range;
  block::Limits& limits = shared->limits;
  limits.size_bytes = spec.size_bytes;
  limits.block_bytes = spec.block_bytes;
  limits.physical_block_bytes = std::max(traits.physical_block_bytes, spec.block_bytes);
  if (traits.direct && traits.atomic_write_bytes >= spec.block_bytes)
    limits.atomic_write_bytes = limits.atomic_alignment_bytes = traits.atomic_write_bytes;
  limits.rotational = traits.rotational;
  limits.read_only = spec.read_only;
  limits.volatile_cache = true;
  // A thick volume keeps its space: a host's discard must not make a later write meet ENOSPC.
  if (spec.thin && shared->can_punch)
    limits.discard_granularity_bytes = std::max(traits.discard_granularity_bytes, spec.block_bytes);
  limits.discard_zeroes = !traits.block_device;
  limits.find_extent = !traits.block_device;
  shared->file = std::move(file);
  if (loop::Loop::current().shards().count() > 1)
    shared->home_syncs = std::make_shared<SyncGroup>(*shared->file);
  return shared;
}

}  // namespace ashlar::stores
