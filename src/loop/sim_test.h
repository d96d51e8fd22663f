// For tests on a simulated world: run a story on a loop and drive the world until it is over.
#pragma once

#include <optional>

#include "loop/awaited_file.h"
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

}  // namespace ashlar::loop
