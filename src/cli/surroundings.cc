#include "cli/surroundings.h"

#include <sys/random.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <system_error>
#include <thread>

#include "base/check.h"
#include "cli/server_certificate.h"

namespace ashlar::cli {
namespace {

Error become_program(const std::string& program, const std::vector<std::string>& words) {
  std::error_code ignored;
  const std::filesystem::path here = std::filesystem::read_symlink("/proc/self/exe", ignored);
  const std::string path = here.parent_path() / program;
  std::vector<char*> arguments = {const_cast<char*>(program.c_str())};
  for (const std::string& word : words) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  ::execv(path.c_str(), arguments.data());
  return error_of_errno(errno, path, "cannot be run");
}

}  // namespace

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
  world.become = become_program;
  world.random = [](std::span<uint8_t> bytes) {
    // At most 256 bytes at a time are given whole.
    CHECK(
        bytes.size() <= 256 && getrandom(bytes.data(), bytes.size(), 0) == static_cast<ssize_t>(bytes.size()),
        "the kernel has no random bytes");
  };
  return world;
}

}  // namespace ashlar::cli
