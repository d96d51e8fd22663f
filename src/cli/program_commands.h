// status, top, api, and what the command line tells about itself.
#pragma once

#include "cli/invocation.h"

namespace ashlar::cli {

Result<void> show_health(Invocation& invocation);        // status_command.cc
Result<void> show_top(Invocation& invocation);           // top.cc
Result<void> raw_request(Invocation& invocation);        // raw_request.cc
Result<void> run_shell_command(Invocation& invocation);  // shell.cc
Result<void> print_completion(Invocation& invocation);   // completion_scripts.cc
Result<void> print_manual(Invocation& invocation);       // manual.cc

}  // namespace ashlar::cli
