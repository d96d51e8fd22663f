// filter, sort, fields, limit and cursor of a list, over its items as JSON. Pure.
#pragma once

#include <string>
#include <vector>

#include "api/words.h"
#include "base/result.h"

namespace ashlar::agent {

/// {"items": [...], "total": all that fit the filter, "next": where to go on, or null}. `query` has the list's parameters as
/// docs/openapi.yaml names them. invalid_argument names the parameter.
Result<api::Json> run_list_query(std::vector<api::Json> items, const api::Json& query);

}  // namespace ashlar::agent
