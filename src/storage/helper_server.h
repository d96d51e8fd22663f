// The helper's side: the closed table of verbs.
#pragma once

#include "storage/helper_channel.h"
#include "storage/privileged.h"

namespace ashlar::storage {

/// Says that it is ready, then answers requests until the peer ends, or sends a line without an end. An unknown verb, bad
/// arguments and anything else that is no request is answered with an error and logged, a few times a minute.
void serve_helper(HelperChannel& channel, Privileged& privileged);

}  // namespace ashlar::storage
