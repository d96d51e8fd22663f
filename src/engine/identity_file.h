// The identities that the engine drew, in a file of its state folder: for documents that leave them out.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "engine/plan.h"

namespace ashlar::engine {

/// Empty when there is no such file. Calls that block: for the start and for worker threads.
Result<DrawnIdentities> load_identities(const std::string& path);
/// The whole of it, or the file of before: written beside, synced, renamed, and the folder synced.
Result<void> save_identities(const std::string& path, const std::vector<KeptIdentity>& identities);

}  // namespace ashlar::engine
