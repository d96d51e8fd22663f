#include "loop/transmit_queue.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <string>

namespace ashlar::loop {
namespace {

// Takes `budget` bytes a call at most; none when it is 0.
class SlowStream final : public Stream {
 public:
  void watch(StreamWatcher&) override {}
  int64_t receive(std::span<const iovec>) override { return would_block; }
  int64_t send(std::span<const iovec> parts) override {
    ++calls;
    if (budget == 0) return would_block;
    size_t room = budget;
    for (const iovec& part : parts) {
      const size_t take = std::min(room, part.iov_len);
      sent.append(static_cast<const char*>(part.iov_base), take);
      room -= take;
    }
    return static_cast<int64_t>(budget - room);
  }
  void resume() override {}
  void shutdown_send() override {}
  Endpoint local() const override { return {}; }
  Endpoint peer() const override { return {}; }
  size_t budget = SIZE_MAX;
  size_t calls = 0;
  std::string sent;
};

struct Owner final : Transmitted {
  void transmitted() override { ++count; }
  int count = 0;
};

TEST(TransmitQueue, GathersManyAnswersIntoOneSend) {
  ChunkPool pool(1, 4);
  TransmitQueue queue(pool);
  SlowStream stream;
  for (int i = 0; i < 100; ++i) ASSERT_TRUE(queue.append_copy(bytes_of("0123456789")));
  EXPECT_EQ(queue.flush(stream), TransmitQueue::Flushed::everything);
  EXPECT_EQ(stream.calls, 1u);
  EXPECT_EQ(stream.sent.size(), 1000u);
  EXPECT_TRUE(queue.empty());
}

TEST(TransmitQueue, TellsOwnersOnceAllBeforeThemIsSent) {
  ChunkPool pool(1, 4);
  TransmitQueue queue(pool);
  SlowStream stream;
  stream.budget = 5;
  Owner owner;
  std::string payload = "payload";
  queue.append_copy(bytes_of("head"));
  queue.append_reference({payload.data(), payload.size()});
  queue.call_when_sent(owner);
  EXPECT_EQ(queue.flush(stream), TransmitQueue::Flushed::some);
  EXPECT_EQ(owner.count, 0);
  EXPECT_EQ(queue.backlog_bytes(), 6u);
  stream.budget = 100;
  EXPECT_EQ(queue.flush(stream), TransmitQueue::Flushed::everything);
  EXPECT_EQ(owner.count, 1);
  EXPECT_EQ(stream.sent, "headpayload");
}

TEST(TransmitQueue, AbandonCallsOwners) {
  ChunkPool pool(1, 4);
  TransmitQueue queue(pool);
  Owner owner;
  queue.append_copy(bytes_of("x"));
  queue.call_when_sent(owner);
  queue.abandon();
  EXPECT_EQ(owner.count, 1);
  EXPECT_TRUE(queue.empty());
  EXPECT_EQ(queue.backlog_bytes(), 0u);
}

TEST(TransmitQueue, SaysWhenMemoryIsOut) {
  ChunkPool pool(0, 1);
  TransmitQueue queue(pool);
  EXPECT_NE(queue.append(ChunkPool::chunk_bytes), nullptr);
  EXPECT_EQ(queue.append(1), nullptr);
  SlowStream stream;
  EXPECT_EQ(queue.flush(stream), TransmitQueue::Flushed::everything);
  EXPECT_NE(queue.append(1), nullptr);
}

RC_GTEST_PROP(TransmitQueue, KeepsOrderWhateverTheNetworkTakes, ()) {
  ChunkPool pool(2, 64);
  TransmitQueue queue(pool);
  SlowStream stream;
  std::string expected;
  std::vector<std::unique_ptr<std::string>> kept;
  std::vector<std::unique_ptr<Owner>> owners;
  const auto steps = *rc::gen::container<std::vector<std::pair<uint8_t, uint16_t>>>(
      rc::gen::pair(rc::gen::inRange<uint8_t>(0, 4), rc::gen::arbitrary<uint16_t>()));
  for (const auto& [kind, size] : steps) {
    std::string text(size % 5000 + 1, static_cast<char>('a' + expected.size() % 26));
    if (kind == 0) RC_ASSERT(queue.append_copy(bytes_of(text)));
    if (kind == 1) {
      kept.push_back(std::make_unique<std::string>(text));
      queue.append_reference({kept.back()->data(), kept.back()->size()});
    }
    if (kind <= 1) expected += text;
    if (kind == 2) {
      owners.push_back(std::make_unique<Owner>());
      queue.call_when_sent(*owners.back());
    }
    if (kind == 3) {
      stream.budget = size;
      RC_ASSERT(queue.flush(stream) != TransmitQueue::Flushed::failed);
    }
  }
  stream.budget = SIZE_MAX;
  RC_ASSERT(queue.flush(stream) == TransmitQueue::Flushed::everything);
  RC_ASSERT(stream.sent == expected);
  for (const auto& owner : owners) RC_ASSERT(owner->count == 1);
}

}  // namespace
}  // namespace ashlar::loop
