// The recycle bin: how volumes get in and out of it. Pure.
#pragma once

#include <string>

#include "api/configuration.h"
#include "base/result.h"

namespace ashlar::agent {

/// Takes the volume, its snapshots and its maps out of the configuration and into the bin, for `hours`; with 0 hours they are
/// gone. `mark` makes the entry's name unique: 8 hex digits.
Result<void> recycle(api::Configuration& configuration, const std::string& volume, int64_t now, int64_t hours,
                     const std::string& mark);
/// Back as `new_name` (its old one when empty), with its snapshots, and with those of its maps that still fit.
Result<void> recover(api::Configuration& configuration, const std::string& entry,
                     const std::string& new_name);
/// The entry of that name, or the newest one of a volume of that name.
Result<std::string> find_recycled(const api::Configuration& configuration, const std::string& name);
/// Entries whose time has come.
std::vector<std::string> due(const api::Configuration& configuration, int64_t now);

}  // namespace ashlar::agent
