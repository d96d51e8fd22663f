// The addresses of this machine.
#pragma once

#include <vector>

#include "agent/isns_registration.h"

namespace ashlar::agent {

/// Of interfaces that are up, sorted, each once. Empty when the system does not tell.
std::vector<IsnsAddress> interface_addresses();

}  // namespace ashlar::agent
