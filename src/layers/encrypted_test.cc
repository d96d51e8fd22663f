#include "layers/encrypted_test.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "block/gatekeeper.h"
#include "block/worlds_test.h"
#include "layers/fault.h"
#include "layers/xts_cipher.h"
#include "stores/stores.h"

namespace ashlar::layers {
namespace {

using block::Operation;
using block::Status;
using block::Waiting;

constexpr char marker[] = "the one thing that nobody may find below";

struct Performed {
  Status status = Status::aborted;
  bool over = false;
};
loop::Task<void> perform(block::BlockDevice* device, Operation operation, uint64_t offset,
                         std::vector<uint8_t>* data, uint64_t length, Performed* performed) {
  auto performing = block::perform(*device, operation, offset, *data, length);
  performed->status = co_await performing;
  performed->over = true;
}

class EncryptedTest : public testing::Test {
 protected:
  EncryptedTest() {
    block::StoreSpec spec;
    spec.kind = "memory";
    spec.size_bytes = size;
    memory_ = *shards_.run([&] { return stores::open_memory(spec); });
    below_ = memory_->open_channel(shards_.at(0));
    put(encrypt(memory_, 1, renew()));
  }
  static constexpr uint64_t size = 8u << 20;

  EncryptedStore::Renew renew() {
    return [this] { return renew_key(); };
  }
  loop::Task<Result<DataKey>> renew_key() {
    ++renewed_;
    if (meanwhile_) meanwhile_();
    if (refuse_) co_return fail(ErrorCode::io_error, "key", "the disk is gone");
    co_return key_from(static_cast<uint8_t>(100 + renewed_));
  }
  void put(std::shared_ptr<EncryptedStore> store) {
    channels_.clear();
    store_ = std::move(store);
    top_ = block::guard(store_, "v1");
    for (uint32_t i = 0; i < 2; ++i) channels_.push_back(top_->open_channel(shards_.at(i)));
  }
  Status on(block::BlockDevice& device, uint32_t shard, Operation operation, uint64_t offset,
            std::vector<uint8_t>& data, uint64_t length = 0) {
    Performed performed;
    shards_.send(shard, [&] { perform(&device, operation, offset, &data, length, &performed).detach(); });
    shards_.run_until([&] { return performed.over; });
    return performed.status;
  }
  Status write(uint64_t offset, std::vector<uint8_t> data, uint32_t shard = 0) {
    return on(*channels_[shard], shard, Operation::write, offset, data);
  }
  std::vector<uint8_t> read(uint64_t offset, uint64_t bytes, uint32_t shard = 0) {
    std::vector<uint8_t> data(bytes, 0xee);
    EXPECT_EQ(on(*channels_[shard], shard, Operation::read, offset, data), Status::ok);
    return data;
  }
  std::vector<uint8_t> raw(uint64_t offset, uint64_t bytes) {
    std::vector<uint8_t> data(bytes, 0xee);
    EXPECT_EQ(on(*below_, 0, Operation::read, offset, data), Status::ok);
    return data;
  }
  static std::vector<uint8_t> text(uint64_t bytes) {
    std::vector<uint8_t> data(bytes);
    for (uint64_t i = 0; i < bytes; ++i) data[i] = static_cast<uint8_t>(marker[i % (sizeof marker - 1)]);
    return data;
  }
  static bool has_marker(const std::vector<uint8_t>& data) {
    return !std::ranges::search(data, std::string_view(marker)).empty();
  }
  Result<void> erase_key() {
    return shards_.run([&] { return top_->erase_key(); });
  }

  block::TestShards shards_{2};
  std::shared_ptr<block::Store> memory_, top_;
  std::shared_ptr<EncryptedStore> store_;
  std::unique_ptr<block::BlockDevice> below_;
  std::vector<std::unique_ptr<block::BlockDevice>> channels_;
  int renewed_ = 0;
  bool refuse_ = false;
  std::function<void()> meanwhile_;  // while the key is renewed
};

TEST_F(EncryptedTest, WhatLiesBelowIsTheCiphertextOfTheStandard) {
  const std::vector<uint8_t> plain = text(1024);
  ASSERT_EQ(write(5 * 512, plain), Status::ok);
  std::vector<uint8_t> expected(1024);
  XtsCipher cipher(key_from(1), 512);
  for (uint64_t i = 0; i < 2; ++i) cipher.encrypt(5 + i, plain.data() + i * 512, expected.data() + i * 512);
  EXPECT_EQ(raw(5 * 512, 1024), expected);
  EXPECT_EQ(read(5 * 512, 1024, 1), plain);
}

TEST_F(EncryptedTest, NoPlaintextIsEverBelow) {
  for (const uint64_t bytes : {uint64_t{512}, uint64_t{4096}, uint64_t{300} * 512, uint64_t{5} << 20}) {
    ASSERT_EQ(write(512, text(bytes)), Status::ok);
    EXPECT_FALSE(has_marker(raw(0, 6u << 20))) << bytes;
    EXPECT_EQ(read(512, bytes), text(bytes));
  }
}

TEST_F(EncryptedTest, TheHostsMemoryIsLeftAsItIs) {
  std::vector<uint8_t> data = text(64 << 10);
  ASSERT_EQ(on(*channels_[0], 0, Operation::write, 0, data), Status::ok);
  EXPECT_EQ(data, text(64 << 10));
}

TEST_F(EncryptedTest, WhatWasGivenBackReadsAsZeroes) {
  ASSERT_EQ(write(0, text(1 << 20)), Status::ok);
  std::vector<uint8_t> none;
  ASSERT_EQ(on(*channels_[0], 0, Operation::discard, 64 << 10, none, 64 << 10), Status::ok);
  ASSERT_EQ(on(*channels_[0], 0, Operation::write_zeroes, 512, none, 512), Status::ok);
  EXPECT_EQ(read(64 << 10, 64 << 10), std::vector<uint8_t>(64 << 10));
  EXPECT_EQ(read(512, 512), std::vector<uint8_t>(512));
  EXPECT_EQ(read(0, 512), text(512));
}

TEST_F(EncryptedTest, ZeroesThatAreWrittenAreEncryptedToo) {
  ASSERT_EQ(write(0, std::vector<uint8_t>(4096)), Status::ok);
  EXPECT_NE(raw(0, 512), std::vector<uint8_t>(512));
  EXPECT_EQ(read(0, 4096), std::vector<uint8_t>(4096));
}

TEST_F(EncryptedTest, SharesNothingWithClones) { EXPECT_EQ(channels_[0]->clone_source(), nullptr); }

TEST_F(EncryptedTest, WritesGoOnWhenThePoolIsDry) {
  BufferPool& pool = shards_.at(0).buffers();
  std::vector<Buffer> all(512);
  for (Buffer& each : all) {
    if (!pool.allocate(each, 4096)) break;
  }
  ASSERT_EQ(write(512, text(64 << 10)), Status::ok) << "a block at a time";
  EXPECT_EQ(read(512, 64 << 10), text(64 << 10));
  all.clear();
  EXPECT_EQ(pool.in_use(), 0u);
}

TEST_F(EncryptedTest, AnAtomicWriteIsOneBelowOrNone) {
  BufferPool& pool = shards_.at(0).buffers();
  const auto atomic = [&](std::vector<uint8_t> data) {
    const iovec part{data.data(), data.size()};
    Waiting waiting;
    waiting.request.operation = Operation::write;
    waiting.request.atomic = true;
    waiting.request.length = data.size();
    waiting.request.parts = {&part, 1};
    shards_.on(0, [&] { waiting.submit(*channels_[0]); });
    shards_.settle();
    return waiting.request.status;
  };
  EXPECT_EQ(top_->limits().atomic_write_bytes, 1u << 20);
  EXPECT_EQ(atomic(text(1 << 20)), Status::ok);
  EXPECT_EQ(read(0, 1 << 20), text(1 << 20));
  std::vector<Buffer> all(512);
  for (Buffer& each : all) {
    if (!pool.allocate(each, 4096)) break;
  }
  EXPECT_EQ(atomic(std::vector<uint8_t>(64 << 10, 7)), Status::aborted) << "the host may send it again";
  EXPECT_EQ(atomic(std::vector<uint8_t>(4096, 7)), Status::ok);
  all.clear();
  EXPECT_EQ(read(0, 4096), std::vector<uint8_t>(4096, 7));
  const std::vector<uint8_t> before = text(64 << 10);
  EXPECT_EQ(read(4096, 60 << 10), std::vector<uint8_t>(before.begin() + 4096, before.end()));
}

TEST_F(EncryptedTest, AFaultBelowIsTheAnswer) {
  FaultPlan plan;
  plan.operations = 1u << static_cast<uint32_t>(Operation::write);
  plan.nth = 3;
  plan.error = Status::no_space;
  put(encrypt(std::make_shared<FaultStore>(memory_, plan, 1)));
  EXPECT_EQ(write(0, text(4u << 20)), Status::no_space) << "its third MiB";
  EXPECT_EQ(read(0, 2u << 20), text(2u << 20));
  EXPECT_EQ(shards_.at(0).buffers().in_use(), 0u);
}

TEST_F(EncryptedTest, WithoutItsKeyItFails) {
  put(std::make_shared<EncryptedStore>(memory_, std::nullopt, renew(), "v1"));
  std::vector<uint8_t> data(512, 0xee);
  EXPECT_EQ(on(*channels_[0], 0, Operation::read, 0, data), Status::device_failed);
  EXPECT_EQ(data, std::vector<uint8_t>(512, 0xee));
  EXPECT_EQ(write(0, text(512), 1), Status::device_failed);
  EXPECT_EQ(raw(0, 512), std::vector<uint8_t>(512));
  EXPECT_FALSE(top_->limits().erasable_key);
  std::map<std::string, uint64_t> counters;
  top_->collect(counters);
  EXPECT_EQ(counters["encrypted.failed"], 1u);
}

TEST_F(EncryptedTest, ErasingTheKeyMakesAllOfItNoiseOnEveryShard) {
  ASSERT_EQ(write(0, text(8192)), Status::ok);
  const std::vector<uint8_t> below = raw(0, 8192);
  ASSERT_TRUE(erase_key());
  EXPECT_EQ(raw(0, 8192), below) << "quick: nothing is written";
  for (const uint32_t shard : {0u, 1u}) {
    const std::vector<uint8_t> noise = read(0, 8192, shard);
    EXPECT_NE(noise, text(8192));
    EXPECT_FALSE(has_marker(noise));
  }
  ASSERT_EQ(write(4096, text(4096), 1), Status::ok);
  EXPECT_EQ(read(4096, 4096, 0), text(4096));
  EXPECT_EQ(renewed_, 1);
}

TEST_F(EncryptedTest, AKeyThatCouldNotBeKeptIsNotUsed) {
  ASSERT_EQ(write(0, text(512)), Status::ok);
  refuse_ = true;
  EXPECT_FALSE(erase_key());
  EXPECT_FALSE(top_->limits().erasable_key);
  EXPECT_EQ(write(0, text(512), 1), Status::device_failed) << "nobody knows with which key it would be read";
}

TEST_F(EncryptedTest, TheKeyIsNotErasableWhileOthersNeedIt) {
  EXPECT_TRUE(channels_[1]->limits().erasable_key);
  ASSERT_TRUE(store_->allow_erase(false));
  EXPECT_FALSE(channels_[1]->limits().erasable_key);
  EXPECT_FALSE(memory_->limits().erasable_key);
  EXPECT_FALSE(shards_.run([&] { return memory_->erase_key(); }));
  ASSERT_EQ(write(0, text(512)), Status::ok);
  const Result<void> refused = erase_key();
  ASSERT_FALSE(refused) << "whoever asks looked before others came to need it";
  EXPECT_EQ(refused.error().code, ErrorCode::busy);
  EXPECT_EQ(renewed_, 0);
  EXPECT_EQ(read(0, 512, 1), text(512));
  ASSERT_TRUE(store_->allow_erase(true));
  EXPECT_TRUE(erase_key());
}

TEST_F(EncryptedTest, NobodyComesToNeedAKeyThatIsBeingErased) {
  Result<void> meanwhile;
  meanwhile_ = [&] { meanwhile = store_->allow_erase(false); };
  EXPECT_TRUE(erase_key());
  ASSERT_FALSE(meanwhile);
  EXPECT_EQ(meanwhile.error().code, ErrorCode::busy);
  EXPECT_TRUE(store_->allow_erase(false)) << "the new one may be shared";
}

}  // namespace
}  // namespace ashlar::layers
