// The exit codes, the same for every command.
#pragma once

#include "base/result.h"

namespace ashlar::cli {

enum Exit : int {
  exit_ok = 0,
  exit_failed = 1,
  exit_usage = 2,
  exit_not_found = 3,
  exit_conflict = 4,
  exit_denied = 5,
  exit_timeout = 6
};

int exit_code_of(const Error& error);

}  // namespace ashlar::cli
