// ashlar: data on standard output, talk on standard error.
#include <csignal>
#include <cstdio>

#include "cli/command.h"

int main(int count, char** words) {
  // `ashlar engine events --follow | head` ends without a word.
  std::signal(SIGPIPE, SIG_DFL);
  const auto to = [](std::FILE* file) {
    return [file](std::string_view text) {
      std::fwrite(text.data(), 1, text.size(), file);
      std::fflush(file);
    };
  };
  return ashlar::cli::run({words + 1, words + count}, to(stdout), to(stderr));
}
