// The root helper: a process of its own that does Privileged's verbs and nothing else.
#pragma once

#include <sys/types.h>

#include <memory>
#include <string>

#include "base/result.h"
#include "storage/privileged.h"

namespace ashlar::storage {

/// Forks the helper (call before any thread starts), which closes everything but its end of the socket pair, drops the
/// capabilities that its verbs do not need, is allowed the system calls that they need (libseccomp), and ends with its peer.
/// The answer speaks to it; any thread, one verb at a time.
Result<std::unique_ptr<Privileged>> fork_helper();

/// Becomes `user` (and its group) for good: no capabilities, no new privileges, no way back. Nothing when not root.
Result<void> drop_privileges(const std::string& user);

}  // namespace ashlar::storage
