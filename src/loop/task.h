// Task<T>: a story that waits. Starts at once, resumes through the ready list of its loop, frames from a pool.
#pragma once

#include <coroutine>
#include <cstddef>
#include <optional>
#include <type_traits>
#include <utility>

#include "base/check.h"
#include "loop/ready.h"

namespace ashlar::loop {

/// Puts `item` on the current loop's ready list (defined with Loop; here to break the circle).
void post_to_current(Ready& item);
/// Frames come from per-thread free lists in classes of 256 bytes up to 4096; larger ones from the heap.
void* allocate_frame(size_t bytes);
void release_frame(void* frame, size_t bytes);

/// Resumes a coroutine from the ready list. Lives in the awaiter, so waiting allocates nothing.
class Resumption final : public Ready {
 public:
  void arm(std::coroutine_handle<> handle) { handle_ = handle; }
  void run() override { handle_.resume(); }

 private:
  std::coroutine_handle<> handle_;
};

template <typename T>
class Task;

namespace task_detail {

struct PromiseBase {
  std::coroutine_handle<> continuation;
  Resumption resumption;
  bool detached = false;

  static void* operator new(size_t bytes) { return allocate_frame(bytes); }
  static void operator delete(void* frame, size_t bytes) { release_frame(frame, bytes); }

  std::suspend_never initial_suspend() noexcept { return {}; }
  struct FinalAwaiter {
    bool await_ready() noexcept { return false; }
    template <typename Promise>
    void await_suspend(std::coroutine_handle<Promise> handle) noexcept {
      PromiseBase& promise = handle.promise();
      if (promise.detached) {
        handle.destroy();
      } else if (promise.continuation) {
        promise.resumption.arm(promise.continuation);
        post_to_current(promise.resumption);
      }
    }
    void await_resume() noexcept {}
  };
  FinalAwaiter final_suspend() noexcept { return {}; }
  [[noreturn]] void unhandled_exception() {
    check_failed("no exception leaves a Task", __FILE__, __LINE__, "");
  }
};

template <typename T>
struct Promise : PromiseBase {
  std::optional<T> value;
  Task<T> get_return_object();
  template <typename U>
  void return_value(U&& result) {
    value.emplace(std::forward<U>(result));
  }
};
template <>
struct Promise<void> : PromiseBase {
  Task<void> get_return_object();
  void return_void() {}
};

}  // namespace task_detail

/// Await it exactly once, or detach() it. Destroying one that is neither done nor detached is a bug: something would be
/// resumed into a dead frame.
template <typename T = void>
class [[nodiscard]] Task {
 public:
  using promise_type = task_detail::Promise<T>;
  explicit Task(std::coroutine_handle<promise_type> handle) : handle_(handle) {}
  Task(Task&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
  Task& operator=(Task&& other) noexcept {
    std::swap(handle_, other.handle_);
    return *this;
  }
  ~Task() {
    if (!handle_) return;
    CHECK(handle_.done(), "a Task was dropped before it was done");
    handle_.destroy();
  }
  bool done() const { return !handle_ || handle_.done(); }
  /// Lets it run on by itself; its frame goes when it is done.
  void detach() {
    if (handle_.done()) {
      handle_.destroy();
    } else {
      handle_.promise().detached = true;
    }
    handle_ = nullptr;
  }
  /// The value of a task that is done (for tests and for callers that polled done()).
  T take()
    requires(!std::is_void_v<T>)
  {
    return std::move(*handle_.promise().value);
  }

  bool await_ready() const noexcept { return handle_.done(); }
  void await_suspend(std::coroutine_handle<> continuation) noexcept {
    handle_.promise().continuation = continuation;
  }
  T await_resume() {
    if constexpr (!std::is_void_v<T>) return std::move(*handle_.promise().value);
  }

 private:
  std::coroutine_handle<promise_type> handle_;
};

namespace task_detail {
template <typename T>
Task<T> Promise<T>::get_return_object() {
  return Task<T>(std::coroutine_handle<Promise<T>>::from_promise(*this));
}
inline Task<void> Promise<void>::get_return_object() {
  return Task<void>(std::coroutine_handle<Promise<void>>::from_promise(*this));
}
}  // namespace task_detail

/// One wait for one event on one shard: `co_await event` suspends until set() was called (before or after). Reusable
/// after reset(). set() resumes through the ready list.
class Event {
 public:
  void set() {
    set_ = true;
    if (waiting_) {
      resumption_.arm(std::exchange(waiting_, nullptr));
      post_to_current(resumption_);
    }
  }
  void reset() { set_ = false; }
  bool is_set() const { return set_; }
  bool await_ready() const noexcept { return set_; }
  void await_suspend(std::coroutine_handle<> handle) noexcept {
    CHECK(!waiting_, "two coroutines wait for one Event");
    waiting_ = handle;
  }
  void await_resume() noexcept {}

 private:
  bool set_ = false;
  std::coroutine_handle<> waiting_;
  Resumption resumption_;
};

}  // namespace ashlar::loop
