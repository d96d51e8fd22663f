// Verbs of volumes and snapshots that are more than list, show, create, set and delete.
#pragma once

#include "cli/invocation.h"

namespace ashlar::cli {

Result<void> resize_volume(Invocation& invocation);
Result<void> clear_reservations(Invocation& invocation);
Result<void> insert_medium(Invocation& invocation);
Result<void> eject_medium(Invocation& invocation);
Result<void> clone_volume(Invocation& invocation);
Result<void> list_deleted(Invocation& invocation);
Result<void> recover_volume(Invocation& invocation);
Result<void> purge_volume(Invocation& invocation);
Result<void> create_snapshot(Invocation& invocation);
Result<void> restore_snapshot(Invocation& invocation);
Result<void> clone_snapshot(Invocation& invocation);

}  // namespace ashlar::cli
