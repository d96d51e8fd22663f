// What a half-typed line may go on with: words of the table at once, names of the array when it answers within a second.
#pragma once

#include <string>
#include <vector>

#include "cli/options.h"
#include "cli/surroundings.h"

namespace ashlar::cli {

/// `words` without the program's name; the last one is the one at the cursor, and may be empty. Says nothing on errors.
std::vector<std::string> complete(const std::vector<std::string>& words, const Surroundings& world,
                                  const Options& options);
/// Names of the noun that begin with `prefix`, as the array tells them; none when it does not answer.
std::vector<std::string> live_names(std::string_view noun, const std::string& prefix,
                                    const Surroundings& world, const Options& options);

}  // namespace ashlar::cli
