// ashlard from beginning to end: its parts, in the order in which they need each other.
#pragma once

#include "agent/program_options.h"

namespace ashlar::agent {

/// Returns the exit code. Signals SIGTERM and SIGINT end it.
int run_program(const ProgramOptions& options);

}  // namespace ashlar::agent
