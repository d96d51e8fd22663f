// One file for whoever is asked for help: what is configured, what happened, how it is. No secret is in it.
#pragma once

#include <string>

#include "agent/service.h"

namespace ashlar::agent {

/// Writes a tar.gz (libarchive) to `path`, mode 0600. Blocks.
Result<void> write_support_bundle(Service& service, const std::string& path, JobHandle& job);

}  // namespace ashlar::agent
