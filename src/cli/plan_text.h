// A plan as people read it: what would be done, what would differ, and whom it would disturb.
#pragma once

#include <string>

#include "cli/invocation.h"

namespace ashlar::cli {

/// The fields of api::Plan; what is missing is left out.
std::string plan_text(const Invocation& invocation, const Json& plan);
/// A list of api::Difference: "+ volumes/db2", "~ volumes/db1/size_bytes: 10 -> 20", "- maps/db1.esx01".
std::string differences_text(const Invocation& invocation, const Json& differences);
/// Whom it disturbs, by the host's name; empty: nobody.
std::string interruptions_text(const Invocation& invocation, const Json& interruptions);

}  // namespace ashlar::cli
