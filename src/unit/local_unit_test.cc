#include "unit/local_unit_test.h"

namespace ashlar::unit::test {
namespace {

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

TEST_F(LocalUnitTest, TheKeyIsErasedAtHomeForEveryShard) {
  open();
  std::optional<Result<void>> outcome;
  block::Story story = [&]() -> loop::Task<void> {
    auto erasing = unit_.on_shard[2]->erase_key();
    outcome = co_await erasing;
  };
  shards_.on(2, [&] { story().detach(); });
  shards_.settle();
  ASSERT_TRUE(outcome.has_value());
  EXPECT_TRUE(outcome->has_value());
  EXPECT_EQ(store_->erased, 1);
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

}  // namespace
}  // namespace ashlar::unit::test
