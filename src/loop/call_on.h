// The body of call_on(): a round trip to another shard's mailbox.
#pragma once

#include "loop/loop.h"

namespace ashlar::loop {

template <typename Work>
auto call_on(uint32_t to, Work work) -> Task<std::invoke_result_t<Work&>> {
  using Value = std::invoke_result_t<Work&>;
  Loop& home = Loop::current();
  Shards& shards = home.shards();
  const uint32_t home_index = home.index();
  Event answered;
  if constexpr (std::is_void_v<Value>) {
    std::move_only_function<void()> there = [&] {
      work();
      std::move_only_function<void()> back = [&] { answered.set(); };
      shards.send(home_index, std::move(back));
    };
    shards.send(to, std::move(there));
    co_await answered;
  } else {
    std::optional<Value> value;
    std::move_only_function<void()> there = [&] {
      value.emplace(work());
      std::move_only_function<void()> back = [&] { answered.set(); };
      shards.send(home_index, std::move(back));
    };
    shards.send(to, std::move(there));
    co_await answered;
    co_return std::move(*value);
  }
}

}  // namespace ashlar::loop
