// What the helper gives up before it hears the first request.
#pragma once

#include "base/result.h"

namespace ashlar::storage {

/// This process, for good: no new privileges; as root only the capabilities that the verbs need; only the system calls that the
/// verbs need. Calls that no verb could want (exec, fork, mount, ptrace, loading modules) end the process; the rest are EPERM, so
/// that a library that tries something newer first falls back instead of taking the helper down. One thread only.
Result<void> enter_helper_sandbox();

}  // namespace ashlar::storage
