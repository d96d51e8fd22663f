// The layers: devices over a device. One file each; a stack has at most Request::max_layers of them that look at completions.
#pragma once

#include <memory>

#include "block/store.h"

namespace ashlar::layers {

/// Adds every kind below to `registry`.
void add_all(block::Registry& registry);

using StackedStore = Result<std::shared_ptr<block::Store>>;

/// "readonly": refuses whatever would change the medium. No options.
StackedStore stack_readonly(block::StoreSpec spec, std::shared_ptr<block::Store> below);

/// "stats": counts, bytes, errors and latencies of each operation; in every production stack. No options.
StackedStore stack_stats(block::StoreSpec spec, std::shared_ptr<block::Store> below);

/// "fault": errors, delays, hangs and torn writes on purpose, for tests; see fault.h. Options operations, rate_per_million,
/// nth, error, delay_ms, hang, torn, seed.
StackedStore stack_fault(block::StoreSpec spec, std::shared_ptr<block::Store> below);

}  // namespace ashlar::layers
