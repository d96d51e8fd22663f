// What the tests of the real loop share: shards that run one story and stop, and a peer that echoes.
#pragma once

#include <gtest/gtest.h>

#include <array>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "loop/real_shards.h"

namespace ashlar::loop::test {

/// Small buffers, so that many loops fit under the sanitizers.
inline RealShardsOptions small_shards(uint32_t count = 1) {
  RealShardsOptions options;
  options.count = count;
  options.loop.buffers = {.small = 64, .medium = 8, .large = 4};
  options.loop.ring_entries = 64;
  return options;
}

using Story = std::function<Task<void>(RealShards&)>;

inline Task<void> tell(RealShards& shards, const Story& story) {
  Task<void> running = story(shards);
  co_await running;
  shards.stop();
}

/// Runs `story` on shard 0 from its first turn; returns when it is told and all shards have ended.
inline void run_story(const RealShardsOptions& options, const Story& story) {
  Result<std::unique_ptr<RealShards>> made = RealShards::create(options);
  ASSERT_TRUE(made) << made.error().text();
  RealShards& shards = **made;
  const auto first = [&](Loop& loop) {
    if (loop.index() == 0) tell(shards, story).detach();
  };
  const Result<void> started = shards.start(first);
  ASSERT_TRUE(started);
  shards.run();
  for (uint32_t i = 0; i < shards.count(); ++i) EXPECT_EQ(shards.real_at(i).ring().in_flight(), 0u);
}

/// A watcher that wakes one coroutine at a time.
class Watcher final : public StreamWatcher {
 public:
  void readable() override {
    ++readable_count;
    may_read.set();
  }
  void writable() override {
    ++writable_count;
    may_write.set();
  }
  Event may_read;
  Event may_write;
  uint64_t readable_count = 0;
  uint64_t writable_count = 0;
};

/// Keeps what was accepted; wakes whoever waits for it.
class Accepting final : public Acceptor {
 public:
  void accepted(std::unique_ptr<Stream> stream) override {
    streams.push_back(std::move(stream));
    arrived.set();
  }
  std::vector<std::unique_ptr<Stream>> streams;
  Event arrived;
};

inline Task<void> wait_for(Event& event) {
  co_await event;
  event.reset();
}

/// Receives until `size` bytes are there or the stream ends; returns what came.
inline Task<std::string> receive_all(Stream& stream, Watcher& watcher, size_t size) {
  std::string all;
  std::vector<char> buffer(64 * 1024);
  while (all.size() < size) {
    const iovec part{buffer.data(), buffer.size()};
    const int64_t got = stream.receive({&part, 1});
    if (got > 0) {
      all.append(buffer.data(), static_cast<size_t>(got));
      if (static_cast<size_t>(got) == part.iov_len) continue;
    } else if (got != Stream::would_block) {
      break;
    }
    if (all.size() >= size) break;
    Task<void> more = wait_for(watcher.may_read);
    co_await more;
  }
  co_return all;
}

inline Task<bool> send_all(Stream& stream, Watcher& watcher, const std::string& text) {
  size_t sent = 0;
  while (sent < text.size()) {
    const iovec part{const_cast<char*>(text.data()) + sent, text.size() - sent};
    const int64_t took = stream.send({&part, 1});
    if (took < 0 && took != Stream::would_block) co_return false;
    if (took > 0) sent += static_cast<size_t>(took);
    if (sent == text.size()) break;
    Task<void> room = wait_for(watcher.may_write);
    co_await room;
  }
  co_return true;
}

}  // namespace ashlar::loop::test
