// The configuration as a whole: files, generations, plans.
#pragma once

#include "cli/invocation.h"

namespace ashlar::cli {

Result<void> export_configuration(Invocation& invocation);
Result<void> import_configuration(Invocation& invocation);
Result<void> diff_configuration(Invocation& invocation);
Result<void> apply_configuration(Invocation& invocation);
Result<void> diff_generations(Invocation& invocation);
Result<void> roll_back(Invocation& invocation);
Result<void> show_plan(Invocation& invocation);
Result<void> apply_plan(Invocation& invocation);

}  // namespace ashlar::cli
