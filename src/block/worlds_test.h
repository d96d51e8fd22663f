// Worlds in which the same test runs: on the little test shards, in the seeded simulation, and on real threads and files.
#pragma once

#include <functional>
#include <future>
#include <memory>
#include <string>
#include <thread>

#include "block/test_shards.h"
#include "loop/real_shards.h"
#include "loop/sim_world.h"

namespace ashlar::block {

using Story = std::function<loop::Task<void>()>;

/// Shards, and a way to run a story on shard 0 to its end.
class World {
 public:
  virtual ~World() = default;
  virtual loop::Shards& shards() = 0;
  virtual void run(Story story) = 0;
};

namespace worlds_detail {
inline loop::Task<void> follow(Story& story, std::function<void()> over) {
  auto telling = story();
  co_await telling;
  over();
}
}  // namespace worlds_detail

class TestWorld final : public World {
 public:
  explicit TestWorld(uint32_t shard_count = 2) : shards_(shard_count) {}
  TestShards& shards() override { return shards_; }
  void run(Story story) override { shards_.run(story); }

 private:
  TestShards shards_;
};

class SimulatedWorld final : public World {
 public:
  explicit SimulatedWorld(uint64_t seed, uint32_t shard_count = 2)
      : world_(seed), process_(world_.add_process("test", shard_count, BufferPool::Sizes{64, 16, 4})) {}
  loop::SimProcess& shards() override { return process_; }
  loop::SimWorld& world() { return world_; }
  loop::SimDisk& disk() { return process_.machine().disk; }
  void run(Story story) override {
    bool over = false;
    process_.send(0, [&] { worlds_detail::follow(story, [&over] { over = true; }).detach(); });
    CHECK(world_.run_until([&over] { return over; }, std::chrono::hours(1)), "the story waits for ever");
  }

 private:
  loop::SimWorld world_;
  loop::SimProcess& process_;
};

class RealWorld final : public World {
 public:
  explicit RealWorld(uint32_t shard_count = 2) {
    loop::RealShardsOptions options;
    options.count = shard_count;
    options.loop.buffers = BufferPool::Sizes{64, 16, 4};
    auto made = loop::RealShards::create(options);
    CHECK(made, "{}", made.error().text());
    shards_ = std::move(*made);
    thread_ = std::thread([this] {
      const Result<void> started = shards_->start([](loop::Loop&) {});
      CHECK(started, "{}", started.error().text());
      shards_->run();
    });
  }
  ~RealWorld() override {
    shards_->stop();
    thread_.join();
  }
  loop::Shards& shards() override { return *shards_; }
  void run(Story story) override {
    std::promise<void> over;
    std::move_only_function<void()> begin = [&] {
      worlds_detail::follow(story, [&over] { over.set_value(); }).detach();
    };
    shards_->send(0, std::move(begin));
    over.get_future().wait();
  }

 private:
  std::unique_ptr<loop::RealShards> shards_;
  std::thread thread_;
};

/// Runs `story` on another shard and waits for its end.
inline loop::Task<void> on_shard(uint32_t shard, Story story) {
  loop::Event back;
  loop::Loop& home = loop::Loop::current();
  loop::Shards& shards = home.shards();
  const uint32_t home_index = home.index();
  std::function<void()> over = [&shards, &back, home_index] {
    shards.send(home_index, [&back] { back.set(); });
  };
  std::move_only_function<void()> begin = [&story, over] { worlds_detail::follow(story, over).detach(); };
  shards.send(shard, std::move(begin));
  co_await back;
}

/// A request that a story can wait for.
class Waiting {
 public:
  Waiting() {
    request.owner = this;
    request.done = [](Request& done) { static_cast<Waiting*>(done.owner)->over.set(); };
  }
  void submit(BlockDevice& device) {
    over.reset();
    request.begin();
    device.submit(request);
  }
  Request request;
  loop::Event over;
};

/// One operation to its end. `memory` is what a read fills and a write takes; else `length` counts.
inline loop::Task<Status> perform(BlockDevice& device, Operation operation, uint64_t offset, Bytes memory,
                                  uint64_t length = 0, bool flag = false) {
  Waiting waiting;
  const iovec part{memory.data(), memory.size()};
  waiting.request.operation = operation;
  waiting.request.offset = offset;
  waiting.request.length = memory.empty() ? length : memory.size();
  if (!memory.empty()) waiting.request.parts = {&part, 1};
  waiting.request.durable = flag && operation != Operation::discard;
  waiting.request.may_discard = flag && operation == Operation::write_zeroes;
  waiting.submit(device);
  co_await waiting.over;
  co_return waiting.request.status;
}

}  // namespace ashlar::block
