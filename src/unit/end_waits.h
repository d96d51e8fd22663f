// Who waits until commands that were told to end have ended.
#pragma once

#include <functional>
#include <vector>

#include "loop/loop.h"

namespace ashlar::unit {

/// Of one shard, on its shard. What is waited for is known by its address alone, and never followed.
class EndWaits {
 public:
  /// `done` is called once, from the ready list, when all of `left` (at least one) have ended.
  void add(std::vector<const void*> left, std::move_only_function<void()> done);
  /// One that may be waited for has ended.
  void ended(loop::Loop& loop, const void* one);

 private:
  struct Wait {
    std::vector<const void*> left;
    std::move_only_function<void()> done;
  };
  std::vector<Wait> waits_;
};

}  // namespace ashlar::unit
