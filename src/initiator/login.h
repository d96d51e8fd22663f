// How a host gets a session, and how it learns which targets there are.
#pragma once

#include <memory>
#include <vector>

#include "base/result.h"
#include "initiator/options.h"
#include "initiator/session.h"
#include "loop/loop.h"
#include "loop/task.h"

namespace ashlar::initiator {

/// Connects and logs in. Errors: what connect() says; permission_denied (CHAP failed on either side, or not allowed),
/// not_found (no such target for us), busy (the target has no room), timed_out, protocol_error (the target broke the
/// standard; the text says how), invalid_argument and out_of_range (the options).
loop::Task<Result<std::unique_ptr<Session>>> login(loop::Loop& loop, LoginOptions options);

/// A discovery session: SendTargets=All, then logout. options.target_name is not used.
loop::Task<Result<std::vector<DiscoveredTarget>>> discover(loop::Loop& loop, LoginOptions options);

/// What SendTargets answered, as targets. Errors: protocol_error.
Result<std::vector<DiscoveredTarget>> parse_targets(std::string_view text);

}  // namespace ashlar::initiator
