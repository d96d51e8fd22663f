#include "cli/surroundings.h"

#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <thread>

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
  return world;
}

}  // namespace ashlar::cli
