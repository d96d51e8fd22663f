#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "block/gatekeeper.h"
#include "block/worlds_test.h"
#include "stores/page_table.h"
#include "stores/stores.h"

namespace ashlar::stores {
namespace {

using block::Operation;
using block::Status;

uint64_t counter(const block::Store& store, const std::string& name) {
  std::map<std::string, uint64_t> counters;
  store.collect(counters);
  return counters.at(name);
}

TEST(PageTable, TwoThreadsFaultInTheSamePages) {
  PageTable pages;
  constexpr uint64_t count = 512;
  std::atomic<int> ready = 0;
  auto touch = [&](uint64_t byte) {
    ++ready;
    while (ready < 2) {
    }
    for (uint64_t i = 0; i < count; ++i)
      pages.find_or_make(i * PageTable::page_bytes * 37)[byte] = static_cast<uint8_t>(i + byte);
  };
  std::thread one(touch, 1);
  std::thread two(touch, 2);
  one.join();
  two.join();
  EXPECT_EQ(pages.pages_in_use(), count);
  for (uint64_t i = 0; i < count; ++i) {
    const uint8_t* page = pages.find(i * PageTable::page_bytes * 37);
    ASSERT_NE(page, nullptr);
    EXPECT_EQ(page[0], 0);
    EXPECT_EQ(page[1], static_cast<uint8_t>(i + 1));
    EXPECT_EQ(page[2], static_cast<uint8_t>(i + 2));
  }
}

TEST(PageTable, RunsEndWhereThePagesChange) {
  PageTable pages;
  constexpr uint64_t page = PageTable::page_bytes;
  pages.find_or_make(3 * page);
  pages.find_or_make(4 * page);
  pages.find_or_make(PageTable::leaf_bytes);
  EXPECT_EQ(pages.run_length(0, PageTable::max_bytes, false), 3 * page);
  EXPECT_EQ(pages.run_length(page + 512, PageTable::max_bytes, false), 2 * page - 512);
  EXPECT_EQ(pages.run_length(3 * page, PageTable::max_bytes, true), 2 * page);
  EXPECT_EQ(pages.run_length(3 * page, 4 * page + 512, true), page + 512);
  // It stops looking after one leaf's worth of steps, and tells what it has seen.
  EXPECT_EQ(pages.run_length(2 * PageTable::leaf_bytes, PageTable::max_bytes, false),
            PageTable::pages_per_leaf * PageTable::leaf_bytes);
  EXPECT_EQ(pages.run_length(5 * page, PageTable::max_bytes, false), PageTable::leaf_bytes - 5 * page);
}

TEST(MemoryStore, DiscardGivesMemoryBackWhenEveryShardHasPassedATurn) {
  block::TestShards shards(2);
  block::StoreSpec spec;
  spec.size_bytes = 1 << 30;
  const OpenedStore opened = shards.run([&] { return open_memory(spec); });
  ASSERT_TRUE(opened);
  auto channel = (*opened)->open_channel(shards.at(0));
  std::vector<uint8_t> data(1 << 20, 0x11);
  EXPECT_EQ(shards.run([&] { return block::perform(*channel, Operation::write, 4096, data); }), Status::ok);
  EXPECT_EQ(counter(**opened, "memory.bytes_in_use"), 17 * PageTable::page_bytes);
  EXPECT_EQ(shards.run([&] { return block::perform(*channel, Operation::discard, 0, {}, 1 << 20); }),
            Status::ok);
  EXPECT_EQ(counter(**opened, "memory.bytes_in_use"), PageTable::page_bytes);
  EXPECT_EQ(shards.run([&] {
    return block::perform(*channel, Operation::write_zeroes, 1 << 20, {}, 1 << 20, false);
  }),
            Status::ok);
  EXPECT_EQ(counter(**opened, "memory.bytes_in_use"), PageTable::page_bytes);
  EXPECT_EQ(shards.run([&] {
    return block::perform(*channel, Operation::write_zeroes, 1 << 20, {}, 1 << 20, true);
  }),
            Status::ok);
  EXPECT_EQ(counter(**opened, "memory.bytes_in_use"), 0u);
}

TEST(MemoryStore, TwoShardsWriteReadAndDiscardAtOnce) {
  block::RealWorld world;
  constexpr uint64_t size = 8 << 20;
  constexpr uint64_t block = 4096;
  block::Story story = [&]() -> loop::Task<void> {
    block::StoreSpec spec;
    spec.size_bytes = size;
    auto opening = open_memory(spec);
    auto opened = co_await opening;
    const std::shared_ptr<block::Store> store = *opened;
    loop::Shards& shards = loop::Loop::current().shards();
    std::vector<std::unique_ptr<block::BlockDevice>> channels;
    for (uint32_t i = 0; i < 2; ++i) channels.push_back(store->open_channel(shards.at(i)));
    // Neighbouring blocks of one page belong to different shards; whole pages come and go under both.
    auto work = [&](uint32_t shard) -> loop::Task<void> {
      std::vector<uint8_t> data(block);
      for (uint64_t i = 0; i < 4000; ++i) {
        const uint64_t at = (i * 7919 % (size / block / 2) * 2 + shard) * block;
        std::ranges::fill(data, static_cast<uint8_t>(i));
        auto writing = block::perform(*channels[shard], Operation::write, at, data);
        EXPECT_EQ(co_await writing, Status::ok);
        std::ranges::fill(data, uint8_t{0xee});
        auto reading = block::perform(*channels[shard], Operation::read, at, data);
        EXPECT_EQ(co_await reading, Status::ok);
        EXPECT_EQ(data[0], static_cast<uint8_t>(i));
        auto dropping = block::perform(*channels[shard], Operation::discard, at, {}, block);
        EXPECT_EQ(co_await dropping, Status::ok);
      }
      channels[shard].reset();
    };
    block::Story there = [&]() -> loop::Task<void> { return work(1); };
    auto other = block::on_shard(1, there);
    auto mine = work(0);
    co_await mine;
    co_await other;
  };
  world.run(story);
}

TEST(MemoryStore, SizesAreBounded) {
  block::TestShards shards(1);
  block::StoreSpec spec;
  EXPECT_FALSE(shards.run([&] { return open_memory(spec); }));
  spec.size_bytes = PageTable::max_bytes + 512;
  EXPECT_FALSE(shards.run([&] { return open_memory(spec); }));
  spec.size_bytes = PageTable::max_bytes;
  const OpenedStore opened = shards.run([&] { return open_memory(spec); });
  ASSERT_TRUE(opened);
  EXPECT_FALSE(shards.run([&] { return (*opened)->resize(PageTable::max_bytes + 512); }));
  auto channel = (*opened)->open_channel(shards.at(0));
  std::vector<uint8_t> data(512, 3);
  EXPECT_EQ(shards.run(
                [&] { return block::perform(*channel, Operation::write, PageTable::max_bytes - 512, data); }),
            Status::ok);
}

}  // namespace
}  // namespace ashlar::stores
