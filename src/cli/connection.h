// Which agent is meant: by option, by environment, by arrays.json, else the one on this machine.
#pragma once

#include <string>

#include "cli/api.h"
#include "cli/options.h"
#include "cli/surroundings.h"

namespace ashlar::cli {

/// ~/.config/ashlar, or what $XDG_CONFIG_HOME says. Empty when there is no home.
std::string configuration_folder(const Surroundings& world);
/// arrays.json in it; not_found when there is no home.
Result<std::string> arrays_path(const Surroundings& world);

/// --url, --array, $ASHLAR_URL, the preferred array, $ASHLAR_AGENT_SOCKET, ./var/agent.sock, /run/ashlar/agent.sock: the first
/// that is said. A URL that arrays.json knows brings its fingerprint and its credential along.
Result<Connection> choose_connection(const Options& options, const Surroundings& world);

}  // namespace ashlar::cli
