#include <cstdio>

#include "agent/program.h"

int main(int count, char** words) {
  constexpr int exit_usage = 2;
  const auto options = ashlar::agent::parse_options(count, words);
  if (!options) {
    std::fprintf(stderr, "ashlard: %s\n", options.error().text().c_str());
    return exit_usage;
  }
  return *options ? ashlar::agent::run_program(**options) : 0;
}
