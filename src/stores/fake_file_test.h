// A file whose every answer the test decides.
#pragma once

#include <cerrno>
#include <cstring>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "block/test_shards.h"
#include "loop/file.h"

namespace ashlar::stores {

/// The file itself; channels on several shards share it.
struct FakeDisk {
  std::vector<uint8_t> content;
  loop::File::Traits traits;
  /// Looks at each operation before it happens: a number is its result (negative: -errno and nothing done; for reads and
  /// writes fewer bytes than asked: so many are done), nothing lets it succeed.
  std::function<std::optional<int64_t>(const loop::FileOperation&)> judge;
  bool holding = false;  ///< operations wait for release()
  struct Held {
    loop::Loop* loop;
    loop::FileOperation* operation;
  };
  std::vector<Held> held;
  struct Seen {
    loop::FileVerb verb;
    uint64_t offset, length;
    bool durable;
    uint32_t shard;
  };
  std::vector<Seen> seen;
  int resize_error = 0;
  std::vector<std::pair<uint64_t, bool>> resizes;

  FakeDisk() {
    traits.direct = true;
    traits.memory_alignment = 512;
    traits.offset_alignment = 512;
    traits.discard_granularity_bytes = 4096;
    traits.zero_range = true;
  }
  size_t count(loop::FileVerb verb) const {
    return static_cast<size_t>(std::ranges::count(seen, verb, &Seen::verb));
  }
  void release() {
    holding = false;
    std::vector<Held> released;
    released.swap(held);
    for (const Held& each : released) act(*each.loop, *each.operation);
  }
  void act(loop::Loop& loop, loop::FileOperation& operation) {
    const std::optional<int64_t> verdict = judge ? judge(operation) : std::nullopt;
    operation.result = verdict ? *verdict : perform(operation, operation.length);
    const bool data = operation.verb == loop::FileVerb::read || operation.verb == loop::FileVerb::write;
    if (verdict && *verdict > 0 && data) perform(operation, static_cast<uint64_t>(*verdict));
    loop.post(operation);
  }

 private:
  int64_t perform(loop::FileOperation& operation, uint64_t bytes) {
    const bool read = operation.verb == loop::FileVerb::read;
    if (operation.verb == loop::FileVerb::punch_hole || operation.verb == loop::FileVerb::zero_range) {
      std::memset(content.data() + operation.offset, 0, operation.length);
      return 0;
    }
    if (operation.verb == loop::FileVerb::find_extent) {
      operation.extent_allocated = true;
      return static_cast<int64_t>(content.size() - operation.offset);
    }
    if (operation.verb == loop::FileVerb::sync_data) return 0;
    uint64_t at = operation.offset;
    for (const iovec& part : operation.parts) {
      const bool aligned = reinterpret_cast<uintptr_t>(part.iov_base) % traits.memory_alignment == 0;
      if (!aligned || part.iov_len % traits.offset_alignment != 0) return -EINVAL;
      const uint64_t most =
          std::min<uint64_t>({part.iov_len, bytes, content.size() - std::min<uint64_t>(at, content.size())});
      read ? std::memcpy(part.iov_base, content.data() + at, most)
           : std::memcpy(content.data() + at, part.iov_base, most);
      at += most;
      bytes -= most;
    }
    return static_cast<int64_t>(at - operation.offset);
  }
};

class FakeFile final : public loop::File {
 public:
  FakeFile(loop::Loop& loop, std::shared_ptr<FakeDisk> disk) : loop_(loop), disk_(std::move(disk)) {}
  const Traits& traits() const override { return disk_->traits; }
  uint64_t size() const override { return disk_->content.size(); }
  void submit(loop::FileOperation& operation) override {
    disk_->seen.push_back(
        {operation.verb, operation.offset, operation.length, operation.durable, loop_.index()});
    if (disk_->holding) return disk_->held.push_back({&loop_, &operation});
    disk_->act(loop_, operation);
  }
  std::unique_ptr<File> on(loop::Loop& shard) override { return std::make_unique<FakeFile>(shard, disk_); }
  loop::Task<Result<void>> resize(uint64_t bytes, bool allocate) override {
    disk_->resizes.emplace_back(bytes, allocate);
    if (disk_->resize_error != 0 && bytes > 0)
      co_return std::unexpected(error_of_errno(disk_->resize_error, "fake", "resize"));
    disk_->content.resize(bytes);
    co_return Result<void>();
  }

 private:
  loop::Loop& loop_;
  std::shared_ptr<FakeDisk> disk_;
};

}  // namespace ashlar::stores
