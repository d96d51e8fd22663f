// Range locks of a unit, over all shards: who waits for whom.
#include <rapidcheck.h>

#include "unit/local_unit_test.h"

namespace ashlar::unit::test {
namespace {

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
}  // namespace ashlar::unit::test
