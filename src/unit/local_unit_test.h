// For tests of a unit on three shards: a store whose requests wait, and commands and locks that remember what became of them.
#pragma once

#include <gtest/gtest.h>

#include "block/gatekeeper.h"
#include "block/worlds_test.h"
#include "unit/local_unit.h"

namespace ashlar::unit::test {

using block::Operation;
using block::Request;
using block::Status;

// A disk whose requests wait until the test ends them.
class SlowStore final : public block::Store {
 public:
  class Channel final : public block::BlockDevice {
   public:
    Channel(SlowStore& store, uint32_t shard) : store_(store), shard_(shard) {}
    const block::Limits& limits() const override { return store_.limits_; }
    void submit(Request& request) override {
      if (store_.instant) return request.complete(Status::ok);
      store_.pending.push_back({shard_, &request});
    }

   private:
    SlowStore& store_;
    uint32_t shard_;
  };
  struct Pending {
    uint32_t shard;
    Request* request;
  };
  SlowStore() {
    limits_.size_bytes = 1 << 20;
    limits_.discard_granularity_bytes = 512;
  }
  const block::Limits& limits() const override { return limits_; }
  std::unique_ptr<block::BlockDevice> open_channel(loop::Loop& shard) override {
    return std::make_unique<Channel>(*this, shard.index());
  }
  loop::Task<Result<void>> resize(uint64_t bytes) override {
    if (bytes > (1 << 24)) co_return fail(ErrorCode::no_space, "slow", "too large");
    limits_.size_bytes = bytes;
    co_return Result<void>();
  }
  loop::Task<Result<void>> erase_key() override {
    ++erased;
    co_return Result<void>();
  }
  block::Limits limits_;
  int erased = 0;
  std::vector<Pending> pending;
  bool instant = false;
};

// A command and what became of it.
struct Sent {
  explicit Sent(std::vector<Sent*>* ends) : order(ends) {
    command.request.owner = this;
    command.request.done = [](Request& request) {
      auto* sent = static_cast<Sent*>(request.owner);
      sent->over = true;
      if (sent->order != nullptr) sent->order->push_back(sent);
    };
  }
  Command command;
  iovec part{};
  bool over = false;
  std::vector<Sent*>* order;
};

class LocalUnitTest : public testing::Test {
 protected:
  static constexpr uint32_t shard_count = 3;
  void open(Geometry geometry = {}) {
    Identity identity;
    identity.name = "v1";
    auto opened = shards_.run([&] { return open_unit(identity, geometry, block::guard(store_, "v1")); });
    ASSERT_TRUE(opened) << opened.error().text();
    unit_ = std::move(*opened);
  }
  ~LocalUnitTest() override {
    if (unit_.shared && !closed_) close();
  }
  void close() {
    closed_ = true;
    store_->instant = true;
    finish_all();
    shards_.run([&] { return close_unit(unit_); });
  }
  std::unique_ptr<Sent> send(uint32_t shard, Operation operation, uint64_t offset, uint64_t length,
                             uint64_t lock = 0, bool mapping_read_only = false) {
    auto sent = std::make_unique<Sent>(&ends_);
    Request& request = sent->command.request;
    request.operation = operation;
    request.offset = offset;
    request.length = length;
    sent->part = {memory_.data(), length};
    if (operation == Operation::read || operation == Operation::write) request.parts = {&sent->part, 1};
    sent->command.range_lock = lock;
    sent->command.mapping_read_only = mapping_read_only;
    shards_.on(shard, [&] {
      unit_.on_shard[shard]->submit(sent->command);
      EXPECT_FALSE(sent->over) << "answered inside submit";
    });
    shards_.settle();
    return sent;
  }
  void finish(size_t index, Status status = Status::ok) {
    const SlowStore::Pending pending = store_->pending[index];
    store_->pending.erase(store_->pending.begin() + static_cast<ptrdiff_t>(index));
    shards_.on(pending.shard, [&] { pending.request->complete(status); });
    shards_.settle();
  }
  void finish_all() {
    while (!store_->pending.empty()) finish(0);
  }
  // A story that takes a lock and keeps it until it is told to let go.
  struct Locker {
    bool granted = false;
    bool done = false;
    RangeLock lock;
  };
  loop::Task<void> take(Locker& locker, uint32_t shard, uint64_t offset, uint64_t length, bool reads) {
    auto locking = unit_.on_shard[shard]->lock_range(offset, length, reads);
    locker.lock = co_await locking;
    EXPECT_EQ(loop::Loop::current().index(), shard);
    locker.granted = true;
  }
  std::unique_ptr<Locker> lock(uint32_t shard, uint64_t offset, uint64_t length, bool reads = false) {
    auto locker = std::make_unique<Locker>();
    shards_.on(shard, [&] { take(*locker, shard, offset, length, reads).detach(); });
    shards_.settle();
    return locker;
  }
  void unlock(Locker& locker, uint32_t shard) {
    shards_.on(shard, [&] { unit_.on_shard[shard]->unlock_range(locker.lock); });
    shards_.settle();
  }

  std::vector<uint8_t> memory_ = std::vector<uint8_t>(1 << 20);
  block::TestShards shards_{shard_count};
  std::shared_ptr<SlowStore> store_ = std::make_shared<SlowStore>();
  OpenUnit unit_;
  std::vector<Sent*> ends_;
  bool closed_ = false;
};

}  // namespace ashlar::unit::test
