// A function for the ready list, for those who have no Ready of their own.
#pragma once

#include <functional>

#include "loop/loop.h"

namespace ashlar::loop {

/// Runs `work` once, later in this turn. Control path: allocates.
void post_function(Loop& loop, std::move_only_function<void()> work);

}  // namespace ashlar::loop
