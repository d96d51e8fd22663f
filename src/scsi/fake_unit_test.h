// For tests: a LogicalUnit over a vector, whose completions can be held back and whose faults are planted.
#pragma once

#include <algorithm>
#include <cstring>
#include <deque>
#include <memory>
#include <vector>

#include "loop/loop.h"
#include "unit/logical_unit.h"

namespace ashlar::scsi::test {

/// The medium: shared by the channels of all shards.
struct FakeMedium {
  explicit FakeMedium(uint64_t bytes) : data(bytes), allocated(bytes / granule) {}
  static constexpr uint32_t granule = 512;
  std::vector<uint8_t> data;
  std::vector<bool> allocated;
  unit::Identity identity;
  unit::Geometry geometry;
  block::Limits limits;
  uint32_t flushes = 0;
  uint32_t durable_writes = 0;
  uint32_t atomic_writes = 0;
  uint32_t keys_erased = 0;
  std::vector<unit::RangeLock> locks;
  uint64_t next_lock = 1;
  unit::UnitTally tally{4};
  unit::PoolLevel pool_level;
  unit::WorkTime work_time;

  static std::shared_ptr<FakeMedium> make(uint64_t blocks, uint32_t block_bytes = 512) {
    auto medium = std::make_shared<FakeMedium>(blocks * block_bytes);
    medium->identity.name = "fake";
    medium->identity.naa = Naa{0x31, 2, 3, 4, 5, 6, 7, 8};
    medium->identity.eui64 = {8, 7, 6, 5, 4, 3, 2, 1};
    medium->identity.serial = "0123456789abcdef";
    medium->identity.uuid = {1};
    medium->geometry = {.size_bytes = blocks * block_bytes, .block_bytes = block_bytes};
    medium->limits.size_bytes = blocks * block_bytes;
    medium->limits.block_bytes = block_bytes;
    medium->limits.discard_granularity_bytes = 4096;
    medium->limits.discard_zeroes = true;
    medium->limits.find_extent = true;
    medium->limits.atomic_write_bytes = 1u << 20;
    return medium;
  }
  void clear(uint64_t offset, uint64_t length, bool deallocate) {
    std::memset(data.data() + offset, 0, length);
    mark(offset, length, !deallocate);
  }
  void mark(uint64_t offset, uint64_t length, bool now) {
    for (uint64_t i = offset / granule; i < (offset + length) / granule; ++i) allocated[i] = now;
  }
};

class FakeUnit final : public unit::LogicalUnit {
 public:
  explicit FakeUnit(std::shared_ptr<FakeMedium> medium) : medium_(std::move(medium)) {}

  bool hold = false;                        ///< requests wait for release()
  block::Status fault = block::Status::ok;  ///< of the next request that fault_in counts down to
  int fault_in = 0;                         ///< 1: the next one, 0: none, -1: erase_key()

  const unit::Identity& identity() const override { return medium_->identity; }
  unit::Geometry geometry() const override { return medium_->geometry; }
  const block::Limits& limits() const override { return medium_->limits; }
  void set_write_cache(bool enabled) override { medium_->geometry.write_cache = enabled; }
  /// Exclusion within this shard's channel only: enough to try the stories that hold ranges.
  loop::Task<unit::RangeLock> lock_range(uint64_t offset, uint64_t length, bool reads) override {
    const unit::RangeLock lock{offset, length, medium_->next_lock++, reads};
    while (locked(offset, length, lock.id)) {
      loop::Event freed;
      waiting_.push_back(&freed);
      co_await freed;
    }
    locks_.push_back(lock);
    medium_->locks.push_back(lock);
    co_return lock;
  }
  void unlock_range(const unit::RangeLock& lock) override {
    const auto same = [&](const unit::RangeLock& held) { return held.id == lock.id; };
    CHECK(std::erase_if(locks_, same) == 1 && std::erase_if(medium_->locks, same) == 1);
    for (loop::Event* freed : std::exchange(waiting_, {})) freed->set();
    if (!hold) release();
  }
  /// What was written is noise from now on.
  loop::Task<Result<void>> erase_key() override {
    if (fault_in == -1) co_return fail(ErrorCode::io_error, "key", "cannot be kept");
    CHECK(!locks_.empty() && locks_.back().reads, "nothing keeps reads out");
    ++medium_->keys_erased;
    for (size_t i = 0; i < medium_->data.size(); ++i)
      medium_->data[i] ^= static_cast<uint8_t>(0x80 | (i % 127));
    co_return Result<void>{};
  }
  unit::UnitTally& tally() override { return medium_->tally; }
  unit::PoolLevel& pool_level() override { return medium_->pool_level; }
  loop::Task<unit::WorkTime> work_time() override { co_return medium_->work_time; }
  void submit(unit::Command& command) override {
    command.request.begin();
    held_.push_back(&command);
    if (!hold) release();
  }
  size_t held() const { return held_.size(); }
  const unit::Command* first_held() const { return held_.front(); }
  /// Carries out and completes what waits, or the first `count` of it; writes under another's lock stay.
  void release(size_t count = SIZE_MAX) {
    for (auto next = held_.begin(); next != held_.end() && count > 0;) {
      unit::Command& command = **next;
      const block::Request& request = command.request;
      const bool changes = request.operation == block::Operation::write ||
                           request.operation == block::Operation::discard ||
                           request.operation == block::Operation::write_zeroes;
      const bool reads = request.operation == block::Operation::read;
      if ((changes || reads) && locked(request.offset, request.length, command.range_lock, reads)) {
        ++next;
        continue;
      }
      next = held_.erase(next);
      command.request.complete(carry_out(command));
      --count;
    }
  }

 private:
  block::Status carry_out(unit::Command& command) {
    block::Request& request = command.request;
    if (fault_in > 0) {
      --fault_in;
      if (fault_in == 0) return fault;
    }
    if (request.operation == block::Operation::flush) {
      ++medium_->flushes;
      return block::Status::ok;
    }
    if (request.offset % medium_->limits.block_bytes != 0 ||
        request.length % medium_->limits.block_bytes != 0) {
      return block::Status::misaligned;
    }
    if (request.length == 0 || request.offset + request.length > medium_->data.size())
      return block::Status::out_of_range;
    if (request.operation != block::Operation::read && request.operation != block::Operation::find_extent) {
      if (command.mapping_read_only || medium_->geometry.read_only) return block::Status::read_only;
    }
    transfer(request);
    return block::Status::ok;
  }
  void transfer(block::Request& request) {
    switch (request.operation) {
      case block::Operation::read:
      case block::Operation::write: return copy(request);
      case block::Operation::discard: return medium_->clear(request.offset, request.length, true);
      case block::Operation::write_zeroes:
        return medium_->clear(request.offset, request.length, request.may_discard);
      case block::Operation::find_extent: return find_extent(request);
      case block::Operation::clone:
      case block::Operation::flush: return;
    }
  }
  void copy(block::Request& request) {
    uint8_t* at = medium_->data.data() + request.offset;
    uint64_t sum = 0;
    for (const iovec& part : request.parts) {
      if (request.operation == block::Operation::read) {
        std::memcpy(part.iov_base, at + sum, part.iov_len);
      } else {
        std::memcpy(at + sum, part.iov_base, part.iov_len);
      }
      sum += part.iov_len;
    }
    CHECK(sum == request.length, "parts of {} bytes for {}", sum, request.describe());
    if (request.operation == block::Operation::write) {
      medium_->mark(request.offset, request.length, true);
      if (request.atomic) ++medium_->atomic_writes;
      if (request.durable) ++medium_->durable_writes;
    }
  }
  void find_extent(block::Request& request) {
    const uint64_t first = request.offset / FakeMedium::granule;
    const uint64_t end = (request.offset + request.length) / FakeMedium::granule;
    request.extent_allocated = medium_->allocated[first];
    uint64_t i = first;
    // At most four granules an answer, so that the asker has to merge.
    while (i < end && i < first + 4 && medium_->allocated[i] == request.extent_allocated) ++i;
    request.extent_length = (i - first) * FakeMedium::granule;
  }

  bool locked(uint64_t offset, uint64_t length, uint64_t own, bool read = false) const {
    return std::ranges::any_of(locks_, [&](const unit::RangeLock& lock) {
      return lock.id != own && (lock.reads || !read) && lock.offset < offset + length &&
             offset < lock.offset + lock.length;
    });
  }

  std::shared_ptr<FakeMedium> medium_;
  std::deque<unit::Command*> held_;
  std::vector<unit::RangeLock> locks_;
  std::vector<loop::Event*> waiting_;
};

}  // namespace ashlar::scsi::test
