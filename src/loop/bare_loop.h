// For tests of what is common to all loops: a loop without a kernel, turned by hand.
#pragma once

#include "loop/loop.h"

namespace ashlar::loop::test {

class BareLoop;

class BareShards final : public Shards {
 public:
  explicit BareShards(BareLoop& loop) : loop_(loop) {}
  uint32_t count() const override { return 1; }
  Loop& at(uint32_t index) override;
  void send(uint32_t to, std::move_only_function<void()> work) override;

 private:
  BareLoop& loop_;
};

class BareLoop final : public Loop {
 public:
  BareLoop() : Loop(shards_, 0, {.small = 4, .medium = 1, .large = 1}), shards_(*this) { set_current(this); }
  ~BareLoop() override { set_current(nullptr); }

  /// One turn `span` later than the one before.
  void turn(Nanoseconds span = Nanoseconds(1)) {
    ++turns;
    now_ = now_ + span;
    timers_.expire(now_);
    std::vector<std::move_only_function<void()>> letters;
    letters.swap(letters_);
    for (auto& letter : letters) letter();
    run_ready();
  }
  bool busy() const { return anything_ready() || !letters_.empty(); }
  /// Turns until nothing is left to do.
  void settle() {
    while (busy()) turn();
  }
  TimerHeap& timers() { return timers_; }
  uint64_t turns = 0;

  Nanoseconds wall_clock() override { return Nanoseconds(0); }
  void random(std::span<uint8_t> out) override { std::fill(out.begin(), out.end(), uint8_t{0}); }
  Result<std::unique_ptr<Listener>> listen(const Endpoint& endpoint, const ListenOptions&,
                                           Acceptor&) override {
    return fail(ErrorCode::unsupported, endpoint.text(), "a bare loop has no network");
  }
  Task<Result<std::unique_ptr<Stream>>> connect(Endpoint endpoint, Nanoseconds, Cancellation*) override {
    co_return fail(ErrorCode::unsupported, endpoint.text(), "a bare loop has no network");
  }
  Task<Result<std::unique_ptr<File>>> open(std::string path, OpenOptions) override {
    co_return fail(ErrorCode::unsupported, path, "a bare loop has no files");
  }
  Task<Result<void>> remove(std::string path) override {
    co_return fail(ErrorCode::unsupported, path, "a bare loop has no files");
  }
  void run_blocking(std::move_only_function<void()> work, std::move_only_function<void()> done) override {
    work();
    letters_.push_back(std::move(done));
  }

 private:
  friend class BareShards;
  BareShards shards_;
  std::vector<std::move_only_function<void()>> letters_;
};

inline Loop& BareShards::at(uint32_t) { return loop_; }
inline void BareShards::send(uint32_t, std::move_only_function<void()> work) {
  loop_.letters_.push_back(std::move(work));
}

/// Runs a task to its end and gives its value.
template <typename T>
T finish(BareLoop& loop, Task<T> task) {
  loop.settle();
  CHECK(task.done(), "the task waits for ever");
  if constexpr (!std::is_void_v<T>) return task.take();
}

}  // namespace ashlar::loop::test
