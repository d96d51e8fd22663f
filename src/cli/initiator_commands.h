// `ashlar engine discover` and `inspect`: other arrays, as the engine sees them from its own network.
#pragma once

#include <string>
#include <vector>

#include "cli/engine_commands.h"

namespace ashlar::cli {

struct InitiatorWords {
  std::vector<std::string> urls;
  std::string user, secret_file, initiator, host_nqn;
};

Result<void> discover_targets(const Context& context, const InitiatorWords& words);
Result<void> inspect_unit(const Context& context, const InitiatorWords& words);

}  // namespace ashlar::cli
