// Verbs of hosts, maps and sessions that are more than list, show, create, set and delete.
#pragma once

#include "cli/invocation.h"

namespace ashlar::cli {

Result<void> discover_hosts(Invocation& invocation);
Result<void> create_map(Invocation& invocation);
Result<void> list_sessions_of_hosts(Invocation& invocation);
Result<void> drop_session_of_host(Invocation& invocation);
Result<void> show_connect(Invocation& invocation);

}  // namespace ashlar::cli
