#include "base/result.h"

#include <cerrno>
#include <cstring>

#include "base/check.h"

namespace ashlar {

std::string_view name_of(ErrorCode code) {
  switch (code) {
    case ErrorCode::invalid_argument: return "invalid_argument";
    case ErrorCode::not_found: return "not_found";
    case ErrorCode::already_exists: return "already_exists";
    case ErrorCode::busy: return "busy";
    case ErrorCode::permission_denied: return "permission_denied";
    case ErrorCode::unsupported: return "unsupported";
    case ErrorCode::out_of_range: return "out_of_range";
    case ErrorCode::exhausted: return "exhausted";
    case ErrorCode::no_space: return "no_space";
    case ErrorCode::io_error: return "io_error";
    case ErrorCode::protocol_error: return "protocol_error";
    case ErrorCode::timed_out: return "timed_out";
    case ErrorCode::aborted: return "aborted";
    case ErrorCode::closed: return "closed";
    case ErrorCode::stale: return "stale";
    case ErrorCode::unauthenticated: return "unauthenticated";
  }
  return "unknown";
}

std::string Error::text() const {
  if (place.empty()) return fmt::format("{} ({})", message, name_of(code));
  return fmt::format("{}: {} ({})", place, message, name_of(code));
}

static ErrorCode code_of_errno(int errno_value) {
  switch (errno_value) {
    case ENOENT:
    case ENODEV:
    case ENXIO: return ErrorCode::not_found;
    case EEXIST: return ErrorCode::already_exists;
    case EBUSY:
    case EAGAIN:
    case EADDRINUSE:
    case ETXTBSY: return ErrorCode::busy;
    case EACCES:
    case EPERM:
    case EROFS: return ErrorCode::permission_denied;
    case EINVAL:
    case EISDIR:
    case ENOTDIR:
    case ENAMETOOLONG:
    case EADDRNOTAVAIL: return ErrorCode::invalid_argument;
    case EOPNOTSUPP:
    case ENOSYS: return ErrorCode::unsupported;
    case ENOMEM:
    case EMFILE:
    case ENFILE: return ErrorCode::exhausted;
    case ENOSPC:
    case EDQUOT:
    case EFBIG: return ErrorCode::no_space;
    case ETIMEDOUT: return ErrorCode::timed_out;
    case ECANCELED: return ErrorCode::aborted;
    case EPIPE:
    case ECONNRESET:
    case ECONNREFUSED:
    case ENOTCONN: return ErrorCode::closed;
    default: return ErrorCode::io_error;
  }
}

Error error_of_errno(int errno_value, std::string place, std::string_view what) {
  return Error{code_of_errno(errno_value), std::move(place),
               fmt::format("{}: {}", what, std::strerror(errno_value))};
}

}  // namespace ashlar
