#include "cli/exit.h"

namespace ashlar::cli {

int exit_code_of(const Error& error) {
  switch (error.code) {
    case ErrorCode::not_found: return exit_not_found;
    case ErrorCode::already_exists:
    case ErrorCode::busy:
    case ErrorCode::stale: return exit_conflict;
    case ErrorCode::permission_denied:
    case ErrorCode::unauthenticated: return exit_denied;
    case ErrorCode::timed_out: return exit_timeout;
    default: return exit_failed;
  }
}

}  // namespace ashlar::cli
