// The TLS settings of the server, made from its files: TLS 1.3 only, client certificates of our CA welcome.
#pragma once

#include <memory>

#include "base/result.h"
#include "http/server.h"
#include "http/x509.h"

namespace ashlar::http {

/// Reads the files that `options` name. Errors: `place` is the option, or the file.
Result<SslContext> make_tls_context(const ServerOptions& options);

}  // namespace ashlar::http
