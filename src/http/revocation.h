// The list of certificates that no longer count (RFC 5280 5).
#pragma once

#include <string>

#include "base/result.h"
#include "http/certificate_builder.h"

namespace ashlar::http {

/// A list with nothing on it.
Result<RevocationList> make_revocation_list(const Authority& issuer);

/// `list` with `serial_hex` on it too, and signed anew with the next number. One that is on it already stays as it is.
/// invalid_argument: no serial number.
Result<RevocationList> with_revoked(const RevocationList& list, const Authority& issuer,
                                    const std::string& serial_hex);

/// A list whose time ends refuses every client: it is signed anew long before. True: `list` should be.
bool wants_renewal(const X509_CRL* list);
Result<RevocationList> renewed(const RevocationList& list, const Authority& issuer);

}  // namespace ashlar::http
