// An answer that the server gives by itself, before or instead of the handler.
#pragma once

#include <string>

#include "http/message.h"

namespace ashlar::http {

/// application/problem+json (RFC 9457) with the status' own title. `code` is an ErrorCode's name.
Response refusal(int status, const std::string& code, const std::string& detail);

/// "Not Found"; "Unknown" for a status without a name.
std::string reason_of(int status);

}  // namespace ashlar::http
