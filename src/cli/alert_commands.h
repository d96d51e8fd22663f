// Verbs of alerts that are more than list, show, create, set and delete.
#pragma once

#include "cli/invocation.h"

namespace ashlar::cli {

Result<void> acknowledge_alert(Invocation& invocation);
Result<void> test_channel(Invocation& invocation);

}  // namespace ashlar::cli
