// The whole program, but for its process.
#pragma once

#include <string>
#include <vector>

#include "cli/options.h"
#include "cli/surroundings.h"

namespace ashlar::cli {

/// `words` are without the program's name; `options` are what holds when the words say nothing else. Returns the exit code.
int run(const std::vector<std::string>& words, const Surroundings& world, const Options& options = {});

}  // namespace ashlar::cli
