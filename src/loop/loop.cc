#include "loop/loop.h"

#include <array>
#include <new>

namespace ashlar::loop {
namespace {

thread_local Loop* current_loop = nullptr;

struct TurnEndMark final : TurnEnd {
  void turn_end() override {}
};

}  // namespace

// Under the sanitizers frames come from the heap each time, so that a use of a dead frame is seen.
#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define ASHLAR_POOL_FRAMES 0
#endif
#endif
#ifndef ASHLAR_POOL_FRAMES
#define ASHLAR_POOL_FRAMES 1
#endif

#if ASHLAR_POOL_FRAMES
namespace {

// Free frames by class of 256 bytes. Bounded by the most that were ever in use at once on this thread.
struct FramePool {
  static constexpr size_t step = 256;
  static constexpr size_t classes = 16;
  struct Free {
    Free* next;
  };
  std::array<Free*, classes> free{};
  ~FramePool() {
    for (Free* head : free) {
      while (head != nullptr) {
        Free* next = head->next;
        ::operator delete(head);
        head = next;
      }
    }
  }
};
thread_local FramePool frames;

}  // namespace

void* allocate_frame(size_t bytes) {
  const size_t frame_class = (bytes + FramePool::step - 1) / FramePool::step - 1;
  if (frame_class >= FramePool::classes) return ::operator new(bytes);
  if (FramePool::Free* head = frames.free[frame_class]) {
    frames.free[frame_class] = head->next;
    return head;
  }
  return ::operator new((frame_class + 1) * FramePool::step);
}

void release_frame(void* frame, size_t bytes) {
  const size_t frame_class = (bytes + FramePool::step - 1) / FramePool::step - 1;
  if (frame_class >= FramePool::classes) return ::operator delete(frame);
  auto* head = static_cast<FramePool::Free*>(frame);
  head->next = frames.free[frame_class];
  frames.free[frame_class] = head;
}
#else
void* allocate_frame(size_t bytes) { return ::operator new(bytes); }
void release_frame(void* frame, size_t /*bytes*/) { ::operator delete(frame); }
#endif

Loop& Loop::current() {
  CHECK(current_loop != nullptr, "no loop runs on this thread");
  return *current_loop;
}
Loop* Loop::current_or_null() { return current_loop; }
void Loop::set_current(Loop* loop) { current_loop = loop; }

void post_to_current(Ready& item) { Loop::current().post(item); }

void Loop::run_ready() {
  while (!ready_.empty()) ready_.pop_front().run();
  if (turn_ends_.empty()) return;
  // What a turn end posts runs in the next turn, and who asks again in it is called in the next one: one send a turn is
  // the point of it. A mark, not a second list, so that withdraw() finds its item where it belongs.
  TurnEndMark mark;
  turn_ends_.push_back(mark);
  for (TurnEnd* ending = &turn_ends_.pop_front(); ending != &mark; ending = &turn_ends_.pop_front())
    ending->turn_end();
}

Task<Result<std::unique_ptr<ScsiDevice>>> Loop::open_scsi(std::string path) {
  co_return fail(ErrorCode::unsupported, std::move(path), "there are no SCSI devices here");
}

namespace {

class SleepTimer final : public Timer {
 public:
  explicit SleepTimer(Event& event) : event_(event) {}
  void expired() override { event_.set(); }

 private:
  Event& event_;
};

}  // namespace

Task<void> sleep_for(Nanoseconds span) {
  Event event;
  SleepTimer timer(event);
  Loop::current().arm_after(timer, span);
  co_await event;
}

Task<void> on_every_shard(Shards& shards, std::function<void(Loop&)> work) {
  Event all;
  uint32_t left = shards.count();
  const uint32_t home = Loop::current().index();
  for (uint32_t i = 0; i < shards.count(); ++i) {
    std::move_only_function<void()> there = [&shards, &work, &left, &all, home, i] {
      work(shards.at(i));
      std::move_only_function<void()> back = [&left, &all] {
        if (--left == 0) all.set();
      };
      shards.send(home, std::move(back));
    };
    shards.send(i, std::move(there));
  }
  co_await all;
}

}  // namespace ashlar::loop
