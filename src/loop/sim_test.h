// For tests on a simulated world: run a story on a loop and drive the world until it is over.
#pragma once

#include <optional>

#include "loop/sim_world.h"

namespace ashlar::loop {

constexpr BufferPool::Sizes small_pools{.small = 64, .medium = 16, .large = 4};

/// Starts `story(arguments...)`, a coroutine function, in `loop` and steps the world until it is done.
template <typename T, typename... Parameters, typename... Arguments>
T run_story(SimLoop& loop, Task<T> (*story)(Parameters...), Arguments&&... arguments) {
  std::optional<Task<T>> task;
  loop.enter([&] { task.emplace(story(std::forward<Arguments>(arguments)...)); });
  CHECK(loop.world().run_until([&] { return task->done(); }, seconds(1000)), "the story does not end");
  if constexpr (!std::is_void_v<T>) return task->take();
}

/// One file operation that a coroutine can wait for.
class AwaitedOperation final : public FileOperation {
 public:
  void run() override { done.set(); }
  Event done;
};

inline Task<int64_t> transfer(File& file, FileVerb verb, uint64_t offset, Bytes memory,
                              bool durable = false) {
  AwaitedOperation operation;
  const iovec part{memory.data(), memory.size()};
  operation.verb = verb;
  operation.durable = durable;
  operation.offset = offset;
  operation.length = memory.size();
  operation.parts = {&part, 1};
  file.submit(operation);
  co_await operation.done;
  co_return operation.result;
}

inline Task<int64_t> command(File& file, FileVerb verb, uint64_t offset, uint64_t length) {
  AwaitedOperation operation;
  operation.verb = verb;
  operation.offset = offset;
  operation.length = length;
  file.submit(operation);
  co_await operation.done;
  co_return operation.result;
}

}  // namespace ashlar::loop
