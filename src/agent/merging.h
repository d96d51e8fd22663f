// A wish for a part of the configuration, and an older configuration, made into the next one. Pure.
#pragma once

#include "api/configuration.h"
#include "base/result.h"

namespace ashlar::agent {

/// Resources of the kinds that `wish` names replace those of their name, or are added; with `prune` the others of those kinds
/// go, volumes to the recycle bin. Kinds that are not portable (users, tokens, the bin) are refused.
Result<void> merge_wish(api::Configuration& next, const api::Json& wish, bool prune, int64_t now);

/// `old` again, as far as data allows: what was deleted for good cannot come back (unsupported names it); volumes of today
/// that `old` does not know go to the recycle bin; snapshots, users and tokens stay as they are today.
Result<void> roll_back(api::Configuration& next, const api::Configuration& old, uint64_t number, int64_t now);

}  // namespace ashlar::agent
