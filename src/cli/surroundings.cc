#include "cli/surroundings.h"

#include <sys/random.h>

#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <thread>

#include "base/check.h"
#include "cli/server_certificate.h"

namespace ashlar::cli {

Surroundings real_surroundings() {
  const auto to = [](std::FILE* file) {
    return [file](std::string_view text) {
      std::fwrite(text.data(), 1, text.size(), file);
      std::fflush(file);
    };
  };
  Surroundings world;
  world.data = to(stdout);
  world.talk = to(stderr);
  world.terminal = make_terminal();
  world.environment = [](const char* name) {
    const char* value = std::getenv(name);
    return std::string(value == nullptr ? "" : value);
  };
  world.connect = make_api;
  world.server_fingerprint = server_fingerprint;
  world.now = [] { return std::chrono::steady_clock::now(); };
  world.seconds_since_1970 = [] { return static_cast<int64_t>(std::time(nullptr)); };
  world.sleep = [](std::chrono::milliseconds span) { std::this_thread::sleep_for(span); };
  world.random = [](std::span<uint8_t> bytes) {
    // At most 256 bytes at a time are given whole.
    CHECK(
        bytes.size() <= 256 && getrandom(bytes.data(), bytes.size(), 0) == static_cast<ssize_t>(bytes.size()),
        "the kernel has no random bytes");
  };
  return world;
}

}  // namespace ashlar::cli
