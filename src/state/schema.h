// The tables of state.db and how a file of an older version becomes one of this.
#pragma once

#include "state/connection.h"

namespace ashlar::state {

/// Brings it to the newest version, a transaction for each step. unsupported when it is newer than we know.
Result<void> migrate(Connection& connection);

}  // namespace ashlar::state
