// Which part of a URL an attempt failed by: what whoever typed it can mend.
#pragma once

#include <string_view>

#include "base/result.h"
#include "initiator/url.h"

namespace ashlar::initiator {

/// `error`, of login(), NvmeController::attach() or a path, with the part of the URL at `place` that it is about for its place:
/// "url.port", "url.target", "url.lun". What is about no part of it (a secret, what the other side says wrong) comes back as it is.
Error fault_of_url(Error error, Protocol protocol, const loop::Endpoint& endpoint, std::string_view place);

}  // namespace ashlar::initiator
