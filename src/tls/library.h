// What is set up of OpenSSL once, for all connections.
#pragma once

#include <openssl/ssl.h>

#include "base/tls_psk.h"

namespace ashlar::tls {

class Session;

/// Of the side that is named; null when this OpenSSL has no TLS 1.3 with our cipher suites.
SSL_CTX* library_context(bool server);
/// A BIO over the session's carrier; null when memory is out.
BIO* make_carrier_bio(Session& session);
/// The one cipher suite of that hash.
const char* suite_of(PskHash hash);

}  // namespace ashlar::tls
