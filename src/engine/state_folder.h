// The folder of what the engine must not forget.
#pragma once

#include <string>

#include "base/result.h"

namespace ashlar::engine {

/// Makes it, and within it every folder that records lie in; what is there stays. Blocks: for the start, before anything is served.
Result<void> make_state_folder(const std::string& folder);

}  // namespace ashlar::engine
