#include "unit/local_unit.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <set>

#include "block/gatekeeper.h"
#include "block/worlds_test.h"

namespace ashlar::unit {
namespace {

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
  block::Limits limits_;
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

TEST_F(LocalUnitTest, TellsWhatItIs) {
  store_->limits_.rotational = true;
  Geometry geometry;
  geometry.physical_block_exponent = 3;
  open(geometry);
  EXPECT_EQ(unit_.on_shard.size(), shard_count);
  EXPECT_EQ(unit_.on_shard[2]->identity().name, "v1");
  EXPECT_EQ(unit_.on_shard[1]->geometry().size_bytes, 1u << 20);
  EXPECT_TRUE(unit_.on_shard[1]->geometry().rotational);
  EXPECT_EQ(unit_.on_shard[1]->limits().size_bytes, 1u << 20);
}

TEST_F(LocalUnitTest, RefusesAStoreOfOtherBlocks) {
  Geometry geometry;
  geometry.block_bytes = 4096;
  const auto opened = shards_.run([&] { return open_unit({}, geometry, store_); });
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().place, "block_bytes");
}

TEST_F(LocalUnitTest, WritesAreDurableUnlessTheWriteCacheIsOn) {
  open();
  auto first = send(0, Operation::write, 0, 512);
  EXPECT_TRUE(first->command.request.durable);
  shards_.on(2, [&] { unit_.on_shard[2]->set_write_cache(true); });
  EXPECT_TRUE(unit_.on_shard[0]->geometry().write_cache);
  auto second = send(1, Operation::write, 0, 512);
  EXPECT_FALSE(second->command.request.durable);
  shards_.on(0, [&] { unit_.on_shard[0]->set_write_cache(false); });
  auto third = send(1, Operation::write_zeroes, 0, 512);
  EXPECT_TRUE(third->command.request.durable);
  finish_all();
}

TEST_F(LocalUnitTest, ReadOnlyIsAnsweredNotDone) {
  Geometry geometry;
  geometry.read_only = true;
  open(geometry);
  for (const Operation operation : {Operation::write, Operation::discard, Operation::write_zeroes}) {
    EXPECT_EQ(send(0, operation, 0, 512)->command.request.status, Status::read_only);
  }
  auto reading = send(0, Operation::read, 0, 512);
  EXPECT_EQ(store_->pending.size(), 1u);
  finish_all();
  EXPECT_EQ(reading->command.request.status, Status::ok);
}

TEST_F(LocalUnitTest, AMappingCanBeReadOnlyByItself) {
  open();
  EXPECT_EQ(send(0, Operation::write, 0, 512, 0, true)->command.request.status, Status::read_only);
  auto other = send(0, Operation::write, 0, 512);
  auto reading = send(0, Operation::read, 0, 512, 0, true);
  finish_all();
  EXPECT_EQ(other->command.request.status, Status::ok);
  EXPECT_EQ(reading->command.request.status, Status::ok);
}

TEST_F(LocalUnitTest, ALockWaitsForTheWritesOfAllShardsAndHoldsNewOnes) {
  open();
  auto before_0 = send(0, Operation::write, 0, 512);
  auto before_2 = send(2, Operation::discard, 1024, 512);
  auto elsewhere = send(1, Operation::write, 8192, 512);
  auto locker = lock(1, 0, 4096);
  EXPECT_FALSE(locker->granted);
  auto after = send(0, Operation::write, 512, 512);
  auto reading = send(0, Operation::read, 0, 512);
  auto far = send(0, Operation::write, 4096, 512);
  EXPECT_EQ(store_->pending.size(), 5u)
      << "the write that came after waits; the read and the far write do not";
  finish(0);
  EXPECT_FALSE(locker->granted);
  finish(0);
  EXPECT_TRUE(before_2->over);
  EXPECT_TRUE(locker->granted);
  EXPECT_FALSE(elsewhere->over);
  auto own = send(1, Operation::write, 0, 512, locker->lock.id);
  EXPECT_EQ(store_->pending.size(), 4u) << "its own write goes through";
  finish_all();
  EXPECT_TRUE(own->over && reading->over && far->over);
  EXPECT_FALSE(after->over);
  unlock(*locker, 1);
  EXPECT_EQ(store_->pending.size(), 1u);
  finish_all();
  EXPECT_EQ(after->command.request.status, Status::ok);
}

TEST_F(LocalUnitTest, ALockMayKeepReadsOutToo) {
  open();
  auto before = send(2, Operation::read, 0, 512);
  auto locker = lock(1, 0, 4096, true);
  EXPECT_FALSE(locker->granted) << "a read of another shard is in the disk";
  auto after = send(0, Operation::read, 512, 512);
  auto far = send(0, Operation::read, 4096, 512);
  EXPECT_EQ(store_->pending.size(), 2u);
  finish(0);
  EXPECT_TRUE(before->over);
  EXPECT_TRUE(locker->granted);
  finish_all();
  EXPECT_TRUE(far->over);
  EXPECT_FALSE(after->over);
  unlock(*locker, 1);
  finish_all();
  EXPECT_EQ(after->command.request.status, Status::ok);
}

TEST_F(LocalUnitTest, OverlappingLocksAreGivenInOrderAndWritesBetweenThemGoFirst) {
  open();
  auto first = lock(0, 0, 4096);
  EXPECT_TRUE(first->granted);
  auto second = lock(1, 2048, 4096);
  EXPECT_FALSE(second->granted);
  auto apart = lock(2, 65536, 4096);
  EXPECT_TRUE(apart->granted) << "a lock elsewhere does not wait";
  auto held = send(2, Operation::write, 2048, 512);
  EXPECT_TRUE(store_->pending.empty());
  unlock(*first, 0);
  EXPECT_EQ(store_->pending.size(), 1u) << "the write that waited for the first lock goes before the second";
  EXPECT_FALSE(second->granted);
  finish_all();
  EXPECT_TRUE(held->over);
  EXPECT_TRUE(second->granted);
  unlock(*second, 1);
  unlock(*apart, 2);
}

TEST_F(LocalUnitTest, CloseWaitsForWhatIsInFlightAndAbortsTheRest) {
  open();
  auto flying = send(1, Operation::read, 0, 512);
  auto holder = lock(0, 0, 4096);
  auto waiting_lock = lock(2, 0, 4096);
  auto held = send(1, Operation::write, 0, 512);
  bool closed = false;
  auto closing = [&]() -> loop::Task<void> {
    auto task = close_unit(unit_);
    co_await task;
    closed = true;
  };
  shards_.on(0, [&] { closing().detach(); });
  shards_.settle();
  EXPECT_TRUE(waiting_lock->granted);
  EXPECT_EQ(waiting_lock->lock.id, 0u) << "nothing is held any more";
  EXPECT_EQ(held->command.request.status, Status::aborted);
  EXPECT_FALSE(closed);
  auto late = send(0, Operation::read, 0, 512);
  EXPECT_EQ(late->command.request.status, Status::aborted);
  finish_all();
  EXPECT_TRUE(flying->over);
  EXPECT_TRUE(closed);
  closed_ = true;
  // Stories that end after the close still let go of what they held, and find the unit answering.
  unlock(*holder, 0);
  unlock(*waiting_lock, 2);
  EXPECT_EQ(send(2, Operation::write, 0, 512)->command.request.status, Status::aborted);
  auto late_lock = lock(1, 0, 512);
  EXPECT_TRUE(late_lock->granted);
  EXPECT_EQ(late_lock->lock.id, 0u);
  EXPECT_EQ(unit_.on_shard[0]->limits().size_bytes, 1u << 20);
}

TEST_F(LocalUnitTest, GrowsAtOnceAndShrinksAfterTheWritesPastTheEnd) {
  open();
  EXPECT_TRUE(shards_.run([&] { return resize_unit(unit_, 2 << 20); }));
  EXPECT_EQ(unit_.on_shard[2]->geometry().size_bytes, 2u << 20);
  EXPECT_FALSE(shards_.run([&] { return resize_unit(unit_, 1000); }));
  EXPECT_FALSE(shards_.run([&] { return resize_unit(unit_, 1 << 30); }));
  EXPECT_EQ(unit_.on_shard[2]->geometry().size_bytes, 2u << 20) << "a refused resize changes nothing";

  auto past = send(1, Operation::write, (2 << 20) - 512, 512);
  bool resized = false;
  auto shrinking = [&]() -> loop::Task<void> {
    auto task = resize_unit(unit_, 1 << 20);
    EXPECT_TRUE((co_await task).has_value());
    resized = true;
  };
  shards_.on(0, [&] { shrinking().detach(); });
  shards_.settle();
  auto late = send(2, Operation::write, (2 << 20) - 512, 512);
  EXPECT_EQ(store_->limits_.size_bytes, 2u << 20);
  finish(0);
  EXPECT_TRUE(past->over);
  EXPECT_TRUE(resized);
  EXPECT_EQ(store_->limits_.size_bytes, 1u << 20);
  EXPECT_EQ(late->command.request.status, Status::out_of_range);
}

using LocalUnitDeathTest = LocalUnitTest;
TEST_F(LocalUnitDeathTest, AUnitThatIsNotClosedIsABug) {
  EXPECT_DEATH(
      {
        open();
        unit_ = OpenUnit{};
      },
      "unit v1 was dropped before close_unit");
  closed_ = true;
}

// Random lockers and writers on three shards. At every moment: no two granted locks overlap, and nothing that overlaps a
// granted lock is in the disk unless it goes under that lock, or is a read that the lock lets pass. In the end: everyone was served.
struct Move {
  enum class Kind : uint8_t { write, read, lock, unlock, finish } kind;
  uint32_t shard;
  uint64_t block, count;
  uint32_t choice;
};
std::ostream& operator<<(std::ostream& out, const Move& move) {
  static constexpr const char* names[] = {"write", "read", "lock", "unlock", "finish"};
  return out << names[static_cast<int>(move.kind)] << " shard " << move.shard << " [" << move.block << "+"
             << move.count << ") choice " << move.choice;
}

class LockModel : public LocalUnitTest {
 public:
  using LocalUnitTest::open;
  void TestBody() override {}
  std::string play(const std::vector<Move>& moves) {
    open();
    for (const Move& move : moves) {
      step(move);
      if (std::string wrong = check(); !wrong.empty()) {
        wind_up();
        return wrong;
      }
    }
    return wind_up();
  }

 private:
  struct Held {
    uint32_t shard;
    RangeLock lock;
  };
  struct Story {
    uint32_t shard;
    std::unique_ptr<Locker> locker;
    bool released = false;
  };
  void step(const Move& move) {
    const uint64_t offset = move.block * 512;
    const uint64_t length = move.count * 512;
    switch (move.kind) {
      case Move::Kind::write:
        commands_.push_back(
            send(move.shard, Operation::write, offset, length, own_lock(move, offset, length)));
        break;
      case Move::Kind::read: commands_.push_back(send(move.shard, Operation::read, offset, length)); break;
      case Move::Kind::lock:
        stories_.push_back({move.shard, lock(move.shard, offset, length, move.choice % 2 != 0)});
        break;
      case Move::Kind::unlock: release(move.choice); break;
      case Move::Kind::finish:
        if (!store_->pending.empty()) finish(move.choice % store_->pending.size());
        break;
    }
  }
  // Every third write goes under a lock of its shard that covers it, if there is one.
  uint64_t own_lock(const Move& move, uint64_t offset, uint64_t length) {
    if (move.choice % 3 != 0) return 0;
    for (const Story& story : stories_) {
      const RangeLock& lock = story.locker->lock;
      const bool covers = lock.offset <= offset && offset + length <= lock.offset + lock.length;
      if (story.locker->granted && !story.released && story.shard == move.shard && covers) return lock.id;
    }
    return 0;
  }
  void release(uint32_t choice) {
    std::vector<Story*> granted;
    for (Story& story : stories_) {
      if (story.locker->granted && !story.released) granted.push_back(&story);
    }
    if (granted.empty()) return;
    Story& story = *granted[choice % granted.size()];
    // As a story does: what goes under the lock ends before the lock does.
    for (bool found = true; found;) {
      found = false;
      for (size_t i = 0; i < store_->pending.size() && !found; ++i) {
        if (lock_of(*store_->pending[i].request) != story.locker->lock.id) continue;
        finish(i);
        found = true;
      }
    }
    story.released = true;
    unlock(*story.locker, story.shard);
  }
  static uint64_t lock_of(const Request& request) {
    return static_cast<Sent*>(request.owner)->command.range_lock;
  }
  std::string check() const {
    for (const Story& story : stories_) {
      if (!story.locker->granted || story.released) continue;
      const RangeLock& lock = story.locker->lock;
      for (const Story& other : stories_) {
        const RangeLock& second = other.locker->lock;
        const bool both = &other != &story && other.locker->granted && !other.released;
        if (both && overlap(lock.offset, lock.length, second.offset, second.length)) {
          return fmt::format("locks {} and {} are both held", lock.id, second.id);
        }
      }
      for (const SlowStore::Pending& pending : store_->pending) {
        const Request& request = *pending.request;
        const bool inside = overlap(lock.offset, lock.length, request.offset, request.length);
        const bool kept_out = request.operation == Operation::write || lock.reads;
        if (kept_out && inside && lock_of(request) != lock.id) {
          return fmt::format("{} is in the disk under lock {}", request.describe(), lock.id);
        }
      }
    }
    return {};
  }
  // Ends and releases all that can be, until nothing changes: then nobody may be left.
  std::string wind_up() {
    for (size_t rounds = 0; rounds < 2 * stories_.size() + 2; ++rounds) {
      finish_all();
      release(0);
    }
    finish_all();
    std::string wrong;
    for (const Story& story : stories_) {
      if (!story.locker->granted || !story.released) wrong = "a lock was never granted";
    }
    for (const auto& sent : commands_) {
      if (!sent->over) wrong = "a command was never answered";
    }
    close();
    return wrong;
  }
  std::vector<std::unique_ptr<Sent>> commands_;
  std::vector<Story> stories_;
};

TEST(LocalUnitModel, LocksExcludeAndEverybodyIsServed) {
  const auto any_move =
      rc::gen::map(rc::gen::tuple(rc::gen::weightedElement<int>({{5, 0}, {1, 1}, {3, 2}, {3, 3}, {5, 4}}),
                                  rc::gen::inRange<uint32_t>(0, 3), rc::gen::inRange<uint64_t>(0, 16),
                                  rc::gen::inRange<uint64_t>(1, 6), rc::gen::inRange<uint32_t>(0, 100)),
                   [](const std::tuple<int, uint32_t, uint64_t, uint64_t, uint32_t>& drawn) {
                     return Move{static_cast<Move::Kind>(std::get<0>(drawn)), std::get<1>(drawn),
                                 std::get<2>(drawn), std::get<3>(drawn), std::get<4>(drawn)};
                   });
  EXPECT_TRUE(rc::check("range locks", [&] {
    const auto moves = *rc::gen::container<std::vector<Move>>(any_move);
    LockModel model;
    const std::string wrong = model.play(moves);
    if (!wrong.empty()) RC_FAIL(wrong);
  }));
}

}  // namespace
}  // namespace ashlar::unit
