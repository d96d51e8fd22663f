// All that a run of `ashlar` has of the world: given by main, made up by tests.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "cli/api.h"
#include "cli/terminal.h"

namespace ashlar::cli {

struct Surroundings {
  std::function<void(std::string_view)> data;  ///< standard output
  std::function<void(std::string_view)> talk;  ///< standard error
  std::shared_ptr<Terminal> terminal;
  std::function<std::string(const char*)> environment;  ///< empty: not set
  std::function<std::shared_ptr<Api>(const Connection&)> connect;
  std::function<Result<std::string>(const std::string& url)> server_fingerprint;
  std::function<std::chrono::steady_clock::time_point()> now;
  std::function<int64_t()> seconds_since_1970;
  std::function<void(std::chrono::milliseconds)> sleep;
  /// This process becomes that program, which stands beside ours, with these words. Comes back only when it cannot.
  std::function<Error(const std::string& program, const std::vector<std::string>& words)> become;
  std::function<void(std::span<uint8_t>)> random;  ///< bytes that nobody can guess
};

/// The process's own.
Surroundings real_surroundings();

}  // namespace ashlar::cli
