// Jobs, events, settings and the support bundle.
#pragma once

#include "cli/invocation.h"

namespace ashlar::cli {

Result<void> watch_job_command(Invocation& invocation);
Result<void> cancel_job(Invocation& invocation);
Result<void> list_events(Invocation& invocation);
Result<void> follow_events(Invocation& invocation);
Result<void> set_setting(Invocation& invocation);
Result<void> unset_setting(Invocation& invocation);
Result<void> support_bundle(Invocation& invocation);

}  // namespace ashlar::cli
