// ashlar: data on standard output, talk on standard error.
#include <clocale>
#include <csignal>

#include "cli/run.h"

int main(int count, char** words) {
  std::setlocale(LC_CTYPE, "");  // tables count characters, not bytes
  // `ashlar event follow | head` ends without a word.
  std::signal(SIGPIPE, SIG_DFL);
  return ashlar::cli::run({words + 1, words + count}, ashlar::cli::real_surroundings());
}
