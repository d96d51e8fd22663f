// The agent's ?filter= and ?sort=, done here for lists that the agent does not filter.
#pragma once

#include <string_view>

#include "api/words.h"
#include "base/result.h"

namespace ashlar::cli {

/// Comma is AND: `field==value`, `field!=value`, `field~substring`, `field>number`, `field<number`; dots go into objects.
Result<api::Json> filter_items(const api::Json& items, std::string_view filter);
/// "name,-size_bytes"; numbers by value, the rest as text.
api::Json sort_items(api::Json items, std::string_view sort);

}  // namespace ashlar::cli
