// Jobs: work that the agent goes on with while we look.
#pragma once

#include <string>

#include "cli/invocation.h"

namespace ashlar::cli {

/// The id in a 202's Location ("/api/v1/jobs/42") or its body.
std::string job_of(const Answer& accepted);
/// Waits for its end, with a bar on standard error's tty. The job as it ended well; else its error. With --timeout it gives up
/// after that (timed_out): the job goes on.
Result<Json> watch_job(Invocation& invocation, const std::string& id);

}  // namespace ashlar::cli
