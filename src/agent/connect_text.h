// What an administrator pastes on a host to see a volume: one text for each kind of host. Pure.
#pragma once

#include <string>

#include "api/configuration.h"
#include "base/result.h"

namespace ashlar::agent {

/// `format`: "linux", "windows", "esxi", "proxmox", "xen", "k8s"; empty: that of the host's type. not_found: the volume is not
/// mapped to the host.
Result<std::string> connect_text(const api::Configuration& configuration, const std::string& volume,
                                 const std::string& host, const std::string& format);

}  // namespace ashlar::agent
