// A blocking call as a story: runs on the worker pool, its value comes back to the awaiting coroutine.
#pragma once

#include <optional>
#include <type_traits>
#include <utility>

#include "loop/loop.h"

namespace ashlar::loop {

/// Runs `work` on the worker pool of `loop`; `work` must not touch what the loop's thread may use meanwhile.
template <typename Work>
auto on_worker(Loop& loop, Work work) -> Task<std::invoke_result_t<Work&>> {
  std::optional<std::invoke_result_t<Work&>> value;
  Event finished;
  std::move_only_function<void()> job = [&value, &work] { value.emplace(work()); };
  std::move_only_function<void()> answer = [&finished] { finished.set(); };
  loop.run_blocking(std::move(job), std::move(answer));
  co_await finished;
  co_return std::move(*value);
}

}  // namespace ashlar::loop
