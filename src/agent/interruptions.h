// Which sessions a change would end, or take something from. Pure.
#pragma once

#include <vector>

#include "agent/planner.h"

namespace ashlar::agent {

/// By session, each loss once: its host by name, and why.
std::vector<api::Interruption> find_interruptions(const api::Configuration& before,
                                                  const api::Configuration& after, const Work& work,
                                                  const std::vector<rpc::SessionStatus>& sessions);

}  // namespace ashlar::agent
