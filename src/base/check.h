// CHECK: a condition that only a bug can break. Never for input from a host, a disk or a person.
#pragma once

#include <fmt/format.h>

#include <string>

namespace ashlar {

/// Prints the condition, its place and `message` to the log and to stderr, then aborts. Never returns.
[[noreturn]] void check_failed(const char* condition, const char* file, int line, const std::string& message);

}  // namespace ashlar

/// Always on, release builds too: a storage engine that goes on after a broken invariant writes wrong data.
/// Usage: CHECK(offset < size) or CHECK(offset < size, "offset {} of {}", offset, size).
#define CHECK(condition, ...)                                                    \
  do {                                                                           \
    if (!(condition)) [[unlikely]]                                               \
      ::ashlar::check_failed(#condition, __FILE__, __LINE__,                     \
                             std::string{__VA_OPT__(fmt::format(__VA_ARGS__))}); \
  } while (false)
