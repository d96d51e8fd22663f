// Other arrays: `ashlar initiator` asks the agent about them, `ashlar engine discover` and `inspect` the engine itself.
#pragma once

#include <string>
#include <vector>

#include "cli/engine_commands.h"
#include "cli/invocation.h"

namespace ashlar::cli {

// By the agent's API.
Result<void> discover_targets(Invocation& invocation);
Result<void> inspect_unit(Invocation& invocation);
/// Refuses: `ashlar initiator bench` is become_bench(), when its words stand first.
Result<void> explain_bench(Invocation& invocation);

constexpr std::string_view initiator_noun = "initiator", bench_verb = "bench";
/// Becomes ashlar-bench with these words; an error when that cannot be.
Error become_bench(const std::vector<std::string>& words, const Surroundings& world);

// By the engine's socket.
struct InitiatorWords {
  std::vector<std::string> urls;
  std::string user, mutual_user, initiator, host_nqn;
  /// Files; "-" is standard input, for one of them.
  std::string secret_file, mutual_secret_file, dhchap_key_file, dhchap_controller_key_file, tls_key_file;
};
Result<void> discover_targets(const Context& context, const InitiatorWords& words);
Result<void> inspect_unit(const Context& context, const InitiatorWords& words);

}  // namespace ashlar::cli
