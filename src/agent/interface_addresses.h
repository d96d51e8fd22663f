// Addresses as the system tells them: in sockets' names, and those of this machine.
#pragma once

#include <sys/socket.h>

#include <vector>

#include "agent/isns_registration.h"

namespace ashlar::agent {

/// Of IPv4 as mapped; zeroes for a name of another family.
IsnsAddress address_of(const sockaddr& name);
/// Of interfaces that are up, sorted, each once. Empty when the system does not tell.
std::vector<IsnsAddress> interface_addresses();

}  // namespace ashlar::agent
