#include "unit/copier.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <cstring>

#include "block/gatekeeper.h"
#include "block/worlds_test.h"
#include "unit/local_unit.h"

namespace ashlar::unit {
namespace {

using block::Operation;
using block::Request;
using block::Status;

constexpr uint64_t kib = 1024, mib = 1024 * kib;

class ByteStore;
struct ByteSource final : block::CloneSource {
  explicit ByteSource(ByteStore& of) : store(of) {}
  ByteStore& store;
};

// Bytes that remember what was asked of them; places can be bad, and requests can be held.
class ByteStore final : public block::Store {
 public:
  explicit ByteStore(uint64_t bytes) : data(bytes) { limits_.size_bytes = bytes; }
  const block::Limits& limits() const override { return limits_; }
  std::unique_ptr<block::BlockDevice> open_channel(loop::Loop& shard) override {
    return std::make_unique<Channel>(*this, shard.index());
  }
  loop::Task<Result<void>> resize(uint64_t) override { co_return Result<void>(); }

  void carry_out(Request& request) {
    const bool bad = request.offset <= bad_offset && bad_offset < request.offset + request.length;
    if (bad && request.operation == bad_operation) return request.complete(bad_status);
    ++operations[static_cast<size_t>(request.operation)];
    uint8_t* at = data.data() + request.offset;
    if (request.operation == Operation::write_zeroes) std::memset(at, 0, request.length);
    if (request.operation == Operation::find_extent) {
      request.extent_allocated = std::any_of(at, at + request.length, [](uint8_t byte) { return byte != 0; });
      request.extent_length = request.length;
    }
    if (request.operation == Operation::clone) {
      if (!shares) return request.complete(Status::unsupported);
      auto& from = static_cast<ByteSource*>(request.clone_source)->store;
      std::memcpy(at, from.data.data() + request.clone_source_offset, request.length);
    }
    for (const iovec& part : request.parts) {
      const bool reads = request.operation == Operation::read;
      reads ? std::memcpy(part.iov_base, at, part.iov_len) : std::memcpy(at, part.iov_base, part.iov_len);
      at += part.iov_len;
    }
    request.complete(Status::ok);
  }

  struct Held {
    uint32_t shard;
    Request* request;
  };
  std::vector<uint8_t> data;
  block::Limits limits_;
  uint64_t bad_offset = UINT64_MAX;
  Operation bad_operation = Operation::read;
  Status bad_status = Status::medium_error;
  bool hold = false;
  bool may_share = false, shares = true;
  std::vector<Held> held;
  std::array<size_t, 7> operations{};

 private:
  class Channel final : public block::BlockDevice {
   public:
    Channel(ByteStore& store, uint32_t shard) : store_(store), shard_(shard) {}
    const block::Limits& limits() const override { return store_.limits_; }
    void submit(Request& request) override {
      if (store_.hold) return store_.held.push_back({shard_, &request});
      store_.carry_out(request);
    }
    std::shared_ptr<block::CloneSource> clone_source() override {
      return store_.may_share ? std::make_shared<ByteSource>(store_) : nullptr;
    }

   private:
    ByteStore& store_;
    uint32_t shard_;
  };
};

// Lets so many steps go on.
struct Warden final : CopyWarden {
  size_t steps = SIZE_MAX;
  bool may_go_on() override {
    if (steps == 0) return false;
    --steps;
    return true;
  }
};

class CopierTest : public testing::Test {
 protected:
  static constexpr uint64_t unit_bytes = 12 * mib;
  struct Volume {
    std::shared_ptr<ByteStore> store = std::make_shared<ByteStore>(unit_bytes);
    OpenUnit unit;
    bool closed = false;
  };
  CopierTest() {
    for (Volume* volume : {&a_, &b_}) {
      Identity identity;
      identity.name = volume == &a_ ? "a" : "b";
      auto opened =
          shards_.run([&] { return open_unit(identity, {}, block::guard(volume->store, identity.name)); });
      CHECK(opened);
      volume->unit = std::move(*opened);
    }
    for (size_t i = 0; i < unit_bytes; ++i) a_.store->data[i] = static_cast<uint8_t>(i % 251 + 1);
  }
  ~CopierTest() override {
    for (Volume* volume : {&a_, &b_}) close(*volume);
    EXPECT_EQ(shards_.at(shard).buffers().in_use(), 0u);
  }
  void close(Volume& volume) {
    if (std::exchange(volume.closed, true)) return;
    let_go(volume);
    shards_.run([&] { return close_unit(volume.unit); });
  }
  void let_go(Volume& volume, size_t count = SIZE_MAX) {
    if (count == SIZE_MAX) volume.store->hold = false;
    for (; count > 0 && !volume.store->held.empty(); --count) {
      const ByteStore::Held first = volume.store->held.front();
      volume.store->held.erase(volume.store->held.begin());
      shards_.on(first.shard, [&] { volume.store->carry_out(*first.request); });
      shards_.settle();
    }
  }
  CopyWork work(Volume& from, uint64_t source, Volume& to, uint64_t destination, uint64_t length) {
    return {from.unit.on_shard[shard], to.unit.on_shard[shard], source, destination, length};
  }
  struct Run {
    std::unique_ptr<Copier> copier;
    std::optional<CopyOutcome> outcome;
  };
  static loop::Task<void> story(Run& run, CopyWork work) {
    auto copying = run.copier->copy(std::move(work));
    run.outcome = co_await copying;
  }
  std::unique_ptr<Run> start(CopyWork work) {
    auto run = std::make_unique<Run>();
    run->copier = std::make_unique<Copier>(budget_, nexus_, warden_);
    shards_.on(shard, [&] {
      CHECK(run->copier->start(shards_.at(shard).buffers()));
      story(*run, std::move(work)).detach();
    });
    shards_.settle();
    return run;
  }
  CopyOutcome copy(CopyWork work) {
    const auto run = start(std::move(work));
    CHECK(run->outcome, "the copy has not ended");
    last_bytes_done_ = run->copier->bytes_done();
    return *run->outcome;
  }
  static std::vector<uint8_t> part(const Volume& volume, uint64_t offset, uint64_t length) {
    const auto begin = volume.store->data.begin() + static_cast<ptrdiff_t>(offset);
    return {begin, begin + static_cast<ptrdiff_t>(length)};
  }

  static constexpr uint32_t shard = 1;
  block::TestShards shards_{3};
  Volume a_, b_;
  CopyBudget budget_;
  Nexus nexus_;
  Warden warden_;
  uint64_t last_bytes_done_ = 0;
};

TEST_F(CopierTest, CopiesFromOneUnitToAnotherAndNothingBeside) {
  const CopyOutcome outcome = copy(work(a_, 512, b_, 3 * mib, 5 * mib + 512));
  EXPECT_EQ(outcome.status, Status::ok);
  EXPECT_EQ(outcome.done, 5 * mib + 512);
  EXPECT_EQ(last_bytes_done_, 5 * mib + 512);
  EXPECT_EQ(part(b_, 3 * mib, 5 * mib + 512), part(a_, 512, 5 * mib + 512));
  EXPECT_EQ(part(b_, 0, 3 * mib), std::vector<uint8_t>(3 * mib));
  EXPECT_EQ(part(b_, 8 * mib + 512, 512), std::vector<uint8_t>(512));
  EXPECT_EQ(budget_.copies(), 0u);
}

TEST_F(CopierTest, RangesThatOverlapGetWhatWasThereBefore) {
  EXPECT_TRUE(rc::check([&] {
    const uint64_t length = *rc::gen::inRange<uint64_t>(1, 12000) * 512;
    const uint64_t most = (unit_bytes - length) / 512 + 1;
    const uint64_t from = *rc::gen::inRange<uint64_t>(0, most) * 512;
    const uint64_t to = *rc::gen::inRange<uint64_t>(0, most) * 512;
    std::vector<uint8_t> expected = a_.store->data;
    std::memmove(expected.data() + to, expected.data() + from, length);
    const CopyOutcome outcome = copy(work(a_, from, a_, to, length));
    RC_ASSERT(outcome.done == length);
    RC_ASSERT(a_.store->data == expected);
  }));
}

TEST_F(CopierTest, TellsWhichSideFailedAndHowFarItCame) {
  a_.store->bad_offset = 6 * mib + 1024;
  CopyOutcome outcome = copy(work(a_, 1 * mib, b_, 0, 8 * mib));
  EXPECT_EQ(outcome.status, Status::medium_error);
  EXPECT_EQ(outcome.side, CopySide::source);
  EXPECT_LE(outcome.done, 5 * mib + 1024);
  EXPECT_GE(outcome.done, 4 * mib);
  EXPECT_EQ(part(b_, 0, outcome.done), part(a_, 1 * mib, outcome.done));
  a_.store->bad_offset = UINT64_MAX;
  b_.store->bad_operation = Operation::write;
  b_.store->bad_status = Status::no_space;
  b_.store->bad_offset = 0;
  outcome = copy(work(a_, 0, b_, 0, 1 * mib));
  EXPECT_EQ(outcome.status, Status::no_space);
  EXPECT_EQ(outcome.side, CopySide::destination);
  EXPECT_EQ(outcome.done, 0u);
}

TEST_F(CopierTest, TheWardenEndsItBeforeTheNextStep) {
  for (const size_t steps : {0u, 1u, 2u, 3u}) {
    warden_.steps = steps;
    std::ranges::fill(b_.store->operations, 0);
    const CopyOutcome outcome = copy(work(a_, 0, b_, 0, 200 * kib));
    EXPECT_EQ(outcome.status, steps < 2 ? Status::aborted : Status::ok) << steps;
    EXPECT_EQ(outcome.side, CopySide::neither);
    EXPECT_EQ(b_.store->operations[static_cast<size_t>(Operation::write)], steps < 2 ? 0u : 1u) << steps;
  }
}

TEST_F(CopierTest, KeepsOthersWritesOutOfThePieceUntilItIsCopied) {
  b_.store->hold = true;
  const auto run = start(work(a_, 0, b_, 0, 64 * kib));
  std::vector<uint8_t> memory(512, 9);
  iovec one{memory.data(), memory.size()};
  Command write;
  bool over = false;
  write.request.operation = Operation::write;
  write.request.length = 512;
  write.request.parts = {&one, 1};
  write.request.owner = &over;
  write.request.done = [](Request& done) { *static_cast<bool*>(done.owner) = true; };
  shards_.on(2, [&] { b_.unit.on_shard[2]->submit(write); });
  shards_.settle();
  ASSERT_EQ(b_.store->held.size(), 1u) << "the write of the other shard waits above the store";
  let_go(b_);
  EXPECT_TRUE(over);
  ASSERT_TRUE(run->outcome);
  EXPECT_EQ(part(b_, 0, 512), memory);
  EXPECT_EQ(part(b_, 512, 512), part(a_, 512, 512));
}

TEST_F(CopierTest, WhatIsNotAllocatedIsNotRead) {
  for (Volume* volume : {&a_, &b_}) {
    volume->store->limits_.find_extent = volume->store->limits_.discard_zeroes = true;
    volume->store->limits_.discard_granularity_bytes = 512;
  }
  std::ranges::fill(a_.store->data, 0);
  std::ranges::fill(b_.store->data, 7);
  a_.store->data[5 * mib] = 1;
  EXPECT_EQ(copy(work(a_, 0, b_, 0, unit_bytes)).done, unit_bytes);
  EXPECT_EQ(b_.store->data, a_.store->data);
  EXPECT_EQ(b_.store->operations[static_cast<size_t>(Operation::write_zeroes)], 2u);
}

TEST_F(CopierTest, SharesWhereBothStoresCan) {
  const auto count = [&](Operation operation) {
    return b_.store->operations[static_cast<size_t>(operation)];
  };
  a_.store->may_share = true;
  EXPECT_EQ(copy(work(a_, 0, b_, 0, 9 * mib)).done, 9 * mib);
  EXPECT_EQ(count(Operation::clone), 0u) << "both must be able to";
  std::ranges::fill(b_.store->data, 0);
  std::ranges::fill(b_.store->operations, 0);
  b_.store->may_share = true;
  EXPECT_EQ(copy(work(a_, 512, b_, 1024, 9 * mib)).done, 9 * mib);
  EXPECT_EQ(last_bytes_done_, 9 * mib);
  EXPECT_EQ(count(Operation::clone), 3u);
  EXPECT_EQ(count(Operation::write), 0u);
  EXPECT_EQ(part(b_, 1024, 9 * mib), part(a_, 512, 9 * mib));
  std::ranges::fill(b_.store->data, 0);
  std::ranges::fill(b_.store->operations, 0);
  b_.store->shares = false;
  EXPECT_EQ(copy(work(a_, 512, b_, 1024, 9 * mib)).done, 9 * mib);
  EXPECT_GE(count(Operation::write), 9u) << "then it is copied";
  EXPECT_EQ(part(b_, 1024, 9 * mib), part(a_, 512, 9 * mib));
  b_.store->shares = true;
  b_.store->bad_operation = Operation::clone;
  b_.store->bad_offset = 5 * mib;
  const CopyOutcome outcome = copy(work(a_, 0, b_, 0, 9 * mib));
  EXPECT_EQ(outcome.status, Status::medium_error);
  EXPECT_EQ(outcome.side, CopySide::destination);
  EXPECT_EQ(outcome.done, 4 * mib);
}

TEST_F(CopierTest, NothingIsSharedOfAUnitThatFailedOrCloses) {
  a_.store->bad_offset = 0;
  a_.store->bad_status = Status::device_failed;
  EXPECT_EQ(copy(work(a_, 0, b_, 0, mib)).status, Status::device_failed);
  a_.store->bad_offset = UINT64_MAX;  // it answers again, but what it was given may be lost
  a_.store->may_share = b_.store->may_share = true;
  const CopyOutcome outcome = copy(work(a_, 0, b_, 0, mib));
  EXPECT_EQ(outcome.status, Status::device_failed);
  EXPECT_EQ(outcome.side, CopySide::source);
  EXPECT_EQ(b_.store->operations[static_cast<size_t>(Operation::clone)], 0u);

  b_.store->hold = true;
  const auto run = start(work(b_, 0, b_, 4 * mib, mib));
  EXPECT_NE(b_.unit.on_shard[shard]->clone_source(), nullptr);
  b_.closed = true;
  std::optional<loop::Task<void>> closing;
  shards_.on(0, [&] { closing.emplace(close_unit(b_.unit)); });
  shards_.settle();
  EXPECT_FALSE(closing->done()) << "a clone is still in the store";
  EXPECT_EQ(b_.unit.on_shard[shard]->clone_source(), nullptr);
  let_go(b_);
  EXPECT_TRUE(closing->done());
}

TEST_F(CopierTest, AUnitThatClosesEndsIt) {
  b_.store->hold = true;
  const auto run = start(work(a_, 0, b_, 0, 8 * mib));
  EXPECT_FALSE(run->outcome);
  b_.closed = true;
  std::optional<loop::Task<void>> closing;
  shards_.on(0, [&] { closing.emplace(close_unit(b_.unit)); });
  shards_.settle();
  EXPECT_FALSE(closing->done()) << "a write is still in the store";
  let_go(b_);
  EXPECT_TRUE(closing->done());
  ASSERT_TRUE(run->outcome);
  EXPECT_EQ(run->outcome->status, Status::aborted);
  EXPECT_EQ(run->outcome->side, CopySide::destination);
}

TEST_F(CopierTest, ZeroesARange) {
  auto copier = std::make_unique<Copier>(budget_, nexus_, warden_);
  ASSERT_TRUE(copier->start(shards_.at(shard).buffers()));
  std::optional<loop::Task<CopyOutcome>> task;
  shards_.on(shard, [&] { task.emplace(copier->write_zeroes(a_.unit.on_shard[shard], 512, 1024)); });
  shards_.settle();
  ASSERT_TRUE(task->done());
  EXPECT_EQ(task->take().done, 1024u);
  EXPECT_EQ(part(a_, 512, 1024), std::vector<uint8_t>(1024));
  EXPECT_NE(a_.store->data[511], 0);
  EXPECT_NE(a_.store->data[1536], 0);
}

TEST(CopyBudget, BoundsAShardAndANexus) {
  CopyBudget budget;
  std::array<Nexus, 5> hosts;
  for (uint32_t i = 0; i < CopyBudget::most_copies_of_nexus; ++i) EXPECT_TRUE(budget.admit(hosts[0]));
  EXPECT_FALSE(budget.admit(hosts[0])) << "one host leaves room for others";
  for (uint32_t i = budget.copies(); i < CopyBudget::most_copies; ++i)
    EXPECT_TRUE(budget.admit(hosts[1 + (i - 16) / 16]));
  EXPECT_FALSE(budget.admit(hosts[4]));
  budget.leave(hosts[0]);
  EXPECT_TRUE(budget.admit(hosts[4]));
  for (uint32_t i = 0; i < CopyBudget::most_extra_lanes; ++i) EXPECT_TRUE(budget.take_lane());
  EXPECT_FALSE(budget.take_lane());
}

}  // namespace
}  // namespace ashlar::unit
