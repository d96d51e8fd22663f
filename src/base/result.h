// Errors as values with a place: Result<T> is a T or an Error that says what, where and what to do.
#pragma once

#include <fmt/format.h>

#include <expected>
#include <string>
#include <string_view>
#include <utility>

namespace ashlar {

/// The classes of failure that a caller may act on. Translated once per protocol (SCSI sense, NVMe status, HTTP).
enum class ErrorCode : uint8_t {
  invalid_argument,   ///< the caller's input is wrong; `place` names the field
  not_found,          ///< the named thing does not exist
  already_exists,     ///< a thing of that name exists and differs
  busy,               ///< in use; try later or free it first
  permission_denied,  ///< authentication or access rules say no
  unsupported,        ///< a feature that this build, kernel or device lacks
  out_of_range,       ///< a number outside its documented bound
  exhausted,          ///< a bound (memory, sessions, queue) is reached
  no_space,           ///< the medium is full
  io_error,           ///< the device or the network failed
  protocol_error,     ///< the peer broke its protocol
  timed_out,
  aborted,          ///< ended on request
  closed,           ///< the peer or this side closed the channel
  stale,            ///< what the caller's change was based on has changed since: look again
  unauthenticated,  ///< who asks is not known: no credentials, or ones that do not count
};

/// "invalid_argument" and so on; stable, used in JSON.
std::string_view name_of(ErrorCode code);

/// A failure: class, the place (a field path such as "volumes[2].size", or a file path, or a peer), and a sentence that
/// says what is wrong and how to mend it. Control path only: it owns strings.
struct Error {
  ErrorCode code = ErrorCode::io_error;
  std::string place;
  std::string message;

  /// "volumes[2].size: must be a multiple of 512 (invalid_argument)"
  std::string text() const;
};

template <typename T>
using Result = std::expected<T, Error>;

/// Makes the error half of a Result: `return fail(ErrorCode::not_found, "volume", "no volume named {}", name);`
template <typename... Arguments>
[[nodiscard]] std::unexpected<Error> fail(ErrorCode code, std::string place,
                                          fmt::format_string<Arguments...> format, Arguments&&... arguments) {
  return std::unexpected(
      Error{code, std::move(place), fmt::format(format, std::forward<Arguments>(arguments)...)});
}

/// The error of an OS call: `code` is chosen from `errno_value` (ENOSPC is no_space, ENOENT not_found ...).
[[nodiscard]] Error error_of_errno(int errno_value, std::string place, std::string_view what);

}  // namespace ashlar

#define ASHLAR_CONCAT_INNER(a, b) a##b
#define ASHLAR_CONCAT(a, b) ASHLAR_CONCAT_INNER(a, b)

/// TRY_ASSIGN(auto size, parse_size(text));  returns the error from the enclosing function. Not in coroutines.
#define TRY_ASSIGN(declaration, expression) \
  TRY_ASSIGN_IMPL(return, ASHLAR_CONCAT(try_result_, __LINE__), declaration, expression)
/// The same in a coroutine (co_return). Evaluate `co_await` on the line before and pass the named result.
#define CO_TRY_ASSIGN(declaration, expression) \
  TRY_ASSIGN_IMPL(co_return, ASHLAR_CONCAT(try_result_, __LINE__), declaration, expression)
#define TRY_ASSIGN_IMPL(return_word, result, declaration, expression)  \
  auto result = (expression);                                          \
  if (!result) return_word std::unexpected(std::move(result).error()); \
  declaration = std::move(*result)

/// TRY(check_name(name));  for Result<void> or a value that is not wanted.
#define TRY(expression)                                                                                     \
  do {                                                                                                      \
    if (auto try_result = (expression); !try_result) return std::unexpected(std::move(try_result).error()); \
  } while (false)
#define CO_TRY(expression)                                      \
  do {                                                          \
    if (auto try_result = (expression); !try_result)            \
      co_return std::unexpected(std::move(try_result).error()); \
  } while (false)
