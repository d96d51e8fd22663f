// For tests: a few shards on one thread, with a clock that moves when asked and no network. Small enough to see through
// when a store or a layer misbehaves; the seeded simulation (loop/sim_loop.h) is the one that looks for trouble.
#pragma once

#include <algorithm>
#include <deque>
#include <memory>
#include <utility>
#include <vector>

#include "loop/loop.h"

namespace ashlar::block {

class TestLoop final : public loop::Loop {
 public:
  TestLoop(loop::Shards& shards, uint32_t index) : Loop(shards, index, BufferPool::Sizes{64, 16, 4}) {}

  loop::Nanoseconds wall_clock() override { return loop::Nanoseconds(now_.nanoseconds); }
  void random(std::span<uint8_t> out) override {  // tidy:allow(chance) it is the loop's own
    for (uint8_t& byte : out)
      byte = static_cast<uint8_t>((random_ = random_ * 6364136223846793005 + 1442695040888963407) >> 56);
  }
  Result<std::unique_ptr<loop::Listener>> listen(const loop::Endpoint&, const loop::ListenOptions&,
                                                 loop::Acceptor&) override {
    return fail(ErrorCode::unsupported, "test", "no network here");
  }
  loop::Task<Result<std::unique_ptr<loop::Stream>>> connect(loop::Endpoint, loop::Nanoseconds,
                                                            loop::Cancellation*) override {
    co_return fail(ErrorCode::unsupported, "test", "no network here");
  }
  loop::Task<Result<std::unique_ptr<loop::File>>> open(std::string path, loop::OpenOptions options) override {
    if (!open_file) co_return fail(ErrorCode::unsupported, path, "no files here");
    co_return open_file(path, options);
  }
  loop::Task<Result<void>> remove(std::string path) override {
    co_return fail(ErrorCode::not_found, path, "no files here");
  }
  void run_blocking(std::move_only_function<void()> work, std::move_only_function<void()> done) override {
    work();
    mailbox.push_back(std::move(done));
  }

  /// Takes what is in the mailbox and what is due at `now`, then runs what is ready. True if it did anything.
  bool turn(loop::Instant now) {
    loop::Loop* outer = current_or_null();
    set_current(this);
    now_ = now;
    bool worked = timers_.expire(now) > 0;
    for (size_t left = mailbox.size(); left > 0; --left) {
      std::move_only_function<void()> work = std::move(mailbox.front());
      mailbox.pop_front();
      work();
      worked = true;
    }
    worked = worked || anything_ready();
    run_ready();
    set_current(outer);
    return worked;
  }
  loop::Instant next_timer() const { return timers_.next(); }

  std::deque<std::move_only_function<void()>> mailbox;
  /// What open() gives: a test's own files.
  std::function<Result<std::unique_ptr<loop::File>>(const std::string&, const loop::OpenOptions&)> open_file;

 private:
  uint64_t random_ = 1;
};

class TestShards final : public loop::Shards {
 public:
  explicit TestShards(uint32_t count) {
    for (uint32_t i = 0; i < count; ++i) loops_.push_back(std::make_unique<TestLoop>(*this, i));
  }
  ~TestShards() override { settle(); }
  uint32_t count() const override { return static_cast<uint32_t>(loops_.size()); }
  TestLoop& at(uint32_t index) override { return *loops_[index]; }
  void send(uint32_t to, std::move_only_function<void()> work) override {
    loops_[to]->mailbox.push_back(std::move(work));
  }

  /// One turn of every shard; when none has work, the clock jumps to the next timer. False when there is nothing at all.
  bool turn() {
    bool worked = false;
    for (auto& loop : loops_) worked = loop->turn(now_) || worked;
    if (worked) return true;
    loop::Instant next = loop::Instant::never();
    for (auto& loop : loops_) next = std::min(next, loop->next_timer());
    if (next == loop::Instant::never()) return false;
    now_ = std::max(now_, next);
    return true;
  }
  /// Turns until nothing is ready, without moving the clock.
  void settle() {
    bool worked = true;
    while (worked) {
      worked = false;
      for (auto& loop : loops_) worked = loop->turn(now_) || worked;
    }
  }
  /// Turns until `done()`; a story that can never go on is a failed test.
  template <typename Done>
  void run_until(Done done) {
    while (!done()) CHECK(turn(), "nothing is ready and nothing is due: the test waits for ever");
  }
  void advance(loop::Nanoseconds span) {
    now_ = now_ + span;
    settle();
  }
  /// Runs `work` on a shard's thread (here: as its current loop), at once.
  template <typename Work>
  void on(uint32_t shard, Work work) {
    bool done = false;
    send(shard, [&] {
      work();
      done = true;
    });
    run_until([&] { return done; });
  }
  /// Runs the coroutine that `make` returns on shard 0 to its end, and gives its value.
  template <typename Make>
  auto run(Make make) {
    using TaskType = decltype(make());
    std::optional<TaskType> task;
    on(0, [&] { task.emplace(make()); });
    run_until([&] { return task->done(); });
    if constexpr (requires(TaskType t) { t.take(); }) return task->take();
  }
  loop::Instant now() const { return now_; }

 private:
  loop::Instant now_{1'000'000'000};
  std::vector<std::unique_ptr<TestLoop>> loops_;
};

}  // namespace ashlar::block
