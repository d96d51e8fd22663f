// The fingerprint of the certificate that a server shows: to be looked at by a person before it is trusted.
#pragma once

#include <string>

#include "base/result.h"

namespace ashlar::cli {

/// Hex SHA-256 of the certificate that `url` ("https://HOST:PORT") shows in a TLS handshake that trusts nothing and sends
/// nothing. Blocking, 10 s at most for connecting. Errors: closed, timed_out, protocol_error.
Result<std::string> server_fingerprint(const std::string& url);

}  // namespace ashlar::cli
