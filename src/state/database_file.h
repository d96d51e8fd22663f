// Opening state.db: checked, migrated, or moved aside and begun anew.
#pragma once

#include <memory>
#include <string>

#include "state/connection.h"

namespace ashlar::state {

/// `now`: seconds since 1970, for the name of what is moved aside. `notice` is set when that was needed.
Result<std::unique_ptr<Connection>> open_database_file(const std::string& path, int64_t now,
                                                       std::string& notice);

/// Makes the next open look at the whole file, however large: damage was met while it was in use.
void suspect_database_file(const std::string& path);

}  // namespace ashlar::state
