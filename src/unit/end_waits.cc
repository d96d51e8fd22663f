#include "unit/end_waits.h"

#include "loop/post_function.h"

namespace ashlar::unit {

void EndWaits::add(std::vector<const void*> left, std::move_only_function<void()> done) {
  CHECK(!left.empty(), "nothing is waited for");
  waits_.push_back({std::move(left), std::move(done)});
}

void EndWaits::ended(loop::Loop& loop, const void* one) {
  for (size_t i = 0; i < waits_.size();) {
    Wait& wait = waits_[i];
    std::erase(wait.left, one);
    if (!wait.left.empty()) {
      ++i;
      continue;
    }
    loop::post_function(loop, std::move(wait.done));
    waits_.erase(waits_.begin() + static_cast<std::ptrdiff_t>(i));
  }
}

}  // namespace ashlar::unit
