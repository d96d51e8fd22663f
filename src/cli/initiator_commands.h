// `ashlar engine discover` and `inspect`: other arrays, as the engine sees them from its own network.
#pragma once

#include <string>
#include <vector>

#include "cli/engine_commands.h"

namespace ashlar::cli {

struct InitiatorWords {
  std::vector<std::string> urls;
  std::string user, mutual_user, initiator, host_nqn;
  /// Files; "-" is standard input, for one of them.
  std::string secret_file, mutual_secret_file, dhchap_key_file, dhchap_controller_key_file, tls_key_file;
};

Result<void> discover_targets(const Context& context, const InitiatorWords& words);
Result<void> inspect_unit(const Context& context, const InitiatorWords& words);

}  // namespace ashlar::cli
